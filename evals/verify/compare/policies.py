"""The policies of scalar answers, one function each; every docstring says its rule.

Policies of extraction are in `extract`, of names and chains in `relations`, of lists, tuples and intervals
in `compare`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from evals.verify.compare.context import Context
from evals.verify.compare.equality import equal, number_of
from evals.verify.tree import EXPR, Based, Expr, Num, Op, Quantity, Ratio, Value, symbols, walk

DIGITS = 9


def scalar(gold: Expr | Quantity, answer: Expr | Quantity, c: Context) -> bool | None:
    """A number or expression with its unit, percent or degree sign."""
    g, gold_unit = (gold.value, gold.unit) if isinstance(gold, Quantity) else (gold, None)
    a, unit = (answer.value, answer.unit) if isinstance(answer, Quantity) else (answer, None)
    if gold_unit is not None and unit is not None:
        return units(gold, answer, c)  # type: ignore[arg-type]
    g, a = _sign_inside(g), _sign_inside(a)
    if unit is not None and (not unit.known or (_marked(g, "percent") and not _has(a, "percent"))):
        return False
    if _marked(g, "degree") or _marked(a, "degree"):
        return degrees(gold if gold_unit else g, answer if unit else a, c)
    if gold_unit is not None or unit is not None:
        c.flags.add("unit_ignored")
    if _marked(g, "percent"):
        return percent(g, a, c)
    same = value(g, a, c)
    return same or (gold_unit is None and loose_percent(g, a, c)) or same


def _sign_inside(e: Expr) -> Expr:
    """-(20\\%) as (-20)\\%, and so for degrees."""
    if (
        isinstance(e, Op)
        and e.name == "neg"
        and (_marked(e.args[0], "percent") or _marked(e.args[0], "degree"))
    ):
        inner = e.args[0]
        return Op(inner.name, (Op("neg", inner.args),))  # type: ignore[union-attr]
    return e


def _marked(e: Expr, mark: str) -> bool:
    return isinstance(e, Op) and e.name == mark


def units(gold: Quantity, answer: Quantity, c: Context) -> bool | None:
    """Units: a gold without unit ignores the answer's unit (flag unit_ignored), and the other way round;
    where both have one they are equal after conversion of known units, else wrong. "dozen", "about" and
    "or" are no units (see `evals.verify.parse.measures`)."""
    if gold.unit.powers != answer.unit.powers:
        return False
    if gold.unit.factor == answer.unit.factor:
        return value(gold.value, answer.value, c)
    return value(
        Op("mul", (gold.value, Num(gold.unit.factor))), Op("mul", (answer.value, Num(answer.unit.factor))), c
    )


def percent(gold: Expr, answer: Expr, c: Context) -> bool | None:
    """Percent: 50\\% equals 0.5 and 1/2 exactly; the bare 50 is accepted with flag percent_loose, 50 of
    a unit is not."""
    same = value(gold, answer, c)
    if same or _has(answer, "percent"):
        return same
    loose = value(gold.args[0], answer, c)  # type: ignore[union-attr]
    if loose:
        c.flags.add("percent_loose")
    return loose


def loose_percent(gold: Expr, answer: Expr, c: Context) -> bool:
    """Percent for a bare gold: 50\\% is 50 (flag percent_loose) where the question asks for a percentage;
    where it is not known to ask, only a percent sign will do (not the word), and only for golds over 1."""
    if not _marked(answer, "percent") or symbols(gold) or _has(gold, "percent"):
        return False
    size = None if c.percent_asked else number_of(gold, c.work)
    if not c.percent_asked and (not c.percent_sign or size is None or abs(size) <= 1):
        return False
    if value(gold, answer.args[0], c) is not True:  # type: ignore[union-attr]
        return False
    c.flags.add("percent_loose")
    return True


def degrees(gold: Value, answer: Value, c: Context) -> bool | None:
    """Degrees: 45^\\circ = 45 = pi/4; where the gold is bare, 45^\\circ is 45 (flag unit_ignored) or pi/4.
    "30 radians" is not 30^\\circ: radians convert."""
    g, a = _radians(gold), _radians(answer)
    if g is None or a is None:
        return False
    same = value(g, a, c)
    bare_gold, bare = _bare_degrees(gold), _bare_degrees(answer)
    if same or bare_gold is None or bare is None:
        return same
    loose = value(bare_gold, bare, c)
    if loose and not _marked(gold, "degree"):  # type: ignore[arg-type]
        c.flags.add("unit_ignored")
    return loose


def _radians(e: Value) -> Expr | None:
    """The value with degree signs worked out; a quantity only in radians."""
    if isinstance(e, Quantity):
        return e.value if e.unit.powers == (("angle", 1),) else None
    return e  # type: ignore[return-value]


def _bare_degrees(e: Value) -> Expr | None:
    """The number before the degree sign, or a number without any unit."""
    if isinstance(e, Quantity):
        return None
    if isinstance(e, Op) and e.name == "degree":
        return e.args[0]
    return None if _has(e, "degree") else e  # type: ignore[return-value]


def _has(e: Value, name: str) -> bool:
    return any(isinstance(node, Op) and node.name == name for node in walk(e))


def value(gold: Expr, answer: Expr, c: Context) -> bool | None:
    """Equal values, or a decimal under the rounding policy."""
    same = equal(gold, answer, c.work)
    if same is False and not symbols(gold) and not symbols(answer):
        return rounding(gold, answer, c)
    if same is None and c.prove is not None:
        c.proved = True
        return c.prove(gold, answer)
    return same


def rounding(gold: Expr, answer: Expr, c: Context) -> bool:
    """Rounding: for an exact gold a decimal needs 9 significant digits, all of them right (and a gold that
    is itself a finite decimal must be met exactly). A decimal gold with digits after the point and at least
    two significant ones takes the exact values that round to it; one with a single digit (0.1) or that is an
    integer (1e3) is exact, and so it is for an answer in degrees. Two decimals are equal or not."""
    written, offered = decimal(gold), decimal(answer)
    if offered is not None:
        return written is None and _right_digits(gold, *offered, c)
    if written is None or written[1] <= 0 or _has(answer, "degree"):
        return False
    return abs(written[0]) * 10 ** written[1] >= 10 and rounds(written, answer, c)


def rounds(written: tuple[Fraction, int], whole: Expr, c: Context) -> bool:
    """Whether an expression without decimals in it rounds to a decimal (value, place)."""
    if any(isinstance(n, Num) and n.place is not None for n in walk(whole)):
        return False
    x = number_of(whole, c.work)
    return x is not None and _rounded(x, written[1]) == written[0]


def _rounded(x: Fraction, place: int) -> Fraction:
    """x rounded to so many places, halves away from zero."""
    unit = Fraction(10) ** -place
    steps = (abs(x) / unit + Fraction(1, 2)).__floor__()
    return unit * (steps if x >= 0 else -steps)


def _right_digits(gold: Expr, shown: Fraction, place: int, c: Context) -> bool:
    """Whether a decimal is the gold rounded or cut to at least 9 significant digits."""
    significant = len(str(abs(shown.numerator * 10**place // shown.denominator))) if place > 0 else 0
    if significant < DIGITS or shown == 0:
        return False
    x = number_of(gold, c.work)
    if x is None or x == 0 or _finite(x):
        return False
    unit = Fraction(10) ** (significant - min(significant, 15) - place)
    if abs(shown - x) * 2 <= unit or (significant > 15 and abs(shown - x) <= unit):
        return True
    return (shown > 0) == (x > 0) and 0 <= abs(x) - abs(shown) < unit


def _finite(x: Fraction) -> bool:
    """Whether a fraction is a finite decimal of at most 15 places."""
    return 10**15 % x.denominator == 0


def decimal(e: Expr) -> tuple[Fraction, int] | None:
    """(value, place of the last digit) of a decimal as written: 0.50, -6.02\\times 10^{23}, 12.5\\%."""
    if isinstance(e, Num):
        return (e.value, e.place) if e.place is not None else None
    if not isinstance(e, Op):
        return None
    if e.name == "neg":
        inner = decimal(e.args[0])
        return (-inner[0], inner[1]) if inner else None
    if e.name == "percent":
        inner = decimal(e.args[0])
        return (inner[0] / 100, inner[1] + 2) if inner else None
    if e.name == "mul" and len(e.args) == 2:
        inner, shift = decimal(e.args[0]), _power_of_ten(e.args[1])
        return (inner[0] * Fraction(10) ** shift, inner[1] - shift) if inner and shift is not None else None
    return None


def _power_of_ten(e: Expr) -> int | None:
    if isinstance(e, Op) and e.name == "pow" and all(isinstance(a, Num) for a in e.args):
        base, power = (a.value for a in e.args)  # type: ignore[union-attr]
        if base == 10 and power.denominator == 1 and abs(power) < 5000:
            return power.numerator
    return None


def base(gold: Based, answer: Value, c: Context) -> bool:
    """Base: 101 is accepted for 101_2, flagged base_ignored; another base is wrong, and so is the value."""
    if isinstance(answer, Based):
        return gold.base == answer.base and _same_digits(gold.digits, answer.digits)
    if isinstance(answer, Num) and answer.place is None and answer.value.denominator == 1:
        c.flags.add("base_ignored")
        return _same_digits(gold.digits, str(answer.value.numerator))
    return False


def _same_digits(a: str, b: str) -> bool:
    sign_a, sign_b = a.startswith("-"), b.startswith("-")
    return sign_a == sign_b and a.lstrip("-0").upper() == b.lstrip("-0").upper()


def ratio(gold: Ratio, answer: Value, c: Context) -> bool | None:
    """Ratio: in proportion, 1:2 = 2:4 = 1/2; times of day exactly, AM or PM where both say so."""
    if isinstance(answer, Ratio):
        if gold.clock or answer.clock:
            halves = {gold.clock, answer.clock} - {"clock", ""}
            return len(halves) < 2 and gold.items == answer.items
        if len(gold.items) != len(answer.items):
            return False
        first, other = gold.items[0], answer.items[0]
        return conjunction(
            equal(Op("mul", (x, other)), Op("mul", (y, first)), c.work)
            for x, y in zip(gold.items[1:], answer.items[1:], strict=True)
        )
    if isinstance(answer, EXPR) and len(gold.items) == 2 and not gold.clock:
        return equal(Op("div", gold.items), answer, c.work)
    return False


def conjunction(outcomes: Iterable[bool | None]) -> bool | None:
    """False beats undecided, undecided beats True."""
    result: bool | None = True
    for outcome in outcomes:
        if outcome is False:
            return False
        if outcome is None:
            result = None
    return result
