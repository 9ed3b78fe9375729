"""Values of expressions against independent arithmetic (fractions, mpmath, sympy); regions by membership."""

import random
from fractions import Fraction

import mpmath
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.verify import grade_answer
from evals.verify.compare.context import Context
from evals.verify.compare.equality import equal, point
from evals.verify.compare.real_sets import complement, intersection, region, union
from evals.verify.compare.symbolic import prove, to_sympy
from evals.verify.parse.answers import Parsed, parse
from evals.verify.tree import symbols
from evals.verify.values.approximate import FAR, NEAR, approximate
from evals.verify.values.canonical import same_form
from evals.verify.values.exact import Undefined, Work, exact

CALM = settings(max_examples=80, deadline=None)
small = st.integers(-9, 9)


@st.composite
def rational(draw, depth=3):
    """(text, value) of a closed expression of rational arithmetic; value None where it is undefined."""
    kind = draw(st.sampled_from(["number", "add", "sub", "mul", "frac", "pow"] if depth else ["number"]))
    if kind == "number":
        n = draw(small)
        return (str(n) if n >= 0 else f"({n})"), Fraction(n)
    (a, x), (b, y) = draw(rational(depth=depth - 1)), draw(rational(depth=depth - 1))
    if kind == "pow":
        n = draw(st.integers(-3, 4))
        undefined = x is None or (x == 0 and n <= 0)
        return f"({a})^{{{n}}}", None if undefined else x**n
    text = {
        "add": f"{a} + {b}",
        "sub": f"{a} - ({b})",
        "mul": f"({a})({b})",
        "frac": f"\\frac{{{a}}}{{{b}}}",
    }[kind]
    if x is None or y is None or (kind == "frac" and y == 0):
        return text, None
    return text, {"add": x + y, "sub": x - y, "mul": x * y, "frac": y and x / y}[kind]


def tree(text):
    parsed = parse(text)
    assert isinstance(parsed, Parsed), (text, parsed)
    return parsed.value


@given(rational())
@CALM
def test_exact_arithmetic_is_that_of_fractions(case):
    text, value = case
    if value is None:
        with pytest.raises(Undefined):
            exact(tree(text), {}, Work())
    else:
        assert exact(tree(text), {}, Work()) == value


VALUES = {
    "\\sqrt{2}": lambda: mpmath.sqrt(2),
    "\\sqrt[3]{-8}": lambda: mpmath.mpf(-2),
    "\\frac{1+\\sqrt5}{2}": lambda: mpmath.phi,
    "e^{i\\pi/3}": lambda: mpmath.exp(1j * mpmath.pi / 3),
    "\\cos 45^\\circ": lambda: 1 / mpmath.sqrt(2),
    "\\sin^2 2": lambda: mpmath.sin(2) ** 2,
    "\\sin^{-1} \\frac12": lambda: mpmath.pi / 6,
    "\\log 2": lambda: mpmath.log10(2),
    "\\log_2 10": lambda: mpmath.log(10, 2),
    "\\ln 2 + i\\pi/3": lambda: mpmath.log(2) + 1j * mpmath.pi / 3,
    "\\arctan 3": lambda: mpmath.atan(3),
    "\\cosh 1": lambda: mpmath.cosh(1),
    "\\csc 10": lambda: mpmath.csc(10),
    "\\cot 2": lambda: mpmath.cot(2),
    "2^{\\sqrt2}": lambda: mpmath.power(2, mpmath.sqrt(2)),
    "\\pi^{-1}": lambda: 1 / mpmath.pi,
    "|3-4i|": lambda: mpmath.mpf(5),
    "\\binom{1/2}{2}": lambda: mpmath.mpf(-1) / 8,
    "2\\frac13\\%": lambda: mpmath.mpf(7) / 300,
    "\\exp{0.5}": lambda: mpmath.exp(0.5),
}


@pytest.mark.parametrize("text", VALUES)
@pytest.mark.parametrize("bits", [NEAR, FAR])
def test_values_are_those_of_mpmath(text, bits):
    with mpmath.workprec(bits + 60):
        expected = mpmath.mpmathify(VALUES[text]())
        re, im = approximate(tree(text), {}, bits, Work())
        found = mpmath.mpc(mpmath.make_mpf(re), mpmath.make_mpf(im))
        assert abs(found - expected) <= mpmath.mpf(2) ** (20 - bits) * max(1, abs(expected))


