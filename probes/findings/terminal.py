"""Findings in a terminal of any width: text wraps, grids are split into stacked parts, no number is cut."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from probes.findings.card import cards
from probes.findings.grids import grids
from probes.findings.rows import Card, Grid, Row, check_rows, file_name, plain_text

if TYPE_CHECKING:
    from probes.findings.types import Finding

COLOURS = {
    "expansion": "green",
    "sharpening": "yellow",
    "coverage-only": "cyan",
    "regression": "red",
    "no-change": "blue",
    "undetermined": "magenta",
}
STYLES = {"pair": "bold", "alone": "bold", "needed": "italic", "caveat": "bold red", "note": "dim",
          "robust": "green", "declared": "dim", "failed": "bold red"}  # fmt: skip
MARKS = {"failed": ("CHECK", "bold red"), "unknown": ("?", "dim"), "passed": ("ok", "green")}
LEFT_OUT = ("reason",)  # rows that the terminal leaves to the page
GAP = 2  # between columns
LABEL = 30  # of a first column or a head where room is short, before it is folded


def show(finding: Finding, console: Console | None = None) -> None:
    """Print a finding: the cards of its comparisons, else its grids, notes and checks."""
    console = console or Console(highlight=False)
    for item in _rendered(finding, console.width):
        console.print(item)


def text(finding: Finding, width: int = 80) -> str:
    """A finding as plain text."""
    console = Console(width=width, file=StringIO(), record=True, highlight=False, force_jupyter=False)
    show(finding, console)
    return console.export_text()


def _rendered(finding: Finding, width: int) -> list[RenderableType]:
    if finding.comparisons:
        return [panel(one, width) for one in cards(finding)]
    problems = finding.problems
    where = f"  {problems.count} problems of {file_name(problems.name)}" if problems else ""
    out: list[RenderableType] = [Text(plain_text(finding.probe + where), style="bold")]
    for grid in grids(finding):
        if grid.name != "estimates" and grid.caption:
            out.append(Text(grid.caption, style="italic"))
        out += tables(grid, width)
    out += [Text(plain_text(note)) for note in finding.notes]
    return [*out, _checks(check_rows(finding.checks))]


def panel(card: Card, width: int) -> Panel:
    """A card in a frame of `width` characters."""
    parts: list[RenderableType] = []
    colour = COLOURS.get(card.outcome, "white")
    for section in card.sections:
        if parts and section.name != "declared":
            parts.append(Text(""))
        marked = [i for i in section.items if isinstance(i, Row) and i.kind in MARKS]
        for item in section.items:
            if isinstance(item, Grid):
                parts += tables(item, width - 4)
            elif item.kind == "headline":
                parts.append(Text(_upper(item.text), style=f"bold {colour}"))
            elif item.kind not in (*LEFT_OUT, *MARKS):
                parts.append(Text(item.text, style=STYLES.get(item.kind, "")))
        parts += [_checks(marked)] if marked else []
    return Panel(Group(*parts), border_style=colour, width=width)


def _upper(headline: str) -> str:
    """The outcome in capitals, its kind as it is."""
    outcome, colon, kind = headline.partition(":")
    return outcome.upper() + colon + kind


def _checks(rows: list[Row]) -> Table:
    """Checks: mark, name, detail; the detail wraps."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0))
    for overflow in ("fold", "fold", "fold"):
        table.add_column(overflow=overflow)
    for row in rows:
        mark, style = MARKS[row.kind]
        table.add_row(Text(mark, style=style), Text(row.label), Text(row.text))
    return table


def tables(grid: Grid, width: int) -> list[Table]:
    """A grid as tables no wider than `width`: columns without room stand below, beside the first again."""
    (least, first), *others = wanted = [_wanted(grid, i) for i in range(len(grid.heads))]
    if sum(most + GAP for _, most in wanted) > width:  # the label wraps, but leaves room for any number
        widest = max((one for one, _ in others), default=0)
        first = max(1, min(first, max(least, LABEL), width - GAP - widest))
    parts: list[list[int]] = [[]]
    room = width - first
    for i in range(1, len(grid.heads)):
        least = wanted[i][0] + GAP
        if parts[-1] and least > room:
            parts.append([])
            room = width - first
        parts[-1].append(i)
        room -= least
    return [_table(grid, [0, *p], [(first, first), *(wanted[i] for i in p)], width) for p in parts]


def _wanted(grid: Grid, column: int) -> tuple[int, int]:
    """(least, most) characters of a column: numbers stay whole, text may wrap at its words."""
    entries = [row[column].text for row in grid.rows]
    heads = grid.heads[column].split() or [""]
    most = max(cell_len(t) for t in (*entries, grid.heads[column]))
    if grid.numeric(column):
        whole = max(map(cell_len, entries), default=0)
        return max(whole, min(LABEL // 2, max(map(cell_len, heads)))), max(whole, min(most, LABEL))
    longest = max(cell_len(word) for t in entries for word in (t.split() or [""])) if entries else 0
    return min(LABEL, max(longest, max(map(cell_len, heads)))), most


def _table(grid: Grid, columns: list[int], wanted: list[tuple[int, int]], width: int) -> Table:
    """Some columns of a grid, each between its least and its most; what room is left goes to the widest."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    room = width - sum(least for least, _ in wanted) - GAP * (len(columns) - 1)
    for i, (least, most) in zip(columns, wanted, strict=True):
        more = max(0, min(most - least, room))
        room -= more
        justify = "right" if i and grid.numeric(i) else "left"
        fit = min(least + more, width)
        table.add_column(Text(grid.heads[i]), justify=justify, width=fit, overflow="fold")  # type: ignore[arg-type]
    for row in grid.rows:
        table.add_row(*(Text(row[i].text, style=STYLES.get(row[i].style, "")) for i in columns))
    return table
