"""Grids of findings: estimates and paired differences, and the tables that a probe brings itself."""

from __future__ import annotations

from typing import Any

from analysis.comparison.words import percent
from probes.findings.rows import DASH, Cell, Grid, plain_text, value_cell
from probes.findings.types import Difference, Estimate, Finding


def grids(finding: Finding) -> list[Grid]:
    """All grids of a finding: its estimates first."""
    first = [estimate_grid(finding)] if finding.estimates else []
    return first + [
        block_grid(block.title, block.columns, block.rows, f"{finding.probe}-table-{i}")
        for i, block in enumerate(finding.tables, 1)
    ]


def estimate_grid(finding: Finding) -> Grid:
    """Measures down, checkpoints across, then each paired difference B - A with its interval.

    A measure without any difference shows the intervals of its estimates.
    """
    names = list(dict.fromkeys(e.checkpoint for e in finding.estimates))
    pairs = list(dict.fromkeys((d.a, d.b) for d in finding.differences))
    by_place = {(e.measure, e.checkpoint): e for e in finding.estimates}
    by_pair = {(d.measure, d.a, d.b): d for d in finding.differences}
    rows = []
    measured: list[Estimate | Difference] = [*finding.estimates, *finding.differences]
    for measure in dict.fromkeys(e.measure for e in measured):
        one = next(e for e in measured if e.measure == measure)
        changes = [by_pair.get((measure, *pair)) for pair in pairs]
        unit = "" if one.unit == "rate" else f" ({one.unit})"
        row = [Cell(plain_text((one.label or measure) + unit))]
        row += [_cell(by_place.get((measure, n)), interval=not any(changes)) for n in names]
        rows.append((*row, *(_cell(d, "+") for d in changes)))
    level = finding.options.get("level", 0.05)
    how = "unpaired" if finding.options.get("unpaired") else "paired"
    ending = "" if level is None else f", {percent(level)} {how}"
    named = [plain_text(a if len(pairs) == 1 else f"{b} - {a}") for a, b in pairs]
    changed = [f"{'difference' if len(pairs) == 1 else one}{ending}" for one in named]
    heads = ("measure", *map(plain_text, names), *changed)
    caption = f"{finding.probe}: estimates and paired differences"
    return Grid("estimates", plain_text(caption), heads, tuple(rows))


def _cell(row: Estimate | Difference | None, sign: str = "", *, interval: bool = True) -> Cell:
    if row is None or row.estimate is None:
        return Cell(DASH)
    cell = value_cell((row.estimate, row.low, row.high), row.digits, sign, interval)
    return Cell(f"{cell.text} (no interval)", cell.numbers) if sign and row.low is None else cell


def block_grid(title: str | None, columns: Any, rows: Any, name: str) -> Grid:
    """A table of plain values."""
    cells = tuple(tuple(_plain(value) for value in row) for row in rows)
    return Grid(name, plain_text(title or ""), tuple(plain_text(c) for c in columns), cells)


def _plain(value: Any) -> Cell:
    if value is None:
        return Cell(DASH)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, float):
        return Cell(f"{value:.4g}", (value,))
    return Cell(f"{value}", (value,)) if isinstance(value, int) else Cell(plain_text(value))