IDENTITIES = [
    ("\\sin 2x", "2\\sin x\\cos x"),
    ("\\tan x", "\\frac{\\sin x}{\\cos x}"),
    ("|x|", "\\sqrt{x^2}"),
    ("(x+y)^3", "x^3+3x^2y+3xy^2+y^3"),
    ("\\frac{1}{x}-\\frac{1}{x+1}", "\\frac{1}{x^2+x}"),
    ("2^{n-1}", "\\frac{2^n}{2}"),
    ("\\cos^2\\theta", "1-\\sin^2\\theta"),
    ("42x\\sqrt{5x}", "\\sqrt{8820x^3}"),
    ("(\\sqrt2+\\sqrt3)^2", "5+2\\sqrt6"),
    ("\\sqrt{3+2\\sqrt2}", "1+\\sqrt2"),
    ("\\frac{n!}{(n-1)!}", "n"),
    ("f(4-x)", "f(-x+4)"),
    ("a_{10}", "a_{10}"),
]
DIFFERENT = [
    ("\\sin 2x", "2\\sin x"),
    ("x", "\\sqrt{x^2}"),
    ("\\ln(x^2)", "2\\ln x"),  # where x < 0
    ("\\ln(xy)", "\\ln x + \\ln y"),
    ("\\sqrt{10^{20}+1}", "10^{10}"),
    ("\\sqrt{10^{200}+1}", "10^{100}"),
    ("e^{-1000}", "0"),
    ("e^{\\pi\\sqrt{163}}", "262537412640768744"),
    ("\\frac{1}{x^{30}}", "0"),
    ("x^{2y}", "x^2y"),
    ("f(4-x)", "f(4+x)"),
    ("x_1", "x_2"),
    ("\\sin^{-1}x", "\\frac{1}{\\sin x}"),
]


@pytest.mark.parametrize(("a", "b"), IDENTITIES)
def test_equal_functions(a, b):
    assert equal(tree(a), tree(b), Work()) is True


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_functions(a, b):
    assert equal(tree(a), tree(b), Work()) is False


def test_points_depend_on_names_only_and_are_not_special():
    first = point(("x", "y"), 0)
    assert first == {n: point((n,), 0)[n] for n in ("x", "y")}
    values = [v for k in range(8) for v in point(tuple("abcdefghxyz"), k).values()]
    assert all(v.denominator > 1 for v in values)
    assert min(values) < -1
    assert max(values) > 9


def test_canonical_forms_know_the_order_of_factors_only():
    assert same_form(tree("\\sum_{k=0}^{n} F_k G_k"), tree("\\sum_{k=0}^{n} G_k F_k"), Work())
    assert not same_form(tree("\\sum_{k=0}^{n} F_k G_k"), tree("\\sum_{k=1}^{n} G_k F_k"), Work())
    assert not same_form(tree("2-3"), tree("3-2"), Work())


@given(rational())
@settings(max_examples=30, deadline=None)
def test_sympy_objects_have_the_same_value(case):
    text, value = case
    if value is not None:
        assert to_sympy(tree(text)) == sympy.Rational(value.numerator, value.denominator)


def test_sympy_proves_and_refutes():
    assert prove(tree("\\sum_{k=1}^{n} k"), tree("\\frac{n(n+1)}{2}")) is True
    assert prove(tree("\\lim_{x \\to 0} \\frac{\\sin x}{x}"), tree("1")) is True
    assert prove(tree("\\sum_{k=1}^{10} k"), tree("54")) is False
    assert prove(tree("\\int_0^1 x"), tree("1")) is None


