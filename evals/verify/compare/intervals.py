"""Sets of real numbers as sorted disjoint intervals, and what is done with them."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from evals.verify.compare.context import Context
from evals.verify.compare.equality import number_of
from evals.verify.tree import EXPR, Const, Expr, Op, Value, symbols

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


def end_of(v: Value, c: Context) -> End | None:
    """A number or infinity as an end; None where it has no value or holds a variable."""
    if not isinstance(v, EXPR) or symbols(v):
        return None
    if v == INF:
        return TOP
    if v == BOTTOM.written:
        return BOTTOM
    value = number_of(v, c.work)
    return None if value is None else End(0, value, v)


def ray(op: str, end: End) -> Intervals:
    """The numbers that stand in a relation to an end."""
    if op == "=":
        return [Interval(end, True, end, True)]
    if op == "!=":
        return union([Interval(BOTTOM, False, end, False), Interval(end, False, TOP, False)])
    if op in ("<", "<="):
        return [Interval(BOTTOM, False, end, op == "<=" and end.side == 0)]
    return [Interval(end, op == ">=" and end.side == 0, TOP, False)]


def order(end: End) -> tuple[int, Fraction]:
    """The key by which ends are sorted."""
    return end.side, end.value


def union(parts: Intervals) -> Intervals:
    """Sorted disjoint intervals with the same numbers in them."""
    kept = [i for i in parts if order(i.low) < order(i.high) or (i.low_in and i.high_in and i.low.side == 0)]
    kept.sort(key=lambda i: (order(i.low), not i.low_in))
    merged: Intervals = []
    for i in kept:
        if merged and _touch(merged[-1], i):
            last = merged[-1]
            if (order(i.high), i.high_in) > (order(last.high), last.high_in):
                merged[-1] = Interval(last.low, last.low_in, i.high, i.high_in)
        else:
            merged.append(i)
    return merged


def _touch(first: Interval, second: Interval) -> bool:
    a, b = order(first.high), order(second.low)
    return a > b or (a == b and (first.high_in or second.low_in))


def intersection(a: Intervals, b: Intervals) -> Intervals:
    """The numbers in both."""
    found: Intervals = []
    for x in a:
        for y in b:
            low = max(x.low, y.low, key=order)
            low_in = all(i.low_in for i in (x, y) if order(i.low) == order(low))
            high = min(x.high, y.high, key=order)
            high_in = all(i.high_in for i in (x, y) if order(i.high) == order(high))
            if order(low) <= order(high):
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
