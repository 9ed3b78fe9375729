"""Values to 50 digits and beyond: complex numbers at a stated precision, without any global state.

On mpmath's `libmp`, whose functions take the precision as an argument, so that threads do not meet.
"""

from __future__ import annotations

import zlib
from fractions import Fraction
from functools import cache
from threading import Lock
from typing import Any

from evals.verify.limits import MAX_EXPONENT, LimitError
from evals.verify.tree import Const, Expr, Num, Op, Sym
from evals.verify.values.exact import Env, Undefined, Work, exact

NEAR, FAR = 200, 1000  # bits: 50 digits and some, 300 digits
Value = tuple[Any, Any]  # real and imaginary part, as mpf tuples
ROOTS = 100  # odd roots up to this one are real for negative numbers
POLE = 64  # bits: how near to an integer the gamma function is asked
HUGE = 400  # bits of the magnitude of an argument of exp, sin, …
_warming = Lock()


class Unknown(Exception):
    """The expression holds something that has no number: an unknown symbol, a sum, an integral."""


@cache
def lib() -> Any:
    """mpmath.libmp, with its constants computed once to the largest precision (its caches are not locked)."""
    with _warming:
        import mpmath.libmp as libmp

        for constant in (libmp.mpf_pi, libmp.mpf_e, libmp.mpf_ln2, libmp.mpf_ln10, libmp.mpf_degree):
            constant(3 * FAR)
        one, half = (libmp.fone, libmp.fzero), (libmp.fhalf, libmp.fzero)
        for function in ("exp", "log", "sin", "cos", "tan", "atan", "gamma"):
            getattr(libmp, "mpc_" + function)(half, 2 * FAR)
        libmp.mpc_pow(half, (libmp.fhalf, libmp.fone), 2 * FAR)
        assert one
        return libmp


def approximate(e: Expr, env: Env, bits: int, work: Work) -> Value:
    """The value of an expression to about `bits` bits, principal branches (real odd roots).

    Undefined at a pole, Unknown where there is no number, LimitError over a bound.
    """
    m = lib()
    try:
        return _value(e, env, bits, work, m)
    except (ZeroDivisionError, OverflowError, m.ComplexResult) as error:
        raise Undefined from error
    except ValueError as error:
        raise Undefined from error


def _value(e: Expr, env: Env, bits: int, work: Work, m: Any) -> Value:
    kind = type(e)
    if kind is Num:
        return _rational(e.value, bits, m)  # type: ignore[union-attr]
    if kind is Sym:
        if e.name not in env:  # type: ignore[union-attr]
            raise Unknown
        return _rational(env[e.name], bits, m)  # type: ignore[union-attr]
    if isinstance(e, Const):
        return _constant(e.name, bits, m)
    assert isinstance(e, Op)
    work.spend(2 if bits == NEAR else 6)
    name, args = e.name, e.args
    if name in ("pow", "root"):
        return _power(e, env, bits, work, m)
    if name.startswith("apply:"):
        return _applied(e, env, bits, work, m)
    if name in ("fact", "binom", "mod", "gcd", "lcm", "floor", "ceil", "max", "min"):
        return _special(e, env, bits, work, m)
    values = [_value(a, env, bits, work, m) for a in args]
    if name == "add":
        total = values[0]
        for value in values[1:]:
            total = m.mpc_add(total, value, bits, "n")
        return total
    if name == "mul":
        total = values[0]
        for value in values[1:]:
            total = _times(total, value, bits, m)
        return total
    if name == "div":
        if values[1] == m.mpc_zero:
            raise Undefined
        return _over(values[0], values[1], bits, m)
    if name == "neg":
        return m.mpc_neg(values[0])
    if name in ("abs", "norm"):
        return m.mpc_abs(values[0], bits), m.fzero
    if name == "percent":
        return m.mpc_div_mpf(values[0], m.from_int(100), bits)
    if name == "degree":
        return m.mpc_mul_mpf(values[0], m.mpf_degree(bits), bits)
    if name == "mixed":
        part = m.mpc_div(values[1], values[2], bits)
        return m.mpc_add(values[0], part, bits)
    return _function(name, values, bits, work, m)


