"""Findings as HTML: the card in a notebook and on the page, with every text escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from probes.findings.card import cards
from probes.findings.grids import grids
from probes.findings.rows import Card, Cell, Grid, Row, Section, check_rows, plain_text

if TYPE_CHECKING:
    from probes.findings.types import Finding

MARKS = {"failed": ("failed", "CHECK"), "unknown": ("unknown", "not known"), "passed": ("ok", "passed")}
BESIDE = ("numbers", "support")  # sections that stand side by side where there is room
STYLE = """<style>
.excursions { max-width: 60rem; line-height: 1.4; }
.excursions table { border-collapse: collapse; margin: .4rem 0; }
.excursions th, .excursions td { text-align: right; padding: .1rem .6rem .1rem 0; }
.excursions .words, .excursions caption { text-align: left; }
.excursions p { margin: .2rem 0; } .excursions ul { padding-left: 1rem; }
.excursions .outcome { font-size: 1.5rem; font-weight: 700; }
.excursions .caveat,
.excursions .failed { font-weight: 600; border-left: 4px solid #d9534f; padding: 0 6px; }
.excursions .pair, .excursions .strong td { font-weight: 600; }
</style>"""


def notebook(finding: Finding) -> str:
    """A finding as a notebook shows it: its cards, else its grids, notes and checks."""
    if finding.comparisons:
        body = "".join(card(one) for one in cards(finding))
    else:
        notes = "".join(f'<p class="note">{_text(n)}</p>' for n in finding.notes)
        parts = [grid(g) for g in grids(finding)]
        body = f"<h4>{_text(finding.probe)}</h4>{''.join(parts)}{notes}{checks(check_rows(finding.checks))}"
    return f'{STYLE}<div class="excursions">{body}</div>'


def card(shown: Card, name: str | None = None) -> str:
    """A card as an article; name: its id."""
    beside = [s for s in shown.sections if s.name in BESIDE]
    parts = []
    for section in shown.sections:
        if section in beside[1:]:
            continue
        if section in beside:
            inner = "".join(f"<div>{_section(s)}</div>" for s in beside)
            parts.append(f'<div class="tables">{inner}</div>')
        else:
            parts.append(_section(section))
    place = f' id="{escape(name)}"' if name else ""
    return f'<article class="card {css(shown.outcome)}"{place}>\n' + "\n".join(parts) + "\n</article>"


def css(outcome: str) -> str:
    """An outcome as a class name."""
    return escape(outcome.replace(" ", "-"))


def _section(section: Section) -> str:
    rows = [i for i in section.items if isinstance(i, Row)]
    marked = [r for r in rows if r.kind in MARKS]
    reasons = [r for r in rows if r.kind == "reason"]
    out = []
    for item in section.items:
        if isinstance(item, Grid):
            out.append(grid(item))
        elif item.kind == "headline":
            outcome, colon, kind = item.text.partition(": ")
            more = f' <span class="kind">({_text(kind)})</span>' if colon else ""
            out.append(f'<p class="outcome">{_text(outcome)}{more}</p>')
        elif item.kind not in (*MARKS, "reason"):
            out.append(f'<p class="{item.kind}">{_text(item.text)}</p>')
    if reasons:
        out.append('<ul class="reasons">' + "".join(f"<li>{_text(r.text)}</li>" for r in reasons) + "</ul>")
    return "\n".join([*out, *([checks(marked)] if marked else [])])


def checks(rows: Iterable[Row]) -> str:
    """Checks as a list: mark, name, detail."""
    lines = []
    for row in rows:
        style, word = MARKS[row.kind]
        mark = f'<b><span class="mark">{word}</span> {_text(row.label)}</b>'
        lines.append(f'<li class="{style}">{mark} {_text(row.text)}</li>')
    return '<ul class="checks">\n' + "\n".join(lines) + "\n</ul>"


def grid(shown: Grid) -> str:
    """A grid as a table that sorts by a click where the page's script runs."""
    words = [not shown.numeric(i) for i in range(len(shown.heads))]
    heads = "".join(f"<th{_class(w)}>{_text(h)}</th>" for h, w in zip(shown.heads, words, strict=True))
    rows = []
    for i, row in enumerate(shown.rows):
        cells = "".join(_cell(c, w, h) for c, w, h in zip(row, words, shown.heads, strict=True))
        rows.append(f"<tr{' class=strong' if i in shown.strong else ''}>{cells}</tr>")
    body = "\n".join(rows)
    return (
        f'<div class="wide"><table class="sortable grid"><caption>{_text(shown.caption)}</caption>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
    )


def _cell(cell: Cell, word: bool, head: str) -> str:
    value = "" if not cell.numbers or cell.numbers[0] is None else f' data-value="{cell.numbers[0]}"'
    text = _text(cell.text) if word else _text(cell.text).replace("-", "−")
    return f'<td{_class(word)}{value} data-head="{_text(head)}">{text}</td>'


def _class(word: bool) -> str:
    return ' class="words"' if word else ""


def _text(text: str) -> str:
    return escape(plain_text(text))