REGIONS = [
    "(-2,3]",
    "[-1,1)\\cup(1,4)",
    "x<2",
    "x \\ne 1",
    "|x| \\le 2",
    "1 \\le |x| < 3",
    "\\mathbb{R}\\setminus\\{0,2\\}",
    "(-\\infty,-1]\\cup[3,\\infty)",
    "x>-2 \\text{ and } x<2",
    "x<-2 \\text{ or } x\\ge 3",
    "\\{-1,0,3\\}",
    "3-2x \\ge 1",
    "\\emptyset",
    "(0,2)\\cap[1,5]",
]
MEMBERS = {
    "(-2,3]": lambda x: -2 < x <= 3,
    "[-1,1)\\cup(1,4)": lambda x: -1 <= x < 4 and x != 1,
    "x<2": lambda x: x < 2,
    "x \\ne 1": lambda x: x != 1,
    "|x| \\le 2": lambda x: abs(x) <= 2,
    "1 \\le |x| < 3": lambda x: 1 <= abs(x) < 3,
    "\\mathbb{R}\\setminus\\{0,2\\}": lambda x: x not in (0, 2),
    "(-\\infty,-1]\\cup[3,\\infty)": lambda x: x <= -1 or x >= 3,
    "x>-2 \\text{ and } x<2": lambda x: -2 < x < 2,
    "x<-2 \\text{ or } x\\ge 3": lambda x: x < -2 or x >= 3,
    "\\{-1,0,3\\}": lambda x: x in (-1, 0, 3),
    "3-2x \\ge 1": lambda x: x <= 1,
    "\\emptyset": lambda x: False,
    "(0,2)\\cap[1,5]": lambda x: 1 <= x < 2,
}
GRID = [Fraction(n, 2) for n in range(-12, 13)]


def inside(intervals, x):
    def after(end, included):
        return end.side < 0 or (end.side == 0 and (x > end.value or (included and x == end.value)))

    def before(end, included):
        return end.side > 0 or (end.side == 0 and (x < end.value or (included and x == end.value)))

    return any(after(i.low, i.low_in) and before(i.high, i.high_in) for i in intervals)


@pytest.mark.parametrize("text", REGIONS)
def test_regions_have_the_members_that_the_text_says(text):
    found = region(tree(text), Context())
    assert found is not None
    assert [x for x in GRID if inside(found[1], x)] == [x for x in GRID if MEMBERS[text](x)]


def test_set_operations_by_membership():
    rng = random.Random(0)
    sets = {text: region(tree(text), Context())[1] for text in REGIONS}
    for _ in range(200):
        (a, left), (b, right) = rng.choice(list(sets.items())), rng.choice(list(sets.items()))
        for x in GRID:
            assert inside(union(left + right), x) == (MEMBERS[a](x) or MEMBERS[b](x))
            assert inside(intersection(left, right), x) == (MEMBERS[a](x) and MEMBERS[b](x))
            assert inside(complement(left), x) == (not MEMBERS[a](x))


def test_symbols_of_a_value():
    assert symbols(tree("a_1 x + \\pi e - f(y)")) == {"a_1", "x", "y", "f()"}


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("x\\sqrt{1-x^2}", "\\sqrt{1-x^2}\\,x", True),
        ("x\\sqrt{1-x^2}", "\\sqrt{x^2-x^4}", False),
        ("x\\sqrt{1-x^2}", "x\\sqrt{1+x^2}", False),
        ("\\frac{1}{\\sqrt{1-x^2}}", "(1-x^2)^{-1/2}", True),
        ("\\sqrt{x-x^2}", "\\sqrt{x(1-x)}", True),
        ("\\sqrt{x-x^2}", "\\sqrt{x}-x", False),
        ("\\sqrt{1-x^2-y^2}", "\\sqrt{1-(x^2+y^2)}", True),
        ("\\sqrt{x-5}\\ln(x-7)", "\\ln(x-7)\\sqrt{x-5}", True),
        ("\\arcsin x", "\\frac{\\pi}{2}-\\arccos x", True),
        ("\\arcsin x", "\\frac{\\pi}{2}+\\arccos x", False),
        ("\\ln(1-x^2)", "\\ln(1-x)+\\ln(1+x)", True),
        ("\\frac{(-1)^{n+1}}{n}", "\\frac{(-1)^{n-1}}{n}", True),
        ("\\frac{(-1)^{n+1}}{n}", "-\\frac{(-1)^n}{n}", True),
        ("\\frac{(-1)^{n+1}}{n}", "\\frac{(-1)^n}{n}", False),
    ],
)
def test_functions_that_are_real_on_a_small_set(gold, answer, right):
    """At few of the usual points, or at none: nearer to zero, farther out, and as complex numbers."""
    assert grade_answer(gold, answer).correct is right
