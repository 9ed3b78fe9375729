"""Exact values: fractions, as far as an expression has one, within a budget of work."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from evals.verify.limits import MAX_BITS, MAX_FACTORIAL, WORK, LimitError
from evals.verify.tree import Expr, Num, Op, Sym

Env = Mapping[str, Fraction]
HUNDRED = Fraction(100)


class Undefined(Exception):
    """The expression has no value: a division by zero, 0^0, a factorial of -1."""


class Work:
    """What is left of the budget of one comparison."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = WORK

    def spend(self, units: int) -> None:
        """Take units off the budget; LimitError when it is spent."""
        self.left -= units
        if self.left < 0:
            raise LimitError("work")

    def spent(self) -> int:
        """Units taken so far."""
        return WORK - max(self.left, 0)


def exact(e: Expr, env: Env, work: Work) -> Fraction | None:
    """The exact value of an expression; None where it has none or it is too large to be kept exactly.

    Undefined for a division by zero, LimitError over the budget or over the factorial bound.
    """
    kind = type(e)
    if kind is Num:
        return e.value  # type: ignore[union-attr]
    if kind is Sym:
        return env.get(e.name)  # type: ignore[union-attr]
    if kind is not Op:
        return None
    rule = RULES.get(e.name)  # type: ignore[union-attr]
    if rule is None or not e.args:  # type: ignore[union-attr]
        return None
    values: list[Fraction] = []
    for arg in e.args:  # type: ignore[union-attr]
        value = exact(arg, env, work)
        if value is None:
            return None
        values.append(value)
    result = rule(values, work)
    if result is None:
        return None
    bits = result.numerator.bit_length() + result.denominator.bit_length()
    work.spend(1 + bits * bits // 400_000)
    return result if bits <= 2 * MAX_BITS else None


def _add(v: list[Fraction], work: Work) -> Fraction:
    work.spend(len(v))
    total = v[0]
    for x in v[1:]:
        total += x
    return total


def _mul(v: list[Fraction], work: Work) -> Fraction | None:
    total = v[0]
    for x in v[1:]:
        bits = total.numerator.bit_length() + total.denominator.bit_length()
        work.spend(1 + bits * bits // 400_000)
        if bits > 2 * MAX_BITS:
            return None
        total *= x
    return total


def _div(v: list[Fraction], work: Work) -> Fraction:
    if v[1] == 0:
        raise Undefined
    return v[0] / v[1]


def _pow(v: list[Fraction], work: Work) -> Fraction | None:
    base, power = v
    if base == 0:
        if power <= 0:
            raise Undefined
        return base
    if power.denominator != 1:
        root = _root([base, Fraction(power.denominator)], work)
        return None if root is None else _pow([root, Fraction(power.numerator)], work)
    if abs(base) == 1:
        return base if power.numerator % 2 else Fraction(1)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(power) * bits > MAX_BITS:
        return None
    return base**power.numerator


def _root(v: list[Fraction], work: Work) -> Fraction | None:
    """The real root of a fraction where it is a fraction."""
    value = v[0]
    index = v[1] if len(v) > 1 else Fraction(2)
    if index.denominator != 1 or not 1 <= index.numerator <= 64:
        return None
    n = index.numerator
    if value < 0 and n % 2 == 0:
        return None
    top, bottom = _whole_root(abs(value.numerator), n, work), _whole_root(value.denominator, n, work)
    if top is None or bottom is None:
        return None
    return Fraction(top if value > 0 else -top, bottom)


def _whole_root(value: int, n: int, work: Work) -> int | None:
    """The n-th root of a natural number where it is one."""
    if n == 2:
        root = math.isqrt(value)
    elif n == 1 or value < 2:
        return value
    elif value.bit_length() > 4000:
        return None
    else:
        work.spend(1 + value.bit_length() // 8)
        low, high = 0, 1 << (value.bit_length() // n + 1)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle**n <= value else (low, middle - 1)
        root = low
    return root if root**n == value else None


def _factorial(v: list[Fraction], work: Work) -> Fraction | None:
    if v[0].denominator != 1:
        return None
    n = v[0].numerator
    if n < 0:
        raise Undefined
    if n > MAX_FACTORIAL:
        raise LimitError("factorial")
    work.spend(n)
    return Fraction(math.factorial(n))


def _binomial(v: list[Fraction], work: Work) -> Fraction | None:
    n, k = v
    if n.denominator != 1 or k.denominator != 1 or n < 0 or k < 0:
        return None
    if n > MAX_FACTORIAL:
        raise LimitError("factorial")
    work.spend(n.numerator)
    return Fraction(math.comb(n.numerator, k.numerator))


def _mixed(v: list[Fraction], work: Work) -> Fraction:
    return v[0] + v[1] / v[2]


def _mod(v: list[Fraction], work: Work) -> Fraction:
    if v[1] == 0:
        raise Undefined
    return v[0] % v[1]


def _gcd(v: list[Fraction], work: Work) -> Fraction | None:
    return Fraction(math.gcd(*(x.numerator for x in v))) if all(x.denominator == 1 for x in v) else None


def _lcm(v: list[Fraction], work: Work) -> Fraction | None:
    return Fraction(math.lcm(*(x.numerator for x in v))) if all(x.denominator == 1 for x in v) else None


RULES = {
    "add": _add,
    "mul": _mul,
    "div": _div,
    "pow": _pow,
    "root": _root,
    "fact": _factorial,
    "binom": _binomial,
    "mixed": _mixed,
    "mod": _mod,
    "gcd": _gcd,
    "lcm": _lcm,
    "neg": lambda v, work: -v[0],
    "abs": lambda v, work: abs(v[0]),
    "percent": lambda v, work: v[0] / HUNDRED,
    "floor": lambda v, work: Fraction(math.floor(v[0])),
    "ceil": lambda v, work: Fraction(math.ceil(v[0])),
    "max": lambda v, work: max(v),
    "min": lambda v, work: min(v),
}
