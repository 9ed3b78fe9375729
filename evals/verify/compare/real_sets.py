"""Values that are sets of real numbers: intervals, inequalities, unions and differences."""

from __future__ import annotations

from evals.verify.compare.context import Context
from evals.verify.compare.equality import equal
from evals.verify.compare.inequalities import solution
from evals.verify.compare.intervals import (
    LINE,
    MIRROR,
    End,
    Interval,
    Intervals,
    complement,
    end_of,
    intersection,
    order,
    ray,
    union,
)
from evals.verify.compare.relations import name_of
from evals.verify.tree import (
    EXPR,
    Group,
    Listing,
    NamedSet,
    Region,
    Relation,
    Value,
    symbols,
)


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


def _interval(v: Group, c: Context) -> tuple[str | None, Intervals] | None:
    if len(v.items) != 2:
        return None
    low, high = end_of(v.items[0], c), end_of(v.items[1], c)
    if low is None or high is None or order(low) > order(high):
        return None
    found = Interval(low, v.left == "[", high, v.right == "]")
    return None, union([found])


def _points(v: Listing, c: Context) -> tuple[str | None, Intervals] | None:
    ends = [end_of(item, c) for item in v.items]
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
    solved = solution(left, op, right, c)
    if solved is not None:
        return solved
    end, name = end_of(right, c), name_of(left)
    return (name, ray(op, end)) if end is not None and name else None
