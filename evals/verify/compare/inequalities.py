"""Inequalities in one variable that are linear or hold absolute values of what is linear: solved exactly.

Others are not solved here, and nothing is concluded from values at points.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from evals.verify.compare.context import Context
from evals.verify.compare.equality import NOTHING
from evals.verify.compare.intervals import (
    BOTTOM,
    LINE,
    MIRROR,
    TOP,
    End,
    Interval,
    Intervals,
    end_of,
    intersection,
    order,
    ray,
    union,
)
from evals.verify.tree import ZERO, Expr, Num, Op, Sym, symbols
from evals.verify.values.exact import exact

MAX_BARS = 40  # absolute values in one inequality
HOLDS = {
    "<": lambda x: x < 0,
    "<=": lambda x: x <= 0,
    ">": lambda x: x > 0,
    ">=": lambda x: x >= 0,
    "=": lambda x: x == 0,
    "!=": lambda x: x != 0,
}


class Form(NamedTuple):
    """slope · x + rest + the sum of factor · |inner| over bars; rest holds no variable."""

    slope: Fraction
    rest: Expr
    bars: tuple[tuple[Fraction, Form], ...] = ()


def solution(left: Expr, op: str, right: Expr, c: Context) -> tuple[str, Intervals] | None:
    """(variable, the numbers for which left op right holds); None where it is not solved exactly."""
    names = symbols(left) | symbols(right)
    name = next(iter(names)) if len(names) == 1 else "()"
    if name.endswith("()"):
        return None
    if isinstance(left, Sym) and not symbols(right):
        end = end_of(right, c)
        return None if end is None else (name, ray(op, end))
    f = form(Op("add", (left, Op("neg", (right,)))), name, c)
    if f is None or len(f.bars) > MAX_BARS:
        return None
    found = _solved(f, op, c)
    return None if found is None else (name, found)


def form(e: Expr, name: str, c: Context) -> Form | None:
    """The form of an expression, or None where it has another one or factors that are not rational."""
    c.work.spend(1)
    if name not in symbols(e):
        return Form(Fraction(0), e)
    if isinstance(e, Sym):
        return Form(Fraction(1), ZERO)
    if not isinstance(e, Op):
        return None
    if e.name in ("add", "neg"):
        parts = [form(arg, name, c) for arg in e.args]
        total = _sum([part for part in parts if part is not None])
        return None if None in parts else _times(total, Fraction(-1)) if e.name == "neg" else total
    if e.name in ("mul", "div"):
        return _scaled(e, name, c)
    if e.name == "abs":
        inner = form(e.args[0], name, c)
        return None if inner is None or inner.bars else Form(Fraction(0), ZERO, ((Fraction(1), inner),))
    return None


def _sum(parts: list[Form]) -> Form:
    rest = tuple(part.rest for part in parts if part.rest != ZERO)
    return Form(
        sum((part.slope for part in parts), Fraction(0)),
        Op("add", rest) if len(rest) > 1 else rest[0] if rest else ZERO,
        tuple(bar for part in parts for bar in part.bars),
    )


def _scaled(e: Op, name: str, c: Context) -> Form | None:
    """A product of one form and rational numbers, or a form over a rational number."""
    inner = [arg for arg in e.args if name in symbols(arg)]
    if len(inner) != 1 or (e.name == "div" and inner[0] is not e.args[0]):
        return None
    factor = Fraction(1)
    for arg in e.args:
        if arg is inner[0]:
            continue
        value = exact(arg, NOTHING, c.work)
        if not value:
            return None
        factor = factor * value if e.name == "mul" else factor / value
    part = form(inner[0], name, c)
    return None if part is None else _times(part, factor)


def _times(f: Form, factor: Fraction) -> Form:
    rest = f.rest if factor == 1 or f.rest == ZERO else Op("mul", (Num(factor), f.rest))
    return Form(f.slope * factor, rest, tuple((k * factor, inner) for k, inner in f.bars))


def _solved(f: Form, op: str, c: Context) -> Intervals | None:
    if not f.bars:
        return _linear(f, op, c)
    if len(f.bars) == 1 and f.slope == 0:
        return _absolute(f, op, c)
    return _piecewise(f, op, c)


def _root(f: Form, c: Context) -> End | None:
    """Where slope · x + rest is zero."""
    over = Op("div", (Op("neg", (f.rest,)), Num(f.slope)))
    value = exact(over, NOTHING, c.work)
    return end_of(over, c) if value is None else End(0, value, Num(value))


def _linear(f: Form, op: str, c: Context) -> Intervals | None:
    end = _root(f, c) if f.slope else None
    return None if end is None or end.side else ray(op if f.slope > 0 else MIRROR[op], end)


def _absolute(f: Form, op: str, c: Context) -> Intervals | None:
    """|inner| against a number: inner between it and its negative, or outside."""
    ((factor, inner),) = f.bars
    level = Op("div", (Op("neg", (f.rest,)), Num(factor)))
    op = op if factor > 0 else MIRROR[op]
    bound = end_of(level, c)
    if bound is None or bound.side or not inner.slope:
        return None
    if bound.value < 0:
        return LINE if op in (">", ">=", "!=") else []
    above = _linear(Form(inner.slope, Op("add", (inner.rest, Op("neg", (level,))))), op, c)
    below = _linear(Form(inner.slope, Op("add", (inner.rest, level))), MIRROR[op], c)
    if above is None or below is None:
        return None
    return intersection(above, below) if op in ("<", "<=", "!=") else union(above + below)


def _piecewise(f: Form, op: str, c: Context) -> Intervals | None:
    """Between the zeros of what stands in bars the form is linear; rational numbers only."""
    rest = exact(f.rest, NOTHING, c.work)
    rests = [exact(inner.rest, NOTHING, c.work) for _, inner in f.bars]
    if rest is None or None in rests or not all(inner.slope for _, inner in f.bars):
        return None
    bars = [(k, inner.slope, b) for (k, inner), b in zip(f.bars, rests, strict=True) if b is not None]
    corners = sorted({-b / a for _, a, b in bars})
    ends = [BOTTOM, *(End(0, x, Num(x)) for x in corners), TOP]
    found: Intervals = []
    for low, high in pairwise(ends):
        c.work.spend(2 + len(bars))
        middle = high.value - 1 if low.side else low.value + 1 if high.side else (low.value + high.value) / 2
        signs = [1 if a * middle + b > 0 else -1 for _, a, b in bars]
        slope = f.slope + sum((k * a * s for (k, a, _), s in zip(bars, signs, strict=True)), Fraction(0))
        level = rest + sum((k * b * s for (k, _, b), s in zip(bars, signs, strict=True)), Fraction(0))
        piece = [Interval(low, not low.side, high, not high.side)]
        if slope == 0:
            found += piece if HOLDS[op](level) else []
            continue
        root = -level / slope
        found += intersection(piece, ray(op if slope > 0 else MIRROR[op], End(0, root, Num(root))))
    return union(sorted(found, key=lambda i: order(i.low)))
