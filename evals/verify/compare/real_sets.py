"""Sets of real numbers: intervals, inequalities, unions and differences in one normal form."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from evals.verify.compare.context import Context
from evals.verify.compare.equality import equal, number_of
from evals.verify.compare.relations import name_of
from evals.verify.tree import (
    EXPR,
    Const,
    Expr,
    Group,
    Listing,
    NamedSet,
    Num,
    Op,
    Region,
    Relation,
    Value,
    symbols,
)
from evals.verify.values.exact import exact

MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!=", "=": "="}
INF = Const("inf")


class End(NamedTuple):
    """An end of an interval: side -1 and 1 are minus and plus infinity; value to 50 digits; as written."""

    side: int
    value: Fraction
    written: Expr


class Interval(NamedTuple):
    """From low to high, each end included or not."""

    low: End
    low_in: bool
    high: End
    high_in: bool


Intervals = list[Interval]
BOTTOM, TOP = End(-1, Fraction(0), Op("neg", (INF,))), End(1, Fraction(0), INF)
LINE: Intervals = [Interval(BOTTOM, False, TOP, False)]


def same_region(gold: Value, answer: Value, c: Context) -> bool | None:
    """Whether two values are the same set of numbers: by endpoint and bracket; None where one is none.

    A set given by an inequality has a name (x < 3); two names must agree.
    """
    g, a = region(gold, c), region(answer, c)
    if g is None or a is None:
        return None
    (g_name, left), (a_name, right) = g, a
    if g_name and a_name and g_name != a_name:
        return False
    if len(left) != len(right):
        return False
    return all(
        x.low_in == y.low_in
        and x.high_in == y.high_in
        and _same(x.low, y.low, c)
        and _same(x.high, y.high, c)
        for x, y in zip(left, right, strict=True)
    )


def _same(x: End, y: End, c: Context) -> bool:
    if x.side != y.side:
        return False
    return x.side != 0 or equal(x.written, y.written, c.work) is True


def region(v: Value, c: Context) -> tuple[str | None, Intervals] | None:
    """(name, sorted disjoint intervals) of a value, or None where it is no set of real numbers."""
    if isinstance(v, NamedSet):
        return (None, LINE) if v.name == "R" else None
    if isinstance(v, Group):
        return _interval(v, c)
    if isinstance(v, Listing):
        return _listing(v, c)
    if isinstance(v, Region):
        parts = [region(part, c) for part in v.parts]
        return _combine(v.op, parts, c)
    return _relation(v, c) if isinstance(v, Relation) else None


def _combine(
    op: str, parts: list[tuple[str | None, Intervals] | None], c: Context
) -> tuple[str | None, Intervals] | None:
    names, total = set(), None
    for part in parts:
        if part is None:
            return None
        names.add(part[0])
        if total is None:
            total = part[1]
        elif op == "cup":
            total = union(total + part[1])
        elif op == "cap":
            total = intersection(total, part[1])
        else:
            total = intersection(total, complement(part[1]))
        c.work.spend(len(total) ** 2)
    names.discard(None)
    return None if len(names) > 1 or total is None else (next(iter(names), None), total)


def _end(v: Value, c: Context) -> End | None:
    if not isinstance(v, EXPR) or symbols(v):
        return None
    if v == INF:
        return TOP
    if v == BOTTOM.written:
        return BOTTOM
    value = number_of(v, c.work)
    return None if value is None else End(0, value, v)


def _interval(v: Group, c: Context) -> tuple[str | None, Intervals] | None:
    if len(v.items) != 2:
        return None
    low, high = _end(v.items[0], c), _end(v.items[1], c)
    if low is None or high is None or _order(low) > _order(high):
        return None
    found = Interval(low, v.left == "[", high, v.right == "]")
    return None, union([found])


def _points(v: Listing, c: Context) -> tuple[str | None, Intervals] | None:
    ends = [_end(item, c) for item in v.items]
    if any(end is None or end.side for end in ends):
        return None
    return None, union([Interval(end, True, end, True) for end in ends if end is not None])


def _listing(v: Listing, c: Context) -> tuple[str | None, Intervals] | None:
    """A set of numbers, or inequalities: "or" joins, "and" meets (but joins intervals that do not meet), a
    comma joins unless that is everything."""
    if v.kind == "set" and not any(isinstance(item, Relation) for item in v.items):
        return _points(v, c)
    kinds = Relation if v.joiner == "pm" else Relation | Group | Region
    if not all(isinstance(item, kinds) for item in v.items):
        return None
    parts = [region(item, c) for item in v.items]
    if v.joiner == "and":
        both = _combine("cap", parts, c)
        apart = both is not None and not both[1] and not any(isinstance(i, Relation) for i in v.items)
        return _combine("cup", parts, c) if apart else both
    joined = _combine("cup", parts, c)
    if v.joiner != "or" and joined is not None and joined[1] == LINE:
        return _combine("cap", parts, c)
    return joined


def _relation(v: Relation, c: Context) -> tuple[str | None, Intervals] | None:
    """A chain of inequalities in one variable."""
    parts = [
        _constraint(left, op, right, c) for left, op, right in zip(v.sides, v.ops, v.sides[1:], strict=False)
    ]
    return _combine("cap", parts, c)


def _constraint(left: Value, op: str, right: Value, c: Context) -> tuple[str | None, Intervals] | None:
    if op == "in":
        inner, name = region(right, c), name_of(left)
        return None if inner is None or name is None else (name, inner[1])
    if op not in MIRROR or not isinstance(left, EXPR) or not isinstance(right, EXPR):
        return None
    if not symbols(left):
        left, right, op = right, left, MIRROR[op]
    if symbols(right):
        return _linear(left, op, right, c)
    end = _end(right, c)
    if end is None:
        return None
    if isinstance(left, Op) and left.name == "abs" and (inner_name := name_of(left.args[0])):
        half = intersection(
            _ray(op, end), [Interval(End(0, Fraction(0), Num(Fraction(0))), True, TOP, False)]
        )
        return inner_name, union(half + [_mirrored(i) for i in half])
    name = name_of(left)
    return (name, _ray(op, end)) if name else _linear(left, op, right, c)


def _linear(left: Expr, op: str, right: Expr, c: Context) -> tuple[str | None, Intervals] | None:
    """An inequality that is linear in its only variable, with rational coefficients."""
    names = symbols(left) | symbols(right)
    if len(names) != 1 or next(iter(names)).endswith("()"):
        return None
    name = next(iter(names))
    f = Op("add", (left, Op("neg", (right,))))
    values = [exact(f, {name: Fraction(x)}, c.work) for x in (0, 1, 2, 17)]
    if any(value is None for value in values):
        return None
    at0, at1, at2, at17 = (value for value in values if value is not None)
    slope = at1 - at0
    if slope == 0 or at2 != at0 + 2 * slope or at17 != at0 + 17 * slope:
        return None
    root = -at0 / slope
    return name, _ray(op if slope > 0 else MIRROR[op], End(0, root, Num(root)))


def _ray(op: str, end: End) -> Intervals:
    """The numbers that stand in a relation to an end."""
    if op == "=":
        return [Interval(end, True, end, True)]
    if op == "!=":
        return union([Interval(BOTTOM, False, end, False), Interval(end, False, TOP, False)])
    if op in ("<", "<="):
        return [Interval(BOTTOM, False, end, op == "<=" and end.side == 0)]
    return [Interval(end, op == ">=" and end.side == 0, TOP, False)]


def _mirrored(i: Interval) -> Interval:
    return Interval(_opposite(i.high), i.high_in, _opposite(i.low), i.low_in)


def _opposite(end: End) -> End:
    if end.side:
        return BOTTOM if end.side > 0 else TOP
    return End(0, -end.value, Op("neg", (end.written,)))


def _order(end: End) -> tuple[int, Fraction]:
    return end.side, end.value


def union(parts: Intervals) -> Intervals:
    """Sorted disjoint intervals with the same numbers in them."""
    kept = [
        i for i in parts if _order(i.low) < _order(i.high) or (i.low_in and i.high_in and i.low.side == 0)
    ]
    kept.sort(key=lambda i: (_order(i.low), not i.low_in))
    merged: Intervals = []
    for i in kept:
        if merged and _touch(merged[-1], i):
            last = merged[-1]
            if (_order(i.high), i.high_in) > (_order(last.high), last.high_in):
                merged[-1] = Interval(last.low, last.low_in, i.high, i.high_in)
        else:
            merged.append(i)
    return merged


def _touch(first: Interval, second: Interval) -> bool:
    a, b = _order(first.high), _order(second.low)
    return a > b or (a == b and (first.high_in or second.low_in))


def intersection(a: Intervals, b: Intervals) -> Intervals:
    """The numbers in both."""
    found: Intervals = []
    for x in a:
        for y in b:
            low = max(x.low, y.low, key=_order)
            low_in = all(i.low_in for i in (x, y) if _order(i.low) == _order(low))
            high = min(x.high, y.high, key=_order)
            high_in = all(i.high_in for i in (x, y) if _order(i.high) == _order(high))
            if _order(low) <= _order(high):
                found.append(Interval(low, low_in, high, high_in))
    return union(found)


def complement(a: Intervals) -> Intervals:
    """The numbers outside."""
    found: Intervals = []
    low, low_in = BOTTOM, False
    for i in a:
        found.append(Interval(low, low_in, i.low, not i.low_in and i.low.side == 0))
        low, low_in = i.high, not i.high_in and i.high.side == 0
    found.append(Interval(low, low_in, TOP, False))
    return union(found)
