"""Tables and cards as booktabs LaTeX, Markdown and CSV, with the digits that the intervals allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.errors import UserError
from evals.core.files import plain_cell, write_file
from probes.findings.card import card
from probes.findings.card_numbers import said
from probes.findings.grids import grids
from probes.findings.rows import Card, Cell, Grid, Row, plain_text
from probes.findings.types import Comparison, Finding
from reports.drawings import slug
from reports.frames.study import shown_k
from reports.inputs import Pair, expansions, load_findings, number
from reports.rounding import with_interval

CARDS = 20  # comparisons whose cards are written; a study of more has its table


def write_tables(source: Path, out: Path) -> list[str]:
    """Write every table as .tex, .md and .csv, and every card as .tex and .md; returns their names."""
    findings = load_findings(source)
    tables, pairs = tables_of(findings), expansions(findings)[:CARDS]
    if not tables:
        raise UserError(f"the findings of {source} give no table; run `probes expand` or another probe first")
    for table in tables:
        write_file(out / f"{table.name}.tex", latex(table))
        write_file(out / f"{table.name}.md", markdown(table))
        write_file(out / f"{table.name}.csv", csv(table))
    names = ["card"] if len(pairs) == 1 else [f"card-{i}" for i in range(1, len(pairs) + 1)]
    for name, (finding, comparison) in zip(names, pairs, strict=True):
        shown = card(finding, comparison)
        write_file(out / f"{name}.tex", card_latex(shown))
        write_file(out / f"{name}.md", card_markdown(shown))
    return [t.name for t in tables]


def tables_of(findings: Sequence[Finding]) -> list[Grid]:
    """Comparisons, support counts, and of every other probe its estimates and its own tables."""
    pairs = expansions(findings)
    tables = [comparison_table(pairs), support_table(pairs)] if pairs else []
    names: dict[str, int] = {}
    for finding in findings:
        probe = slug(finding.probe)
        names[probe] = names.get(probe, 0) + 1
        name = f"{probe}-{names[probe]}"
        for table in grids(finding):
            whole = table.name == "estimates"
            ending = name if whole else f"{name}-{table.name.rpartition('-')[2]}"
            tables.append(_rounded(table, ending) if whole else replace(table, name=ending))
    return tables


def comparison_table(pairs: Sequence[Pair]) -> Grid:
    """One row a comparison: the verdict that stands, Δ in points at a few k, with the declared K."""
    ks = sorted({k for _, c in pairs for k in [*shown_k(c.k), c.options.K]})
    rows = []
    for finding, c in pairs:
        asked = (finding.problems and finding.problems.name) or ""
        words = (c.a, c.b, asked, f"{c.problems}", said(c.headline.outcome, c.headline.kind))
        values = [_points(c, c.k.index(k)) if k in c.k else Cell("—") for k in ks]
        rows.append((*(Cell(plain_text(w)) for w in words), *values))
    heads = ("A", "B", "problems of", "number", "verdict", *(f"Δpass@{k}" for k in ks))
    levels = ", ".join(f"{100 * (1 - one):g}%" for one in sorted({c.options.level for _, c in pairs}))
    caption = f"Differences B − A in points, with {levels} paired intervals."
    if any(c.ends != ("low", "high") for _, c in pairs):
        caption += " Where the benchmark is the target, they are of sampling noise alone."
    return Grid("comparisons", caption, heads, tuple(rows))


def support_table(pairs: Sequence[Pair]) -> Grid:
    """One row a comparison: problems solved by both, gained, lost, neither, beside the expectation."""
    rows = []
    for _, c in pairs:
        row = [Cell(plain_text(c.a)), Cell(plain_text(c.b)), Cell(str(c.support.n))]
        for kind in "PESO":
            count, expected = getattr(c.support, kind), c.support.expect(kind)
            text = f"{count:,}"
            if expected.mean is not None:
                text += f" ({expected.mean:,.0f}; {expected.low:,.0f}–{expected.high:,.0f})"
            row.append(Cell(text, (count, expected.mean, expected.low, expected.high)))
        rows.append(tuple(row))
    caption = (
        "Problems solved at least once in n samples: by both, only by B, only by A, by neither; in brackets "
        "what two draws of one model would give, mean and interval."
    )
    return Grid("support", caption, ("A", "B", "n", "both", "gained", "lost", "neither"), tuple(rows))


def _points(c: Comparison, i: int) -> Cell:
    """A difference with its interval, in points."""
    found = tuple(round(100 * number(c.delta.at(end, i)), 10) for end in ("estimate", *c.ends))
    return Cell(with_interval(*found, signed=True), found)


def _rounded(grid: Grid, name: str) -> Grid:
    """A grid whose estimates have the digits that their intervals allow."""

    def cell(one: Cell) -> Cell:
        signed = one.text.startswith(("+", "-"))
        text = with_interval(*one.numbers, signed=signed) if len(one.numbers) == 3 else one.text
        return replace(one, text=text if one.numbers else one.text.replace("-", "—", one.text == "-"))

    return replace(grid, name=name, rows=tuple(tuple(map(cell, row)) for row in grid.rows))


def latex(table: Grid) -> str:
    """A booktabs table; every text escaped."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        f"\\caption{{{escaped(table.caption)}}}",
    ]
    return "\n".join([*lines, *_tabular(table), r"\end{table}", ""])


