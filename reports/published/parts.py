"""What a section of the page is made of, and its Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reports.study.page.markdown import table

WIDTH = 100  # characters of a card
STATES = ("supported", "contradicted", "not decidable", "in part")


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its caption, heads, and rows of text."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement of a publication and what its own numbers say of it. state: one of STATES."""

    says: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Run:
    """A published run: where it comes from, what it can and cannot say, its card, tables and record (JSON).

    figure: (file name, text that describes it), drawn by `draw`, or by the page from the record.
    """

    name: str
    source: str
    licence: str
    can: str
    cannot: str
    cards: Sequence[str]
    grids: Sequence[Grid] = ()
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = ()
    figure: tuple[str, str] | None = None
    draw: Callable[[], Any] | None = None
    record: dict[str, Any] = field(default_factory=dict)


def card(pair: str, headline: str, cannot: str, lines: Sequence[str]) -> str:
    """A verdict card as text: the pair, the headline with what it cannot tell, then one line per fact."""
    head = f"{headline.upper()} ({cannot})"
    return "\n".join(part for line in (pair, head, *lines) for part in textwrap.wrap(line, WIDTH))


def points(rate: float, digits: int = 1) -> str:
    """A difference of rates in points, with its sign."""
    return f"{100 * rate:+.{digits}f}".replace("-", "−")


def interval(low: float, high: float, digits: int = 1) -> str:
    """An interval of a difference of rates, in points."""
    return f"{points(low, digits)} to {points(high, digits)}"


def p_text(p: float) -> str:
    """A p value with three decimals, or a bound."""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0")


def markdown(run: Run) -> str:
    """The section of a run."""
    out = [f"## {run.name}\n"]
    out.append(f"Source: {run.source}. Licence: {run.licence}.\n")
    out.append(f"It can say: {run.can}\n")
    out.append(f"It cannot say: {run.cannot}\n")
    out += [f"```text\n{text.strip()}\n```\n" for text in run.cards]
    if run.figure:
        out.append(f"![{run.figure[1]}](figures/{run.figure[0]}.png)\n")
    for grid in run.grids:
        out += [f"{grid.caption}\n", table(grid.heads, grid.rows)]
    out += [f"{note}\n" for note in run.notes]
    return "\n".join(out)
