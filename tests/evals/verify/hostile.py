"""Hostile answers: strategies for fuzzing, attacks on time and memory, payloads that would like to run."""

from hypothesis import strategies as st

FRAGMENTS = (
    "\\frac \\sqrt \\text \\left( \\right) \\begin{pmatrix} \\end{pmatrix} \\\\ & { } ( ) [ ] \\{ "
    "\\} | || ^ _ ^{ _{ + - * / = < > , ; : . ! ' % $ \\$ \\% \\pm \\cup \\cap \\setminus \\infty "
    "\\pi e i x y n f( 0 1 2 10 999 1,234 0.5 1e9 1e99999 \\sum_{k=1}^{n} \\int \\lim \\boxed{ "
    "\\circ ^\\circ and or \\text{and} \\text{cm} \\mathbb{R} \\emptyset \\le \\ge \\ne \\approx "
    "\\in \\sin \\log_2 \\ln \\binom \\overline \\lfloor \\rfloor \\mathrm{km/h} apples percent "
    "degrees √ ² ½ π ∞ ° − 𝑥 １ ﷺ \u200b \ud800 \x00 \n \t ~ \\ \\, \\! eval( __import__('os') "
    "lambda: #### <think> </think> answer is \\boxed{1} 9^9^9^9 99999999! \\frac10"
).split(" ")
texts = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
spaced = st.lists(st.sampled_from(FRAGMENTS), max_size=40).map(" ".join)
free = st.text(max_size=200)
answers = st.deferred(lambda: st.one_of(texts, spaced, free, mutated(), mutated()))
responses = st.one_of(
    answers, answers.map(lambda t: f"So \\boxed{{{t}}}."), answers.map(lambda t: f"answer is {t}")
)
golds = st.one_of(
    st.sampled_from(
        ["3", "\\frac{1}{2}", "x^2+1", "1,2,3", "(0,1]", "\\text{even}", "50\\%", "12_5", "x<3", "1:2"]
    ),
    answers,
)


SEEDS = (
    "\\frac{3}{4} -\\frac{33}{2} 1,\\!657 \\$18.90 50\\% 45^\\circ 3\\sqrt{13} x^2+7x+10 y=-2x+1 "
    "(-\\infty,3]\\cup[4,\\infty) \\left(-\\frac{1}{2},3\\right) \\{1\\pm\\sqrt{5},-2\\} 52_8 "
    "1:4 \\text{east} 12\\text{ cm}^2 x\\in[-2,7] 2\\frac{1}{2} "
    "\\begin{pmatrix}1\\\\-2\\end{pmatrix} e^{i\\pi/3} \\log_2n 3,-3 \\text{(C)} 05\\!:\\!00 "
    "f(x)=x^2 6.02\\times10^{23} |x-1|<3"
).split(" ")