def _times(a: Value, b: Value, bits: int, m: Any) -> Value:
    if a[1] == m.fzero and b[1] == m.fzero:
        return m.mpf_mul(a[0], b[0], bits, "n"), m.fzero
    return m.mpc_mul(a, b, bits)


def _over(a: Value, b: Value, bits: int, m: Any) -> Value:
    if a[1] == m.fzero and b[1] == m.fzero:
        return m.mpf_div(a[0], b[0], bits, "n"), m.fzero
    return m.mpc_div(a, b, bits)


def _rational(value: Fraction, bits: int, m: Any) -> Value:
    return m.from_rational(value.numerator, value.denominator, bits), m.fzero


def _constant(name: str, bits: int, m: Any) -> Value:
    if name == "pi":
        return m.mpf_pi(bits), m.fzero
    if name == "e":
        return m.mpf_e(bits), m.fzero
    if name == "i":
        return m.fzero, m.fone
    raise Unknown


def _power(e: Op, env: Env, bits: int, work: Work, m: Any) -> Value:
    """Powers and roots; an odd root of a negative real number is real."""
    base = _value(e.args[0], env, bits, work, m)
    if e.name == "root" and len(e.args) == 1:
        return m.mpc_sqrt(base, bits)
    power = exact(e.args[1], env, work)
    if e.name == "root" and power is not None:
        if power == 0:
            raise Undefined
        power = 1 / power
    if power is None:
        top = _value(e.args[1], env, bits, work, m)
        top = m.mpc_div(m.mpc_one, top, bits) if e.name == "root" else top
        if base == m.mpc_zero:
            raise Undefined
        _bounded(top, 64, m)
        work.spend(20 if bits == NEAR else 100)
        return m.mpc_pow(base, top, bits)
    if abs(power) > MAX_EXPONENT:
        raise LimitError("exponent")
    if base == m.mpc_zero:
        if power <= 0:
            raise Undefined
        return base
    if power.denominator == 1:
        work.spend(power.numerator.bit_length())
        return m.mpc_pow_int(base, power.numerator, bits)
    work.spend(20 if bits == NEAR else 100)
    if power.denominator % 2 and power.denominator < ROOTS and base[1] == m.fzero and base[0][0]:
        size = m.mpc_pow(m.mpc_neg(base), _rational(power, bits, m), bits)
        return m.mpc_neg(size) if power.numerator % 2 else size
    return m.mpc_pow(base, _rational(power, bits, m), bits)


def _function(name: str, v: list[Value], bits: int, work: Work, m: Any) -> Value:
    """Elementary functions."""
    if name not in FUNCTIONS:
        raise Unknown
    work.spend(15 if bits == NEAR else 80)
    x = v[0]
    _bounded(x, HUGE, m)
    if name in ("ln", "log"):
        if x == m.mpc_zero:
            raise Undefined
        top = m.mpc_log(x, bits)
        if name == "ln":
            return top
        bottom = m.mpc_log(v[1], bits) if len(v) > 1 else (m.mpf_ln10(bits), m.fzero)
        return _over(top, bottom, bits, m)
    stem, inverted = FUNCTIONS[name]
    if name.startswith("arc") and inverted:
        return getattr(m, stem)(_over(m.mpc_one, x, bits, m), bits)
    if stem in ("mpc_cosh", "mpc_sinh", "mpc_tanh"):
        _bounded(x, 8 if stem == "mpc_tanh" else 64, m)  # tanh 256 is 1 to 222 digits
    value = getattr(m, stem)(x, bits)
    return _over(m.mpc_one, value, bits, m) if inverted else value


