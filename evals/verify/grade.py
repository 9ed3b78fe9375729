"""The verdict of one grading, and the answer that was found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

VERSION = "1.4"

FLAGS = (
    "multi_box",  # the response has several different boxes; the last run of them counts
    "unevaluated",  # right, but with arithmetic, products or functions left to do
    "percent_loose",  # one side has a percent sign and the other the bare number
    "unit_ignored",  # one side names a unit and the other does not
    "base_ignored",  # the gold names a base and the answer does not
    "lenient",  # found by the last-number fallback
    "limit",  # over a static limit or over the work budget
    "undecided",  # a lenient reading could not be compared; the symbolic stage may accept it
    "timeout",  # the worker was killed at the deadline
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What extraction found: text (None: no answer), how (route), and flags."""

    text: str | None
    route: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grade:
    """The result of grading one response; truthy never: ask `.correct`.

    correct: the strict verdict. stage: what decided (extract, identical, number, limits, parse, compare,
    symbolic, pool, error). reason: why, in one or two words ("equal", "different", "type", "unevaluated",
    "no answer", "limit:nesting", …). answer, route: the extracted text and how it was found.
    gold_type, answer_type: names of the types compared, where it came so far. ms: wall time.
    lenient, lenient_answer, lenient_route: the same with the last-number fallback; None in reward mode.
    """

    correct: bool
    stage: str
    reason: str
    answer: str | None = None
    route: str = "none"
    gold_type: str | None = None
    answer_type: str | None = None
    ms: float = 0.0
    flags: tuple[str, ...] = ()
    lenient: bool | None = None
    lenient_answer: str | None = None
    lenient_route: str | None = None

    def __bool__(self) -> bool:
        raise TypeError("a verdict is not a truth value: use .correct or .lenient")

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self) | {"flags": list(self.flags)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Grade:
        """The verdict that `to_dict` wrote."""
        return cls(**(data | {"flags": tuple(data["flags"])}))
