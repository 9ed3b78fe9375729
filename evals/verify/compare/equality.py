"""Whether two expressions are equal: exact fractions, else 50 digits confirmed at 300, at rational points."""

from __future__ import annotations

import zlib
from fractions import Fraction
from functools import lru_cache

from evals.verify.limits import LimitError
from evals.verify.tree import Const, Expr, Num, Op, symbols, walk
from evals.verify.values.approximate import FAR, NEAR, Unknown, Value, approximate, close, lib
from evals.verify.values.canonical import same_form
from evals.verify.values.exact import Env, Undefined, Work, exact

POINTS = 8  # tried
MORE = 16  # points where the gold is real at fewer than three of these: nearer to zero, and farther out
ENOUGH = 3  # agreeing points that decide
MAX_SYMBOLS = 40
WIDE = 400  # bits: where 300 digits of a value do not show what stands beside a number of that size
CORNERS = ("abs", "norm", "max", "min", "root", "pow", "sgn")
LOGARITHMS = ("ln", "log")
NOTHING: Env = {}


def equal(a: Expr, b: Expr, work: Work) -> bool | None:
    """Whether two expressions are the same number or function; None: could not be decided.

    Without variables: exact fractions where both have one, else 50 digits, confirmed at 300.
    With variables: the same at random rational points where the gold `a` is real and defined, and what
    stands under its square roots and in its logarithms positive (points are fixed by the variables' names,
    so a verdict never depends on order or process).
    """
    if a == b:
        return True
    if infinite(a) or infinite(b):
        return infinite(a) == infinite(b)
    names = symbols(a) | symbols(b)
    if not names:
        return equal_numbers(a, b, NOTHING, work)
    if len(names) > MAX_SYMBOLS:
        raise LimitError("symbols")
    plain = tuple(sorted(n for n in names if not n.endswith("()")))
    real = True
    outcome, seen = _at_points(a, b, plain, real, work)
    if outcome is None and seen < ENOUGH:  # real at a point or two, or at none
        real = False
        outcome, _ = _at_points(a, b, plain, real, work)
        outcome = (outcome or None) if seen else outcome
    if outcome and (_has_corners(a) or _has_corners(b)):
        return not _differ_far_out(a, b, plain, real, work)
    return outcome


def _at_points(a: Expr, b: Expr, names: tuple[str, ...], real: bool, work: Work) -> tuple[bool | None, int]:
    """(verdict, number of points that counted); real: only points where `a` is real count."""
    agreed = 0
    inner = _real_parts(a) if real else []
    for k in range(MORE if real else POINTS):
        env = point(names, k)
        try:
            if inner and not all(_positive(e, env, work) for e in inner):
                continue
            x = exact(a, env, work)
            left = approximate(a, env, NEAR, work) if x is None else _rational(x)
        except Undefined:
            continue
        except Unknown:
            return (True, 1) if same_form(a, b, work) else (None, ENOUGH)
        if real and not is_real(left):
            continue
        try:
            same = equal_numbers(a, b, env, work, confirm=agreed == ENOUGH - 1)
        except Undefined:
            same = None
        if same is None:
            continue
        if not same:
            return False, agreed + 1
        agreed += 1
        if agreed == ENOUGH:
            return True, agreed
    return None, agreed


def _has_corners(e: Expr) -> bool:
    """Whether an expression may follow one formula near zero and another one farther out."""
    return any(
        isinstance(node, Op) and node.name in CORNERS and not _is_whole_power(node) and symbols(node)
        for node in walk(e)
    )


def _is_whole_power(node: Op) -> bool:
    power = node.args[-1]
    return node.name == "pow" and isinstance(power, Num) and power.value.denominator == 1


def _differ_far_out(a: Expr, b: Expr, names: tuple[str, ...], real: bool, work: Work) -> bool:
    """Whether the values differ at a point beyond every number written in the expressions."""
    scale = 1 + sum(abs(node.value) for e in (a, b) for node in walk(e) if isinstance(node, Num))
    inner = _real_parts(a) if real else []
    for k in range(4):
        near = point(names, 0)
        signs = [-1 if k == 1 or (k > 1 and (i + k) % 2) else 1 for i in range(len(names))]
        env = {name: near[name] * scale * sign for name, sign in zip(names, signs, strict=True)}
        try:
            if inner and not all(_positive(e, env, work) for e in inner):
                continue
            if real and not is_real(approximate(a, env, NEAR, work)):
                continue
            if equal_numbers(a, b, env, work, confirm=False) is False:
                return True
        except (Undefined, Unknown):
            continue
        except LimitError as error:
            if str(error) == "work":
                raise
    return False


def _real_parts(e: Expr) -> list[Expr]:
    """What stands with variables under square roots and in logarithms: a real gold means it positive."""
    return [
        node.args[0]
        for node in walk(e)
        if isinstance(node, Op)
        and (node.name in LOGARITHMS or _is_square_root(node))
        and symbols(node.args[0])
    ]


