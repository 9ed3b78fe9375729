"""Answers that cost what they can, each with golds as hostile: `probes()` by name, (answer, golds)."""

PLAIN = ("3", "x^2+1", "1,2,3", "\\sqrt2", "(0,1)", "x<3")
CALLS = "\\sin \\operatorname{erf} \\operatorname{sgn} f \\ln \\Gamma \\arctan \\sinh \\gcd \\max".split(" ")
SEVENS = "7" * 350


def _swapped(depth):
    inner = _swapped(depth - 1) if depth else ""
    return f"\\{{{inner},x\\}},\\{{x,{inner}\\}}" if depth else "1"


# name: item (N is its number), joiner, how many; the gold has them in the opposite order
SERIES = {
    "absolute values": ("|x-N|", "+", 60),
    "absolute inequalities": ("|x-30N|<1", " or ", 60),
    "unions": ("(3N,3N.5)", "\\cup", 75),
    "unions of roots": ("(\\sqrt{N},\\sqrt{N.5})", "\\cup", 55),
    "holes": ("x\\neN", " and ", 140),
    "roots of x": ("\\sqrt{N+x}", ",", 80),
    "sines": ("\\sin(N)", ",", 110),
    "tuples": ("(N,N,x)", ",", 70),
    "equations": ("x+Ny=N", ",", 80),
    "tenths": ("1.0000N^{999999}", ",", 60),
    "complex powers": ("(1+Ni)^{999999}", "+", 60),
    "large powers": ("(10^{N}+\\sqrt2)^{1000}", "+", 40),
    "gammas": ("(x+N.5)!", "+", 60),
    "binomials of x": ("\\binom{x}{N}", "+", 60),
    "factorials": ("2999!+N", "+", 60),
    "fractions": (
        "\\frac{N7777777777777777777777777777777777777777}{N3333333333333333333333333333}",
        "+",
        12,
    ),
    "tangents": ("\\tan(10^{119}+N)", "+", 30),
    "signs": ("\\pm\\sqrt{N}", ",", 90),
    "many signs": ("\\pm1\\pm\\sqrt2\\pm\\sqrt3\\pm\\sqrt{N}", ",", 10),
    "column": ("\\sqrt{x+N}", "\\\\", 80),
    "variables": ("\\sqrt{x_{N}}", "+", 38),
    "exponentials": ("e^{N}", ",", 120),
    "powers of x": ("x^{N}", ",", 120),
    "named": ("x=N", ",", 150),
    "named apart": ("x_{N}=N", ",", 80),
    "scientific": ("1e50N", "+", 80),
    "cube roots": ("\\sqrt[3]{N" + "7" * 60 + "}", "+", 30),
    "near cubes": ("\\sqrt[3]{N" + "7" * 30 + "^3+1}", "+", 30),
    "percents": ("N\\%", ",", 150),
    "lengths": ("N\\text{ cm}", ",", 80),
    "nested ratio": ("\\sqrt{N}", ":", 100),
    "floors": ("\\lfloor\\sqrt{N}x\\rfloor", "+", 50),
    "integrals": ("\\int_0^{N} f(x)", "+", 50),
    "derivatives": ("\\frac{d}{dx}x^{N}", "+", 50),
    "maxima": ("\\max(x,N)", "+", 60),
}
# name: what goes around, what is inside, how often; the gold is one times the same
TOWERS = {
    **{
        f"{call} of {inner}": (call + "(", inner, ")", 30)
        for call in CALLS
        for inner in ("1+\\infty", "x", "\\pi")
    },
    **{f"sum in {call}": ("1+2" + call + "(", "1+\\infty", ")", 15) for call in CALLS},
    "sums": ("1+2(", "1+\\infty", ")", 36),
    "sums of x": ("1+x(", "1+x", ")", 36),
    "floors in floors": ("\\lfloor 1.5", "\\pi", "\\rfloor ", 30),
    "powers of x in powers": ("x^{", "x", "}", 37),
    "roots in roots": ("\\sqrt{x+", "x", "}", 30),
    "absolute in absolute": ("|x-", "1", "|", 18),
    "sets in sets": ("\\{1,", "2", ",3\\}", 25),
    "applied": ("f(1,", "\\sqrt2", ")", 37),
    "fractions in fractions": ("\\frac{1}{x+", "1", "}", 36),
    "integrals in integrals": ("\\int_0^1 x+(", "x", ")", 30),
}
OTHERS = {
    "matrix products": ("\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}" * 16,),
    "differences of sets": ("\\setminus".join(["(0,9)"] * 75), "\\mathbb{R}"),
    "intersections": ("\\cap".join(f"(-{i},{i})" for i in range(1, 76)), "(-1,1)"),
    "sets of sets": (_swapped(4), _swapped(4) + ",x"),
    "greatest divisors": ("\\gcd(2999!,2998!)" * 20, "\\gcd(2999!,2998!)" * 19),
    "least multiples": (
        f"\\operatorname{{lcm}}({','.join(f'{i}!' for i in range(2900, 2999))})",
        "\\operatorname{lcm}(2,3)",
    ),
    "remainders": ("2999!\\bmod 2998!" * 10, "2999!\\bmod 2998!" * 9),
    "exponent": ("e^{" + "9" * 390 + "}", "e^{" + "8" * 390 + "}"),
    "chain of equals": ("=".join(["\\sqrt{4}"] * 140), "2"),
    "chain of approximations": ("\\approx".join(f"1.41421356{i}" for i in range(40)), "\\sqrt2"),
    "grouped digits": (",".join(["100,200"] * 80), ",".join(["100, 200"] * 79)),
    "a gold of commas": ("11111", ",".join(["1"] * 200_000)),
    "a gold of boxes": ("3", "\\boxed{" * 150_000),
    "a gold of digits": ("3", "1" * 1_000_000),
    "a gold of equals": ("3", "1=" * 500_000 + "1"),
    "a gold of brackets": ("3", "[" * 500_000 + ",1]"),
    "a choice": ("(C) " + "not " * 400, "C"),
    "many choices": ("(C) " + "A" * 1900, "C"),
    "many arguments": (f"f({','.join(['f(1,2)'] * 60)})", f"1\\cdot f({','.join(['f(1,2)'] * 60)})"),
    "spaces": (" " * 1990 + "3",),
    "angles": ("<" * 999 + "," * 999,),
    "brackets": ("[" * 500 + ",1]" * 300,),
    "ordinals": ("1st" * 600,),
    "superscripts": ("¹" * 1990,),
    "compatibility": ("ﷺ" * 400 + "x",),
    "quads": ("\\quad" * 350,),
    "money": ("$1" * 900,),
    "texts": ("\\text{a b c d}" * 130, "\\text{a b c d}" * 129),
    "units": ("3 m m m m m m" * 100,),
    "spelled": ("three hundred " * 130,),
    "large roots": ("+".join([f"\\sqrt[7]{{{SEVENS}}}"] * 5),),
    "infinite sums": ("+".join(["\\infty"] * 280), "-\\infty"),
    "nothing's largest": ("\\max(" * 7 + "\\emptyset" + ")" * 7, "\\gcd(\\emptyset)+x"),
    "deep gold": ("3", "(" * 100_000 + "1" + ")" * 100_000),
    "deep braces": ("3", "{" * 100_000 + "1" + "}" * 100_000),
}


def probes() -> dict[str, tuple[str, tuple[str, ...]]]:
    """By name: an answer, and its golds: its own, plain ones, itself with a final point."""
    found = dict(OTHERS)
    for name, (item, joiner, count) in SERIES.items():
        items = [item.replace("N", str(i)) for i in range(count)]
        found[name] = (joiner.join(items), joiner.join(reversed(items)))
    for name, (left, inner, right, count) in TOWERS.items():
        text = left * count + inner + right * count
        found[name] = (text, f"1\\cdot({text})")
    return {name: (texts[0], (*texts[1:], *PLAIN, texts[0][:1900] + " .")) for name, texts in found.items()}