FUNCTIONS = {
    "ln": ("mpc_log", False),
    "log": ("mpc_log", False),
    "sin": ("mpc_sin", False),
    "cos": ("mpc_cos", False),
    "tan": ("mpc_tan", False),
    "csc": ("mpc_sin", True),
    "sec": ("mpc_cos", True),
    "cot": ("mpc_tan", True),
    "arcsin": ("mpc_asin", False),
    "arccos": ("mpc_acos", False),
    "arctan": ("mpc_atan", False),
    "arccsc": ("mpc_asin", True),
    "arcsec": ("mpc_acos", True),
    "arccot": ("mpc_atan", True),
    "sinh": ("mpc_sinh", False),
    "cosh": ("mpc_cosh", False),
    "tanh": ("mpc_tanh", False),
    "csch": ("mpc_sinh", True),
    "sech": ("mpc_cosh", True),
    "coth": ("mpc_tanh", True),
    "arcsinh": ("mpc_asinh", False),
    "arccosh": ("mpc_acosh", False),
    "arctanh": ("mpc_atanh", False),
}


def _bounded(value: Value, bits: int, m: Any) -> None:
    """LimitError where a number is larger than 2^bits."""
    for part in value:
        if part[1] and part[2] + part[3] > bits:
            raise LimitError("exponent")


def _special(e: Op, env: Env, bits: int, work: Work, m: Any) -> Value:
    """Factorials and binomials of any number through the gamma function; the others of exact numbers only."""
    whole = exact(e, env, work)
    if whole is not None:
        return _rational(whole, bits, m)
    if e.name in ("floor", "ceil"):
        return _whole(e, env, bits, work, m)
    if e.name not in ("fact", "binom"):
        raise Unknown
    work.spend(200 if bits == NEAR else 2000)
    values = [_value(a, env, bits, work, m) for a in e.args]
    if e.name == "binom":
        values.append(m.mpc_sub(values[0], values[1], bits))
    for value in values:
        _bounded(value, 12, m)
        _clear_of_poles(value, m)
    gammas = [m.mpc_gamma(m.mpc_add(v, m.mpc_one, bits), bits) for v in values]
    if e.name == "fact":
        return gammas[0]
    return m.mpc_div(gammas[0], m.mpc_mul(gammas[1], gammas[2], bits), bits)


def _clear_of_poles(value: Value, m: Any) -> None:
    """Unknown for what lies beside an integer, where the gamma function costs twice the digits and more."""
    gap = m.mpf_sub(value[0], m.mpf_nint(value[0], FAR, "n"), FAR, "n")
    if any(part[1] and part[2] + part[3] < -POLE for part in (gap, value[1])):
        raise Unknown


def _whole(e: Op, env: Env, bits: int, work: Work, m: Any) -> Value:
    """The floor or ceiling of a real number that is clearly no integer."""
    re, im = _value(e.args[0], env, bits, work, m)
    gap = m.mpf_sub(re, m.mpf_nint(re, bits, "n"), bits, "n")
    if im != m.fzero or gap == m.fzero or gap[2] + gap[3] < 60 - bits:
        raise Unknown
    return (m.mpf_floor if e.name == "floor" else m.mpf_ceil)(re, bits, "n"), m.fzero


def _applied(e: Op, env: Env, bits: int, work: Work, m: Any) -> Value:
    """An unknown function: a number that depends on its name and its arguments' values only."""
    parts = []
    for arg in e.args:
        whole = exact(arg, env, work)
        if whole is None:
            value = _value(arg, env, FAR, work, m)
            parts.append(m.to_str(value[0], 40) + m.to_str(value[1], 40))
        else:
            parts.append(m.to_str(m.from_rational(whole.numerator, whole.denominator, FAR), 40) + "0.0")
    seed = zlib.crc32(f"{e.name}({';'.join(parts)})".encode())
    return _rational(Fraction(seed % 9973 + 1, 7 + seed // 9973 % 89), bits, m)


def close(x: Value, y: Value, bits: int) -> Any:
    """|x - y| where it is at most 2^-bits · max(1, |x|, |y|), else None."""
    m = lib()
    gap = m.mpc_abs(m.mpc_sub(x, y, 2 * FAR), 64)
    scale = m.mpc_abs(x, 64)
    other = m.mpc_abs(y, 64)
    for candidate in (other, m.fone):
        scale = candidate if m.mpf_cmp(candidate, scale) > 0 else scale
    return gap if m.mpf_cmp(gap, m.mpf_shift(scale, -bits)) <= 0 else None
