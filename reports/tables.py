"""Tables of findings as booktabs LaTeX, Markdown and CSV, with the digits that the intervals allow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.errors import UserError
from evals.core.files import write_file
from reports.frames.study import shown_k
from reports.inputs import expansions, load_findings, number
from reports.rounding import with_interval


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry: its text, and the numbers behind it for the CSV."""

    text: str
    numbers: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: name of its files, caption, column heads, rows of cells. The first column is a label."""

    name: str
    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def write_tables(source: Path, out: Path) -> list[str]:
    """Write every table of the findings as .tex, .md and .csv; returns their names."""
    tables = tables_of(load_findings(source))
    if not tables:
        raise UserError(f"the findings of {source} give no table; run `probes expand` or another probe first")
    for table in tables:
        write_file(out / f"{table.name}.tex", latex(table))
        write_file(out / f"{table.name}.md", markdown(table))
        write_file(out / f"{table.name}.csv", csv(table))
    return [t.name for t in tables]


def tables_of(findings: list[dict[str, Any]]) -> list[Grid]:
    """Comparisons, support counts, and the estimates of every other probe."""
    pairs = expansions(findings)
    tables = [comparison_table(pairs), support_table(pairs)] if pairs else []
    others = [f for f in findings if f.get("estimates")]
    names: dict[str, int] = {}
    for finding in others:
        names[finding["probe"]] = names.get(finding["probe"], 0) + 1
        tables.append(estimate_table(finding, f"{finding['probe']}-{names[finding['probe']]}"))
    return tables


def comparison_table(pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Grid:
    """One row a comparison: verdict, and the paired difference in points at a few k, with the declared K."""
    ks = sorted({k for _, c in pairs for k in [*shown_k(c["k"]), c["options"]["K"]]})
    rows = []
    for finding, c in pairs:
        row = [_text(c["a"]), _text(c["b"]), _text((finding.get("problems") or {}).get("name") or "")]
        row += [_text(f"{c['problems']}"), _text(_verdict(c))]
        for k in ks:
            row.append(_value(c["delta"], c["k"].index(k), 100, signed=True) if k in c["k"] else Cell("—"))
        rows.append(tuple(row))
    level = {c["options"]["level"] for _, c in pairs}
    heads = ("A", "B", "problems of", "number", "verdict", *(f"Δpass@{k}" for k in ks))
    text = ", ".join(f"{100 * (1 - one):g}%" for one in sorted(level))
    return Grid(
        "comparisons", f"Differences B − A in points, with {text} paired intervals.", heads, tuple(rows)
    )


def support_table(pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Grid:
    """One row a comparison: problems solved by both, gained, lost, neither, beside the expectation."""
    rows = []
    for _, c in pairs:
        held = c["support"]
        row = [_text(c["a"]), _text(c["b"]), _text(str(held["n"]))]
        for letter in "PESO":
            expected = held["expected"][letter]
            count, bounds = held[letter], (expected["mean"], expected["low"], expected["high"])
            text = f"{count:,}"
            if expected["mean"] is not None:
                text += f" ({expected['mean']:,.0f}; {expected['low']:,.0f}–{expected['high']:,.0f})"
            row.append(Cell(text, (count, *bounds)))
        rows.append(tuple(row))
    caption = (
        "Problems solved at least once in n samples: by both, only by B, only by A, by neither; in brackets "
        "what two draws of one model would give, mean and interval."
    )
    return Grid("support", caption, ("A", "B", "n", "both", "gained", "lost", "neither"), tuple(rows))


def estimate_table(finding: dict[str, Any], name: str) -> Grid:
    """Measures down, checkpoints and paired differences across."""
    estimates, changes = finding["estimates"], finding.get("differences") or []
    names = list(dict.fromkeys(e["checkpoint"] for e in estimates))
    pairs = list(dict.fromkeys((d["a"], d["b"]) for d in changes))
    at = {(e["measure"], e["checkpoint"]): e for e in estimates}
    between = {(d["measure"], d["a"], d["b"]): d for d in changes}
    rows = []
    for measure, one in {e["measure"]: e for e in estimates}.items():
        row = [_text(f"{one['label']} ({one['unit']})")]
        row += [_estimate(at.get((measure, n))) for n in names]
        row += [_estimate(between.get((measure, *p)), signed=True) for p in pairs]
        rows.append(tuple(row))
    level = (finding.get("options") or {}).get("level", 0.05)
    heads = ("measure", *names, *(f"{b} − {a}" for a, b in pairs))
    return Grid(name, f"{finding['probe']}, intervals at {100 * (1 - level):g}%.", heads, tuple(rows))


def _text(value: str) -> Cell:
    return Cell(value)


def _verdict(comparison: dict[str, Any]) -> str:
    verdict = comparison["verdict"]
    return verdict["outcome"] + (f" ({verdict['kind']})" if verdict.get("kind") else "")


def _value(values: dict[str, Any], i: int, scale: float, *, signed: bool) -> Cell:
    held = ((values.get(c) or [None] * (i + 1))[i] for c in ("estimate", "low", "high"))
    found = tuple(round(scale * number(v), 10) for v in held)
    return Cell(with_interval(*found, signed=signed), found)


def _estimate(row: dict[str, Any] | None, *, signed: bool = False) -> Cell:
    if row is None:
        return Cell("—")
    found = (row.get("estimate"), row.get("low"), row.get("high"))
    return Cell(with_interval(*found, signed=signed), found)


def latex(table: Grid) -> str:
    """A booktabs table; every text escaped."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        f"\\caption{{{escaped(table.caption)}}}",
    ]
    lines += [f"\\begin{{tabular}}{{{_columns(table)}}}", r"\toprule"]
    lines += [" & ".join(escaped(h) for h in table.heads) + r" \\", r"\midrule"]
    lines += [" & ".join(escaped(c.text) for c in row) + r" \\" for row in table.rows]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _columns(table: Grid) -> str:
    numeric = [all(r[i].numbers or r[i].text.isdigit() for r in table.rows) for i in range(len(table.heads))]
    return "".join("r" if n else "l" for n in numeric)


LATEX = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
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
        clean = (
            t.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;") for t in texts
        )
        return "| " + " | ".join(clean) + " |"

    marks = ["---:" if c == "r" else "---" for c in _columns(table)]
    lines = [line(table.heads), "| " + " | ".join(marks) + " |"]
    return "\n".join([*lines, *(line([c.text for c in row]) for row in table.rows), "", table.caption, ""])


def csv(table: Grid) -> str:
    """The numbers unrounded: beside each interval or expectation, in columns of their own."""
    width = [max((len(r[i].numbers) for r in table.rows), default=0) for i in range(len(table.heads))]
    ends = {0: ("",), 3: ("", " low", " high"), 4: ("", " expected", " expected low", " expected high")}
    columns = [h + end for h, w in zip(table.heads, width, strict=True) for end in ends[w]]
    rows = []
    for row in table.rows:
        values: list[Any] = []
        for cell, w in zip(row, width, strict=True):
            values += [cell.text] if w == 0 else list(cell.numbers or (None,) * w)
        rows.append(values)
    return str(pd.DataFrame(rows, columns=columns).to_csv(index=False, lineterminator="\n"))