def _tabular(table: Grid) -> list[str]:
    lines = [f"\\begin{{tabular}}{{{_columns(table)}}}", r"\toprule"]
    lines += [" & ".join(escaped(h) for h in table.heads) + r" \\", r"\midrule"]
    lines += [" & ".join(map(_entry, row)) + r" \\" for row in table.rows]
    return [*lines, r"\bottomrule", r"\end{tabular}"]


def _entry(cell: Cell) -> str:
    return escaped(cell.text.replace("-", "−") if cell.numbers else cell.text)


def _columns(table: Grid) -> str:
    return "".join("r" if table.numeric(i) or _digits(table, i) else "l" for i in range(len(table.heads)))


def _digits(table: Grid, column: int) -> bool:
    return all(row[column].text.isdigit() for row in table.rows)


LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "→": r"$\to$",
    "—": "---",
    "–": "--",
    "\n": " ",
    "\r": " ",
}


def escaped(text: str) -> str:
    """Text with what LaTeX would take for commands escaped."""
    return "".join(LATEX.get(c, c) for c in text)


def markdown(table: Grid) -> str:
    """A Markdown table; pipes and line breaks of a text escaped."""

    def line(texts: Sequence[str]) -> str:
        return "| " + " | ".join(_inline(t).replace("|", "\\|") for t in texts) + " |"

    marks = ["---:" if c == "r" else "---" for c in _columns(table)]
    lines = [line(table.heads), "| " + " | ".join(marks) + " |"]
    return "\n".join([*lines, *(line([c.text for c in row]) for row in table.rows), "", table.caption, ""])


def _inline(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", " ").replace("<", "&lt;").replace("*", "\\*")


def card_markdown(shown: Card) -> str:
    """A card in Markdown."""
    marks = {"failed": "**CHECK** ", "unknown": "? ", "passed": "ok "}
    parts = []
    for item in shown.items():
        if isinstance(item, Grid):
            parts.append("\n" + markdown(item))
        elif item.kind in (*marks, "reason"):
            parts.append(f"- {marks.get(item.kind, '')}{_labelled(item, _inline)}")
        elif item.kind == "headline":
            parts.append(f"\n## {_inline(item.text)}\n")
        else:
            parts.append(f"\n{_inline(item.text)}")
    return "\n".join(parts).strip() + "\n"


def card_latex(shown: Card) -> str:
    """A card as a LaTeX minipage: text, booktabs tables and the checks as a description list."""
    lines = [r"% needs \usepackage{booktabs}", r"\begin{minipage}{\linewidth}", r"\small"]
    for section in shown.sections:
        for item in section.items:
            if isinstance(item, Grid):
                lines += ["", *_tabular(item), ""]
            elif item.kind == "headline":
                lines.append(f"\\textbf{{{escaped(item.text)}}}\\par")
            elif item.kind in ("failed", "unknown", "passed"):
                mark = {"failed": "CHECK", "unknown": "?", "passed": "ok"}[item.kind]
                lines.append(f"\\textit{{{mark}}} {_labelled(item, escaped)}\\par")
            else:
                lines.append(escaped(item.text) + r"\par")
        lines.append(r"\medskip")
    return "\n".join([*lines, r"\end{minipage}", ""])


def _labelled(row: Row, escape: Any) -> str:
    return f"{escape(row.label)}: {escape(row.text)}" if row.label else str(escape(row.text))


def csv(table: Grid) -> str:
    """The numbers unrounded: beside each interval or expectation, in columns of their own."""
    width = [max((len(r[i].numbers) for r in table.rows), default=0) for i in range(len(table.heads))]
    ends = {
        0: ("",),
        1: ("",),
        3: ("", " low", " high"),
        4: ("", " expected", " expected low", " expected high"),
    }
    columns = [plain_cell(h + end) for h, w in zip(table.heads, width, strict=True) for end in ends[w]]
    rows = []
    for row in table.rows:
        values: list[Any] = []
        for cell, w in zip(row, width, strict=True):
            values += [plain_cell(cell.text)] if w == 0 else list(cell.numbers or (None,) * w)
        rows.append(values)
    return str(pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n"))
