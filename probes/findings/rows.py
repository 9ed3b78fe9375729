"""What is shown of a finding, as plain rows: whoever draws them (terminal, page, LaTeX) computes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from probes.findings.parts import Check

DASH = "-"  # stands for a number that does not exist
PASSED = 4  # checks that passed and have a row of their own


@dataclass(frozen=True, slots=True)
class Cell:
    """One entry of a grid: its text, and the numbers behind it (an estimate; with its interval three)."""

    text: str
    numbers: tuple[float | None, ...] = ()
    style: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: name, caption, column heads, rows of cells. The first column is a label.

    strong: rows that are set apart (those on which the verdict rests). place: where the page puts it.
    """

    name: str
    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    strong: frozenset[int] = frozenset()

    def numeric(self, column: int) -> bool:
        """Whether a column is set to the right: numbers, or nothing but short signs."""
        entries = [row[column] for row in self.rows]
        return any(c.numbers for c in entries) and all(
            c.numbers or c.text in ("", DASH, "—") for c in entries
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One line of text: kind (how it is set), text, the numbers that it tells, and a label before it."""

    kind: str
    text: str
    numbers: tuple[float | None, ...] = ()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows and grids that stand together."""

    name: str
    items: tuple[Row | Grid, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """One screen that must not mislead a reader who sees nothing else. outcome: of the headline."""

    outcome: str
    sections: tuple[Section, ...]

    def items(self, *sections: str) -> list[Row | Grid]:
        """The items of these sections, of all by default."""
        return [i for s in self.sections if not sections or s.name in sections for i in s.items]


def plain_text(text: object) -> str:
    """Text that a terminal shows as it is: no control characters, no marks that turn its direction."""
    return "".join(c if c.isprintable() else " " for c in str(text))


def file_name(name: object) -> str:
    """The name of a problem set; of a local file without its folders."""
    text = str(name)
    return plain_text(Path(text).name if text.startswith(("/", ".", "~")) else text)


def number(value: float | None, digits: int, sign: str = "") -> str:
    """A number, or a dash where there is none; what rounds to 0 has no minus. sign: "+" always shows one."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}"


def end(value: float | None, digits: int, sign: str = "") -> str:
    """An end of an interval, as `number`; one just below 0 keeps its minus, on which a direction rests."""
    text = number(value, digits, sign)
    below = value is not None and value < 0 and not text.startswith("-")
    return "-" + text.lstrip("+") if below else text


def value_cell(values: Sequence[float | None], digits: int, sign: str = "", interval: bool = True) -> Cell:
    """(estimate, low, high) as a cell; interval: whether the ends are written, too."""
    text = number(values[0], digits, sign)
    if interval and text != DASH and None not in values[1:]:
        text += f" [{end(values[1], digits, sign)}, {end(values[2], digits, sign)}]"
    return Cell(text, tuple(values))


def interval_cell(low: float | None, high: float | None) -> Cell:
    """An interval of rates without leading zeros, so that a row fits a narrow terminal."""
    if low is None or high is None:
        return Cell(DASH, (low, high))
    return Cell(f"[{_short(low)}, {_short(high)}]", (low, high))


def _short(value: float) -> str:
    text = f"{value:+.3f}"
    return text[0] + text[1:].removeprefix("0")


def check_rows(checks: tuple[Check, ...], passed: int = PASSED) -> list[Row]:
    """Checks, what did not pass first; those that cannot be told for one reason share a row.

    passed: of more checks that passed than this, one row names them all.
    """
    failed = [
        Row("failed", plain_text(c.detail), label=plain_text(c.name)) for c in checks if c.passed is False
    ]
    reasons: dict[str, list[str]] = {}
    for c in checks:
        if c.passed is None:
            reasons.setdefault(plain_text(c.detail), []).append(plain_text(c.name))
    unknown = []
    for detail, names in reasons.items():
        if len(names) < 3:
            unknown += [Row("unknown", detail, label=name) for name in names]
        else:
            unknown.append(Row("unknown", f"{', '.join(names)}: {detail}", label="not checked"))
    fine = [Row("passed", plain_text(c.detail), label=plain_text(c.name)) for c in checks if c.passed]
    if len(fine) > passed:
        fine = [Row("passed", ", ".join(r.label for r in fine), label=f"{len(fine)} checks")]
    return failed + unknown + fine