def _is_square_root(node: Op) -> bool:
    return node.name == "root" and len(node.args) == 1


def _positive(e: Expr, env: Env, work: Work) -> bool:
    try:
        value = approximate(e, env, NEAR, work)
    except (Unknown, Undefined):
        return False
    return is_real(value) and lib().mpf_cmp(value[0], lib().fzero) > 0


def equal_numbers(a: Expr, b: Expr, env: Env, work: Work, confirm: bool = True) -> bool | None:
    """Whether two expressions have the same value at a point.

    50 digits tell different from perhaps equal; 300 digits must agree as well, and the gap must shrink
    with the precision: a difference that stays, however small, is a difference.
    """
    x, y = exact(a, env, work), exact(b, env, work)
    if x is not None and y is not None:
        return x == y
    try:
        first = close(approximate(a, env, NEAR, work), approximate(b, env, NEAR, work), NEAR - 60)
        if first is None:
            return False
        if not confirm:
            return True
        left, right = approximate(a, env, FAR, work), approximate(b, env, FAR, work)
        second = close(left, right, FAR - 160)
    except Unknown:
        return same_form(a, b, work) or None
    m = lib()
    if max(part[2] + part[3] for part in (*left, *right)) > FAR - 300:  # 300 digits do not reach the units
        return same_form(a, b, work) or None
    if second is None:
        return False
    if m.fzero not in (first, second) and m.mpf_cmp(second, m.mpf_shift(first, -300)) > 0:
        return False
    if _wide(a, work) or _wide(b, work):  # something may hide beyond the last digit
        return same_form(a, b, work) or None
    return True


def _wide(e: Expr, work: Work) -> bool:
    """Whether a constant in an expression is of such a size, or of so many digits, that what stands beside
    it, or beside one, may be beyond the last digit."""
    for node in walk(e):
        if isinstance(node, Num):
            top, bottom = node.value.numerator.bit_length(), node.value.denominator.bit_length()
            if abs(top - bottom) > WIDE or bottom > WIDE:
                return True
        elif isinstance(node, Op) and not symbols(node):
            try:
                value = approximate(node, NOTHING, NEAR, work)
            except (Unknown, Undefined):
                continue
            if any(part[1] and abs(part[2] + part[3]) > WIDE for part in value) and is_real(value):
                return True
    return False


def infinite(e: Expr) -> int:
    """1 for infinity, -1 for minus infinity, else 0."""
    if isinstance(e, Op) and e.name == "neg":
        return -infinite(e.args[0])
    return 1 if isinstance(e, Const) and e.name == "inf" else 0


def is_real(value: Value) -> bool:
    """Whether the imaginary part is noise."""
    m = lib()
    if value[1] == m.fzero:
        return True
    size = m.mpc_abs(value, 64)
    return bool(m.mpf_cmp(m.mpf_abs(value[1]), m.mpf_shift(size, 60 - NEAR)) <= 0)


def number_of(e: Expr, work: Work) -> Fraction | None:
    """A real number as a fraction: exact, or correct to 50 digits; None where there is none."""
    whole = exact(e, NOTHING, work)
    if whole is not None:
        return whole
    try:
        value = approximate(e, NOTHING, NEAR, work)
    except (Unknown, Undefined):
        return None
    if not is_real(value) or not (value[0][1] or value[0] == lib().fzero):
        return None
    if abs(value[0][2]) > 20_000:
        raise LimitError("exponent")
    p, q = lib().to_rational(value[0])
    return Fraction(p, q)


def _rational(value: Fraction) -> Value:
    m = lib()
    return m.from_rational(value.numerator, value.denominator, NEAR), m.fzero


@lru_cache(maxsize=2048)
def point(names: tuple[str, ...], k: int) -> dict[str, Fraction]:
    """The k-th point: a rational number for every variable, keyed by its name."""
    return {name: _coordinate(name, k) for name in names}


def _coordinate(name: str, k: int) -> Fraction:
    """Positive, below one, negative and large numbers in turn, never a special one."""
    seed = zlib.crc32(f"{k}|{name}".encode())
    top, bottom = 211 + seed % 769, 101 + (seed >> 12) % 83
    value = Fraction(top, bottom)  # 1.1 … 9.7
    if k in (1, 4):
        value = Fraction(bottom, top + 100)  # 0.09 … 0.6
    elif k == 5:
        value *= 7
    elif k >= POINTS:
        value = (
            value * (6 * k) if k in (9, 12, 13) else Fraction(bottom, 3 * top + 100)
        )  # 60 … 760; 0.04 … 0.3
    if k in (2, 4, 7, 10, 13, 14) or (k in (3, 6) and seed >> 30 & 1):
        value = -value
    return value
