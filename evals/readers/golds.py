"""The gold of a row: one answer, several that are all or any wanted, columns that must agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.core.bounds import loads
from evals.problems.columns import agree, gold_text, hashed_gold, last_boxed
from evals.readers.answers import Malformed

MOST = 64  # answers of which any one is right


def gold_of(value: Any, what: str, *, worked: bool = False, several: str = "all") -> str:
    """The gold answer as `evals.problems` writes it, so that ids agree. Raises Malformed where it is empty.

    worked: the value is a worked solution, whose last box is the gold. several: what a list asks for: "all"
    of its members (also one written as JSON), "any" of them, or "unclear", which is Malformed.
    """
    if isinstance(value, Mapping):
        raise Malformed(f"{what} is an object, not an answer")
    value = _unlisted(value) if several != "any" else value
    if several != "all" and isinstance(value, list | tuple):
        golds = list(dict.fromkeys(gold_of(v, what, worked=worked) for v in value))
        if len(golds) > 1 and several == "unclear":
            raise Malformed(
                f"{what} lists {len(golds)} answers, and not whether all or any one of them is wanted; write "
                "one text, with commas where all are, with ' ⟨or⟩ ' where any one is"
            )
        if len(golds) > MOST:
            raise Malformed(f"{what} accepts any of {len(golds)} answers, more than {MOST}")
        if golds:
            from evals.verify import ANY_OF

            return ANY_OF.join(golds)
    gold = gold_text(value)
    if cut := hashed_gold(gold):
        gold = cut
    elif worked and (boxed := last_boxed(gold)):
        gold = boxed
    if not gold:
        raise Malformed(f"{what} has no gold answer")
    return gold


def _unlisted(value: Any) -> Any:
    """The list that a text such as `["2", "-2"]` stands for; other values as they are."""
    if isinstance(value, str) and value.lstrip().startswith('["') and len(value) < 10_000:
        try:
            found = loads(value)
        except ValueError:
            return value
        return found if isinstance(found, list) else value
    return value


def same_gold(row: Mapping[str, Any], names: Sequence[str], **how: Any) -> str:
    """The gold that all of these columns hold. Malformed where two of them contradict each other."""
    golds = {name: gold_of(row[name], name, **how) for name in names}
    first = names[0]
    for name in names[1:]:
        if not agree(golds[first], golds[name]):
            raise Malformed(
                f"{first!r} says {short(golds[first])} and {name!r} says {short(golds[name])}; "
                "keep the gold alone"
            )
    return golds[first]


def short(text: str) -> str:
    """A gold as an error quotes it: its first 40 characters."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