@st.composite
def mutated(draw):
    """A sound answer with up to three characters or fragments removed, put in or changed places."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 3))):
        i, j = (draw(st.integers(0, len(text))) for _ in range(2))
        deed = draw(st.integers(0, 2))
        if deed == 0:
            text = text[:i] + text[i + 1 :]
        elif deed == 1:
            text = text[:i] + draw(st.sampled_from(FRAGMENTS)) + text[i:]
        else:
            text = text[: min(i, j)] + text[max(i, j) :] + text[min(i, j) : max(i, j)]
    return text


def attacks() -> dict[str, str]:
    """Answers that make a careless grader hang, fill the memory or overflow the stack, by name."""
    deep = 38
    return {
        "power tower": "9^{9^{9^{9^{9}}}}",
        "tall tower": "2" + "^{2" * deep + "}" * deep,
        "bare tower": "9^9^9^9^9^9",
        "factorial": "9999999!",
        "nested factorials": "(((3!)!)!)!",
        "many marks": "3" + "!" * 590,
        "many percents": "5" + "%" * 590,
        "fractions": "\\frac{1}{" * 60 + "2" + "}" * 60,
        "division chain": "/".join(["7"] * 299),
        "a million digits": "1" * 1_000_000,
        "digits": "7" * 399 + "^{7777}",
        "parentheses": "(" * 20_000 + "1" + ")" * 20_000,
        "braces": "{" * 20_000,
        "roots": "\\sqrt" * 500 + "2",
        "minus signs": "-" * 590 + "1",
        "plus-minus signs": "\\pm1" * 100,
        "list of plus-minus": ",".join(["\\pm 1"] * 190),
        "long list": ",".join(str(i) for i in range(190)),
        "list of roots": ",".join(f"\\sqrt{{{i}}}" for i in range(180, 1, -1)),
        "sum of roots": "+".join(f"\\sqrt{{{i}}}" for i in range(2, 180)),
        "product of fractions": "\\cdot".join(
            f"\\frac{{{10**20 + i}}}{{{10**20 + 3 * i + 1}}}" for i in range(39)
        ),
        "million-fold power": "(1.000001)^{1000000}",
        "sum of factorials": "+".join(f"{i}!" for i in range(900, 1000, 3)),
        "sum of inverse factorials": "+".join(["\\frac{1}{2999!}"] * 40),
        "product of factorials": "2999!" * 70,
        "binomials": "\\binom{3000}{1500}" * 50,
        "exponentials": "e^{e^{e^{e^{e^{e}}}}}",
        "sine of a large number": "\\sin(10^{400})",
        "nested sines": "\\sin(" * deep + "1" + ")" * deep,
        "nested logarithms": "\\ln(" * deep + "2" + ")" * deep,
        "symbolic tower": "x^{" * deep + "y" + "}" * deep,
        "expansion": "(x+y+z+w+1)^{1000}",
        "nested expansion": "((((x+1)^{100}+1)^{100}+1)^{100}+1)^{100}",
        "gamma": "(x!)!",
        "variables": "+".join(f"x_{{{i}}}" for i in range(80)),
        "sines of variables": "+".join(f"\\sin(x_{{{i}}})" for i in range(39)),
        "wide matrix": "\\begin{pmatrix}" + "&".join(["1"] * 199) + "\\end{pmatrix}",
        "matrix product": "\\begin{pmatrix}x&2\\\\3&x\\end{pmatrix}" * 14,
        "bars": "|" * 500,
        "subscripts": "x_" * 300,
        "texts": "\\text{" * 300,
        "unions": "\\cup".join(f"({3 * i},{3 * i + 1})" for i in range(60)),
        "equalities": "=".join(["1"] * 290),
        "inequalities": "<".join(["x"] * 200),
        "unicode roots": "√" * 1900,
        "expanding unicode": "ﷺ" * 1900,
        "backslashes": "\\" * 1999,
        "dollars": "$" * 1999,
        "scientific": "1e5000",
        "more scientific": "1e99999",
        "long period": "0.\\overline{" + "3" * 399 + "}",
        "functions": "f(" * deep + "x" + ")" * deep,
        "large sum": "\\sum_{k=1}^{10^{10}} k",
        "words": "ab " * 600,
    }


def long_responses() -> dict[str, str]:
    """Responses of a million characters that make a careless extraction quadratic, by name."""
    return {
        "open boxes": "\\boxed{" * 140_000,
        "boxes": "\\boxed{1}" * 110_000,
        "listed boxes": "\\boxed{1}," * 100_000,
        "phrases": "answer is " * 100_000,
        "hashes": "####" * 250_000,
        "thoughts": "<think>" * 140_000,
        "space between": "\\boxed{1}" + " " * 900_000 + "\\boxed{2}",
        "braces": "}{" * 500_000,
        "points": "answer is " + ". " * 490_000,
        "numbers": "1 " * 500_000,
        "lines": "\n" * 1_000_000,
        "formulas": "\\[" * 500_000,
        "dollars": "$" * 1_000_000,
        "five million": "x" * 5_000_000,
        "answer far away": "answer" + " " * 900_000 + "is 3",
    }


def payloads(target: str) -> list[str]:
    """Answers that would create the file `target` if any part of a grader ran them."""
    write = f"open({target!r},'w').write('x')"
    shell = f"__import__('os').system('touch {target}')"
    walk = f"().__class__.__base__.__subclasses__()[0].__init__.__globals__['open']({target!r},'w')"
    calls = [
        write,
        shell,
        walk,
        f"(lambda: {write})()",
        f"[{write} for _ in (1,)]",
        f'eval("{write}")',
        f'exec("{write}")',
        f"__builtins__['open']({target!r},'w')",
        f"getattr(__import__('os'),'system')('touch {target}')",
        f"𝕠𝕡𝕖𝕟({target!r},'w')",
        f"ｏｐｅｎ({target!r},'w')",
        f'𝔢𝔳𝔞𝔩("{write}")',
        f'sympify("{write}")',
        f"Symbol('x').__class__.__init__.__globals__['__builtins__']['open']({target!r},'w')",
        f'parse_expr("{write}")',
        f'Function("{write}")(x)',
        f'lambdify(x, "{write}")(1)',
        f'S("{write}")',
        f'x.subs(x, "{write}")',
        f"f'{{{write}}}'",
        f"import os; {shell}",
        f"1 if {write} else 2",
        f"(x := {write})",
        f"print({write})",
        f"@{write}",
        f"$( touch {target} )",
        f"`touch {target}`",
        f"; touch {target}",
        f"\\input{{|touch {target}}}",
        f"\\write18{{touch {target}}}",
        f"\\immediate\\write18{{touch {target}}}",
        f"\\openout5={target}",
        f"\\lstinputlisting{{{target}}}",
        f"\\catcode`\\%=12 {write}",
        f"{{{{ {shell} }}}}",
        f"<script>{write}</script>",
        f"__reduce__ {shell}",
        f"cos\nsystem\n(S'touch {target}'\ntR.",
        f"!!python/object/apply:os.system ['touch {target}']",
        f"\\text{{{shell}}}",
        f"\\mathrm{{{write}}}",
        f"\\operatorname{{eval}}({write})",
        f"x_{{{write}}}",
        f"f({write})",
    ]
    return [*calls, *(f"\\frac{{{call}}}{{1}}" for call in calls), *(f"1 + {call}" for call in calls)]


def repeated() -> dict[str, tuple[str, str]]:
    """By name: a gold, and a response whose repeated parts a careless pattern splits in many ways."""
    return {
        "words between boxes": ("3", "\\boxed{1}" + "\\text{  }" * 12 + "!\\boxed{2}"),
        "exponents of a set": ("3", "\\boxed{x, k \\in \\mathbb{R}" + "^ " * 400 + "!}"),
        "exponents of integers": ("3", "\\boxed{kx for all k \\in \\mathbb{Z}" + " ^ " * 400 + "!}"),
        "letters of choices": ("ABD", "\\boxed{A" + "\\bf{  " * 12 + "}" * 12 + "!}"),
        "words of a unit": ("3", "\\boxed{\\text{a" + "~~~~~a" * 200 + "1}}"),
        "spaces after an answer": ("3", "Answer: 5" + " " * 1900 + "x"),
        "commas after an answer": ("3", "Answer: 5" + " ," * 950 + "x"),
    }
