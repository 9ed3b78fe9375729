"""The small types that findings are made of: checks, estimates, differences, tables, descriptions."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Number = int | float
Numbers = tuple[Number | None, ...]


class Frozen(BaseModel):
    """A type of this module: cannot be changed, keeps fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def extra(self, name: str, default: Any = None) -> Any:
        """A field that is not one of the type's own."""
        return (self.model_extra or {}).get(name, default)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, with the fields that were given."""
        return self.model_dump(by_alias=True, exclude_unset=True)


class Check(Frozen):
    """Something that could make the answer wrong. passed is None where it cannot be told from this input.

    voids: whether a verdict means nothing where this did not pass (copies instead of draws, say); it then
    takes the headline away.
    """

    name: str
    passed: bool | None
    value: Any = None
    detail: str = ""
    voids: bool = False


class Interval(Frozen):
    """A number with its interval; None where there is none."""

    estimate: Number | None = None
    low: Number | None = None
    high: Number | None = None


class Estimate(Interval):
    """One measured number of a checkpoint. label, unit, digits: for people; problems: with a value."""

    checkpoint: str
    measure: str
    label: str = ""
    unit: str = "rate"
    digits: int = 3
    problems: int | None = None


class Difference(Interval):
    """One measured number of B less that of A, paired. p_holm: adjusted over the pairs of a measure."""

    a: str
    b: str
    measure: str
    label: str = ""
    unit: str = "rate"
    digits: int = 3
    p: float | None = None
    p_holm: float | None = None
    problems: int | None = None


class Block(Frozen):
    """A table of a probe's own: plain values, None for what does not exist."""

    title: str | None = None
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


class Described(Frozen):
    """What is known of a checkpoint. fingerprint: of its files; tensors: of its weights, however saved.

    report: of its samples (`evals.grading.report.cell_report`).
    """

    name: str
    path: str | None = None
    fingerprint: str | None = None
    tensors: str | None = None
    recipe: str | None = None
    lineage: dict[str, Any] | None = None
    cell: str | None = None
    report: dict[str, Any] | None = None


class Problems(Frozen):
    """The problem set."""

    name: str | None = None
    fingerprint: str | None = None
    count: int | None = None


class Solved(Frozen):
    """Samples and correct ones of one problem."""

    n: int
    c: int


class Said(Frozen):
    """A sample that is written out."""

    text: str
    correct: bool
    answer: str | None = None


class Expected(Frozen):
    """A count of problems as two draws of A would give it."""

    mean: Number | None = None
    low: Number | None = None
    high: Number | None = None


class Moving(Frozen):
    """A problem that one of two checkpoints alone solves, with samples of both."""

    problem: str | int
    question: str | None
    gold: str | None
    a: Solved
    b: Solved
    samples: dict[Literal["a", "b"], tuple[Said, ...]]


class Rated(Frozen):
    """A problem whose rate changed."""

    problem: str | int
    rate_a: Number
    rate_b: Number
    p: Number
    q: Number


class Changed(Frozen):
    """The shape of what `probes.comparison.gained_lost.changed` lists."""

    gained: tuple[Moving, ...]
    lost: tuple[Moving, ...]
    gained_total: int = 0
    lost_total: int = 0
    improved: tuple[Rated, ...] = ()
    worsened: tuple[Rated, ...] = ()
