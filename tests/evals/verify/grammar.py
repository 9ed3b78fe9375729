"""Expressions made by a grammar to cost as much as they may: nesting, infinities, unknown functions, large
numbers, relations, matrices, lists; and golds that differ from them by little."""

import random

ATOMS = (
    "1 2 3 7 x y n k e i \\pi \\infty -\\infty 0 10 99 1e9 1e400 10^{400} 10^{-400} 0.5 x_{k+1} x_1 \\theta "
    "999999999999 2999! (x!) \\frac12 1.000001 0.\\overline{3} \\emptyset \\mathbb{R} \\text{even} 5\\% "
    "45^\\circ 3\\text{ cm} d \\alpha f' \\sqrt2"
).split(" ")
LONG = ("7" * 390, "1." + "0" * 300 + "1", "3" * 50)
CALLS = (
    "\\sin \\cos \\tan \\ln \\log \\log_2 \\arcsin \\sinh \\exp \\operatorname{erf} \\operatorname{sgn} "
    "\\operatorname{foo} f g F \\gcd \\max \\lcm \\det \\Gamma \\arccot \\coth"
).split(" ")
RELATIONS = "= < > \\le \\ge \\ne \\approx \\in".split(" ")
WRAPS = (
    ("(", ")"),
    ("[", "]"),
    ("|", "|"),
    ("\\lfloor ", "\\rfloor "),
    ("\\sqrt{", "}"),
    ("\\sqrt[3]{", "}"),
    ("e^{", "}"),
    ("\\frac{1}{", "}"),
    ("x^{", "}"),
    ("(x+", ")^{99}"),
    ("\\binom{30}{", "}"),
    ("\\sum_{k=1}^{n} ", ""),
    ("\\int_0^1 ", ""),
    ("\\lim_{x\\to 0} ", ""),
    ("\\overline{", "}"),
    ("-", ""),
    ("\\pm ", ""),
    ("1+2(", ")"),
    ("(", ")!"),
    ("", "\\%"),
    ("f(", ")"),
)


def expression(rng: random.Random, depth: int) -> str:
    """A random expression, at most `depth` levels deep."""
    if depth <= 0 or rng.random() < 0.08:
        return rng.choice(LONG) if rng.random() < 0.02 else rng.choice(ATOMS)
    kind = rng.randrange(8)
    if kind < 3:
        left, right = rng.choice(WRAPS)
        return left + expression(rng, depth - 1) + right
    if kind == 3:
        return f"{rng.choice(CALLS)}({expression(rng, depth - 1)})"
    if kind == 4:
        return f"{{{expression(rng, depth - 2)}}}^{{{expression(rng, depth - 2)}}}"
    if kind == 5:
        return f"\\frac{{{expression(rng, depth - 2)}}}{{{expression(rng, depth - 2)}}}"
    joiner = rng.choice(("+", "-", "\\cdot ", "", "/", "\\pm "))
    return joiner.join(expression(rng, depth - 2) for _ in range(rng.randint(2, 4)))


def tower(rng: random.Random) -> str:
    """One or two wrappers again and again around an atom: the costliest shape of what nests."""
    chosen = [rng.choice((*WRAPS, *((f"{call}(", ")") for call in CALLS))) for _ in range(rng.randint(1, 2))]
    levels = rng.randint(4, 39)
    inner = rng.choice(ATOMS)
    for level in range(levels):
        left, right = chosen[level % len(chosen)]
        inner = left + inner + right
    return inner


def answer(rng: random.Random) -> str:
    """An expression, tower, list, tuple, set, matrix, union, relation; sometimes with changed characters."""
    pick = rng.randrange(10)
    if pick < 3:
        text = tower(rng)
    elif pick < 6:
        text = expression(rng, rng.randint(1, 9))
    elif pick == 6:
        sides = [expression(rng, rng.randint(1, 5)) for _ in range(rng.randint(2, 4))]
        text = rng.choice(RELATIONS).join(sides)
    else:
        text = _collection(rng)
    if rng.random() < 0.1:
        i, j = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        text = rng.choice((text[:i] + text[j:], text[i:j] * 3, text + text[i:j]))
    return text


def _collection(rng: random.Random) -> str:
    parts = [expression(rng, rng.randint(0, 3)) for _ in range(rng.choice((2, 3, 8, 60)))]
    left, right, joiner = rng.choice(
        (
            ("", "", ","),
            ("(", ")", ","),
            ("[", ")", ","),
            ("\\{", "\\}", ","),
            ("x=", "", ", y="),
            ("(", ")", "\\cup"),
            ("x<", "", " or x>"),
            ("\\begin{pmatrix}", "\\end{pmatrix}", "\\\\"),
            ("\\begin{pmatrix}", "\\end{pmatrix}", "\\end{pmatrix}\\begin{pmatrix}"),
            ("", "", ":"),
        )
    )
    return left + joiner.join(parts) + right


def gold(rng: random.Random, given: str) -> str:
    """A plain gold, another hostile one, or the answer with a little changed."""
    pick = rng.randrange(5)
    if pick == 0:
        return rng.choice(("3", "x^2+1", "1,2,3", "\\sqrt{2}", "(0,1)", "x<3", "\\{1,2\\}", "f(x)=x", "0.33"))
    if pick == 1:
        return answer(rng)
    if pick == 2:
        return given + "+1-1"
    return f"1\\cdot({given})" if pick == 3 else f"{given} ."
