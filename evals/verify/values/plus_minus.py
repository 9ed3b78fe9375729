"""Plus-minus signs: the values that they stand for."""

from __future__ import annotations

from itertools import product

from evals.verify.limits import LimitError
from evals.verify.tree import Num, Op, Value, rebuild, walk

MAX_SIGNS = 4


def expand(value: Value) -> list[Value]:
    """All values of an item with plus-minus signs.

    Several plus-minus signs are independent; where a minus-plus occurs, all signs go together.
    """
    signs = [node.name for node in walk(value) if isinstance(node, Op) and node.name in ("pm", "mp")]
    if not signs:
        return [value]
    if len(signs) > MAX_SIGNS:
        raise LimitError("signs")
    if "mp" in signs:
        picks: list[tuple[int, ...]] = [tuple(s if n == "pm" else -s for n in signs) for s in (1, -1)]
    else:
        picks = list(product((1, -1), repeat=len(signs)))
    return [_choose(value, list(pick)) for pick in picks]


def _choose(value: Value, signs: list[int]) -> Value:
    """The value with the given signs, in reading order."""
    if isinstance(value, Op) and value.name in ("pm", "mp"):
        sign = signs.pop(0)
        inner = _choose(value.args[0], signs)
        if sign > 0:
            return inner
        return Num(-inner.value, inner.place) if isinstance(inner, Num) else Op("neg", (inner,))  # type: ignore[arg-type]
    return rebuild(value, lambda part: _choose(part, signs))
