"""Equal rewritings of gold answers, made on the text with regular expressions, apart from the parser.

Every rule takes a gold and gives texts that mean the same; `rewritings` collects them all, with their kind.
"""

import re
from collections.abc import Callable, Iterator
from fractions import Fraction

INTEGER = re.compile(r"-?\d+")
SIMPLE_FRACTION = re.compile(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
SCALAR = re.compile(r"(?:[^,;=<>\[\]]|\\[dt]?frac)+")
TERMS = re.compile(r"([^+\-()\[\],;=<>|]+)\+([^+\-()\[\],;=<>|]+)")
LIST = re.compile(r"[^,;(){}\[\]=]+(?:,[^,;(){}\[\]=]+)+")
UNION = re.compile(r"[^=;]*\\cup[^=;]*")
INTERVAL = re.compile(r"(\\left)?([(\[])\s*([^,()\[\]]+),\s*([^,()\[\]]+?)\s*(\\right)?([)\]])")
Rule = Callable[[str], Iterator[str]]
BASES = "zero one two three four five six seven eight nine".split()
MIRROR = {"<": ">", "\\le": "\\ge"}
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    RULES[function.__name__] = function
    return function


def rewritings(gold: str) -> Iterator[tuple[str, str]]:
    """(kind, text) of every rewriting that differs from the gold."""
    gold = gold.strip().rstrip(".")
    seen = {gold}
    for name, function in RULES.items():
        for text in function(gold):
            if text not in seen:
                seen.add(text)
                yield name, text


def is_scalar(gold: str) -> bool:
    return (
        SCALAR.fullmatch(gold) is not None
        and not any(
            w in gold for w in ("\\text", "\\mbox", "cup", "\\in", "matrix", "_", ":", "\\pm", "\\%", "\\le")
        )
        and not re.fullmatch(r"[A-Z]+", gold)
    )


def is_text(gold: str) -> bool:
    return re.fullmatch(r"\\text\{[A-Za-z ]+\}", gold) is not None


@rule
def fraction_style(g: str) -> Iterator[str]:
    if "frac" in g:
        plain = re.sub(r"\\[dtc]frac", r"\\frac", g)
        for style in ("frac", "dfrac", "tfrac", "cfrac"):
            yield re.sub(r"\\frac(?![a-z])", lambda m, s=style: "\\" + s, plain)
        yield re.sub(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac\1\2", plain)
        yield re.sub(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac \1 \2", plain)
        yield re.sub(r"\\frac\{(\d)\}\{(\d+)\}", r"\\frac\1{\2}", plain)
        yield plain.replace("}{", "} {")
        yield plain.replace("\\frac{", "\\frac {")
        yield re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"\\frac{ \1 }{ \2 }", plain)


@rule
def slash(g: str) -> Iterator[str]:
    if m := SIMPLE_FRACTION.fullmatch(g):
        yield f"{m[1]}{m[2]}/{m[3]}"
        yield f"{m[1]}{m[2]} / {m[3]}"
        yield f"{m[1]}({m[2]})/({m[3]})"
        yield f"{m[1]}{m[2]} \\div {m[3]}"


@rule
def fraction_value(g: str) -> Iterator[str]:
    if m := SIMPLE_FRACTION.fullmatch(g):
        value = Fraction(int(m[1] + m[2]), int(m[3]))
        yield f"\\frac{{{3 * value.numerator}}}{{{3 * value.denominator}}}"
        yield f"\\frac{{{-value.numerator}}}{{{-value.denominator}}}"
        if value.denominator > 1 and 10**6 % value.denominator == 0:
            text = f"{float(value):.6f}".rstrip("0")
            yield text
            yield text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text
            yield text + "0"
        if abs(value) > 1 and value.denominator > 1:
            whole, rest = divmod(abs(value), 1)
            sign = "-" if value < 0 else ""
            yield f"{sign}{whole}\\frac{{{rest.numerator}}}{{{rest.denominator}}}"
            yield f"{sign}{whole} {rest.numerator}/{rest.denominator}"


@rule
def sign_of_fraction(g: str) -> Iterator[str]:
    if (m := SIMPLE_FRACTION.fullmatch(g)) and m[1]:
        yield f"\\frac{{-{m[2]}}}{{{m[3]}}}"
        yield f"\\frac{{{m[2]}}}{{-{m[3]}}}"
        yield f"-{m[2]}/{m[3]}"
        yield f"- \\frac{{{m[2]}}}{{{m[3]}}}"


@rule
def integer_style(g: str) -> Iterator[str]:
    if INTEGER.fullmatch(g):
        yield g + ".0"
        yield g + ".00"
        yield f"\\mathbf{{{g}}}"
        yield f"\\textbf{{{g}}}"
        yield f"\\text{{{g}}}"
        yield f"{{{g}}}"
        yield f"({g})"
        yield f"\\frac{{{2 * int(g)}}}{{2}}"
        yield f"{g}\\;"
        if not g.startswith("-"):
            yield "0" + g
            yield "+" + g
            yield f"\\sqrt{{{int(g) ** 2}}}"


@rule
def thousands(g: str) -> Iterator[str]:
    if re.fullmatch(r"-?\d{4,}", g):
        commas = f"{int(g):,}"
        for separator in (",", "{,}", ",\\!", "\\,", " "):
            yield commas.replace(",", separator)
    elif re.fullmatch(r"\\?\$?\d{1,3}(,\\!\s?\d{3}|\{,\}\d{3}|,\d{3})+", g):
        yield re.sub(r"[^\d]", "", g)
        yield re.sub(r",\\!\s?|\{,\}|,", "{,}", g)


@rule
def powers(g: str) -> Iterator[str]:
    if "^" in g:
        yield re.sub(r"\^(\d)(?!\d)", r"^{\1}", g)
        yield re.sub(r"\^\{(\d)\}", r"^\1", g)
        yield re.sub(r"\^(\d)(?!\d)", r"^{ \1 }", g)
        if "\\" not in g:
            yield g.replace("^", "**").replace("{", "(").replace("}", ")")


@rule
def powers_of_ten(g: str) -> Iterator[str]:
    if m := re.fullmatch(r"([1-9]\d*?)(0{3,})", g):
        yield f"{m[1]} \\times 10^{{{len(m[2])}}}"
        yield f"{m[1]} \\cdot 10^{len(m[2])}"
        yield f"{m[1]}e{len(m[2])}"


@rule
def roots(g: str) -> Iterator[str]:
    if "\\sqrt" in g:
        yield re.sub(r"\\sqrt\{(\d)\}", r"\\sqrt\1", g)
        yield re.sub(r"\\sqrt\{(\d)\}", r"\\sqrt \1", g)
        yield re.sub(r"\\sqrt\{", r"\\sqrt {", g)
        yield re.sub(r"\\sqrt\{(\d+)\}", r"\\sqrt[2]{\1}", g)
        yield re.sub(r"\\sqrt\{(\d+)\}", r"(\1)^{1/2}", g)
        yield re.sub(r"(?<=\d)\s*\\sqrt", r" \\cdot \\sqrt", g)
        yield re.sub(r"(?<=\d)\s*\\sqrt", r"*\\sqrt", g)
        if m := re.fullmatch(r"(\d+)\s*\\sqrt\{(\d+)\}", g):
            yield f"\\sqrt{{{m[2]}}} \\cdot {m[1]}"
            yield f"\\sqrt{{{int(m[1]) ** 2 * int(m[2])}}}"
            yield f"\\frac{{{2 * int(m[1])}\\sqrt{{{m[2]}}}}}{{2}}"
        if m := re.fullmatch(r"\\frac\{(\d*)\\sqrt\{(\d+)\}\}\{(\d+)\}", g):
            yield f"\\frac{{{m[1] or 1}}}{{{m[3]}}}\\sqrt{{{m[2]}}}"
            yield f"{m[1]}\\sqrt{{{m[2]}}}/{m[3]}"


@rule
def unicode(g: str) -> Iterator[str]:
    table = {"\\pi": "π", "\\infty": "∞", "\\cup": "∪", "\\cdot": "·", "\\theta": "θ", "\\alpha": "α"}
    table |= {"\\leq": "≤", "\\pm": "±", "\\le": "≤"}
    changed = re.sub(r"\\[a-z]+", lambda m: table.get(m.group(), m.group()), g)
    changed = re.sub(r"\^\{?\\circ\}?", "°", changed)
    if "cases" not in g:
        yield changed
        yield re.sub(r"\\sqrt\{(\d+)\}", r"√\1", changed)
        yield re.sub(r"\\sqrt\{([^{}]+)\}", r"√(\1)", changed)
        yield re.sub(r"(?<=[a-z\d)])\^(\d)(?!\d)", lambda m: "⁰¹²³⁴⁵⁶⁷⁸⁹"[int(m[1])], changed)
        yield g.replace("-", "−") if "\\begin" not in g else g


@rule
def spacing(g: str) -> Iterator[str]:
    if "\\text" not in g and "\\mbox" not in g:
        yield re.sub(r"(?<=[\w})\]])\s*([+\-=])\s*(?=[\w\\({])", r" \1 ", g)
        yield re.sub(r"(?<![a-zA-Z])\s+(?=[+\-=,()\[\]])", "", g)
        yield re.sub(r",\s*(?!\\?!|\d{3})", ", ", g)
        yield re.sub(r",\s+(?=[^\d\\])", ",", g)
        yield re.sub(r"(?<=[\w})])\s*([+\-])\s*(?=[\w\\({])", r"\\,\1\\,", g) if "{" not in g else g
    yield f" {g} "
    yield f"\\ {g}\\ "
    yield f"~{g}"


@rule
def parentheses(g: str) -> Iterator[str]:
    yield re.sub(r"\\left\s*|\\right\s*", "", g)
    if "\\left" not in g and "\\begin" not in g:
        yield re.sub(r"(?<!\\)([(\[])", r"\\left\1", re.sub(r"(?<!\\)([)\]])", r"\\right\1", g))
        yield re.sub(r"(?<!\\)\(", r"\\bigl(", re.sub(r"(?<!\\)\)", r"\\bigr)", g)) if "[" not in g else g


@rule
def wrappers(g: str) -> Iterator[str]:
    yield f"${g}$"
    yield f"$${g}$$"
    yield f"\\({g}\\)"
    yield f"\\[{g}\\]"
    yield f"\\displaystyle {g}"
    yield f"{{{g}}}"
    yield f"\\boxed{{{g}}}"
    yield f"**{g}**"


@rule
def punctuation(g: str) -> Iterator[str]:
    yield g + "."
    yield g + " ."
    yield f"${g}$."
    yield g + ","
    yield g + "\\,"


@rule
def doubled(g: str) -> Iterator[str]:
    if "\\" in g:
        yield g.replace("\\", "\\\\")


@rule
def units(g: str) -> Iterator[str]:
    if NUMBER.fullmatch(g) or SIMPLE_FRACTION.fullmatch(g) or re.fullmatch(r"\d+\s*(\\sqrt\{\d+\}|\\pi)", g):
        for unit in (
            "\\text{ cm}",
            "\\text{ units}",
            "\\ \\mathrm{m}",
            "\\text{ square feet}",
            "\\text{ cm}^2",
        ):
            yield g + unit
        yield g + "\\,\\text{hours}"
        yield g + "\\mbox{ inches}"
        yield g + " dollars"
        yield g + "~\\mathrm{km/h}"
        yield g + "\\text{ ways}"
    m = re.fullmatch(r"(.*?)\s*\\(?:text|mbox)\s?\{\s*([a-z. ]+?)\s*\}(\^\d)?\.?", g)
    if m and m[1] and not re.search(r"\b(and|or|a\.m|p\.m)\b", m[2]):
        yield m[1]
        yield f"{m[1]}\\ \\mathrm{{{m[2].replace(' ', '~')}}}{m[3] or ''}"
        yield f"{m[1]}\\mbox{{ {m[2]}}}{m[3] or ''}"
        yield f"{m[1]} \\text{{ {m[2]}}}{m[3] or ''}"


@rule
def money(g: str) -> Iterator[str]:
    if m := re.fullmatch(r"\\\$\s?([\d.]+)", g):
        yield m[1]
        yield f"\\text{{\\$}}{m[1]}"
        yield f"{m[1]}\\text{{ dollars}}"
        yield f"${m[1]}"
        yield f"\\${m[1]}\\text{{ dollars}}"
        yield f"{m[1]}\\$"


@rule
def percent(g: str) -> Iterator[str]:
    if m := re.fullmatch(r"(\d+(?:\.\d+)?)\s*\\%", g):
        yield f"{m[1]}%"
        yield f"{m[1]} \\%"
        yield f"{m[1]}\\text{{ percent}}"
        yield f"{m[1]} percent"
        yield f"{m[1]}\\text{{\\%}}"
        yield m[1]
        value = Fraction(m[1]) / 100
        yield f"\\frac{{{value.numerator}}}{{{value.denominator}}}"
        yield f"{float(value):.6f}".rstrip("0")


@rule
def degrees(g: str) -> Iterator[str]:
    if m := re.fullmatch(r"([\d.]+)\^\{?\\circ\}?", g):
        yield m[1]
        yield f"{m[1]}^{{\\circ}}"
        yield f"{m[1]}^\\circ"
        yield f"{m[1]}\\text{{ degrees}}"
        yield f"{m[1]} degrees"
        yield f"{m[1]}°"
        yield f"{m[1]}^{{ \\circ }}"
        if m[1].isdigit():
            value = Fraction(int(m[1]), 180)
            yield f"\\frac{{{value.numerator}\\pi}}{{{value.denominator}}}"


@rule
def assignment(g: str) -> Iterator[str]:
    if is_scalar(g) or SIMPLE_FRACTION.fullmatch(g):
        letters = set(re.findall(r"[a-zA-Z]", re.sub(r"\\[a-zA-Z]+", "", g)))
        free = next(v for v in "xknyzrst" if v not in letters)
        yield f"{free} = {g}"
        yield f"{free}={g}"
        yield f"{g} = {free}" if not letters else g
        yield f"\\text{{Area}} = {g}"
        if not letters:
            yield f"P(A) = {g}"
            yield f"AB = {g}"
            yield f"f(2) = {g}"
            yield f"\\angle ABC = {g}"
            yield f"|z| = {g}"
            yield f"a_{{10}} = {g}"
        elif letters <= set("xyz"):
            yield f"f(x) = {g}"
    if m := re.fullmatch(r"([a-z])\s*=\s*([^=,]+)", g):
        yield m[2]
        yield f"{m[2]} = {m[1]}"


@rule
def sums(g: str) -> Iterator[str]:
    m = TERMS.fullmatch(g)
    if m and m[1].count("{") == m[1].count("}") and "\\text" not in g and "_" not in g:
        yield f"{m[2].strip()} + {m[1].strip()}"
        yield f"{m[2].strip()}+{m[1].strip()}"
        yield f"({m[1].strip()}) + ({m[2].strip()})"
    m = re.fullmatch(r"([^+\-()\[\],;=<>|^{}]+)\s*-\s*([^+\-()\[\],;=<>|^{}]+)", g)
    if m and "\\text" not in g:
        yield f"-{m[2].strip()}+{m[1].strip()}"


@rule
def polynomial_order(g: str) -> Iterator[str]:
    if re.fullmatch(r"-?\w[\w^{}]*(\s*[+-]\s*\w[\w^{}]*)+", g) and not re.search(r"\{[^}]*[+-]", g):
        terms = re.findall(r"[+-]?\s*\w[\w^{}]*", g)
        back = [t.replace(" ", "") for t in reversed(terms)]
        text = "".join(t if t[0] in "+-" else "+" + t for t in back)
        yield text.removeprefix("+")
        yield " ".join(f"{t[0]} {t[1:]}" if t[0] in "+-" else f"+ {t}" for t in back).removeprefix("+ ")


@rule
def products(g: str) -> Iterator[str]:
    factors = re.findall(r"\([^()]+\)", g)
    if len(factors) > 1 and "".join(factors) == g.replace(" ", "") and "," not in g:
        yield "".join(reversed(factors))
        yield " \\cdot ".join(factors)
        yield "*".join(factors)
        yield " ".join(factors)
    if re.fullmatch(r"[\w^+\- {}]+", g) and re.search(r"\d[a-z]", g):
        yield re.sub(r"(?<=\d)(?=[a-z])", " ", g)
        yield re.sub(r"(?<=\d)(?=[a-z])", r" \\cdot ", g)
        yield re.sub(r"(?<=\d)(?=[a-z])", "*", g)
        yield re.sub(r"(?<=\d)(?=[a-z])", r" \\times ", g)


@rule
def pi_multiples(g: str) -> Iterator[str]:
    if m := re.fullmatch(r"(\d+)\s*\\pi", g):
        yield f"{m[1]} \\cdot \\pi"
        yield f"\\pi \\cdot {m[1]}"
        yield f"{m[1]}\\times\\pi"
        yield f"{m[1]}pi"
        yield f"{m[1]}*pi"
    if m := re.fullmatch(r"\\frac\{(\d*)\s*\\pi\}\{(\d+)\}", g):
        yield f"\\frac{{{m[1] or 1}}}{{{m[2]}}}\\pi"
        yield f"{m[1]}\\pi/{m[2]}"
        yield f"\\pi \\cdot \\frac{{{m[1] or 1}}}{{{m[2]}}}"


@rule
def lists(g: str) -> Iterator[str]:
    if LIST.fullmatch(g) and "\\!" not in g and "\\text" not in g and not re.fullmatch(r"\\?\$?[\d,.]+", g):
        items = [i.strip() for i in g.replace("\\,", "").replace("\\;", "").replace("\\ ", " ").split(",")]
        if all(items):
            back = items[::-1]
            yield ", ".join(back)
            yield ",".join(back)
            yield " \\text{ and } ".join(items)
            yield " \\text{ or } ".join(items)
            yield " and ".join(back)
            yield f"\\{{{', '.join(items)}\\}}"
            yield f"\\left\\{{ {', '.join(back)} \\right\\}}"
            yield "; ".join(items)
            yield ", ".join(items[:-1]) + ", \\text{ and } " + items[-1]
            yield ",\\ ".join(items)
            yield ",\\quad ".join(items)
            if "=" not in g and not re.search(r"[a-hj-z]", re.sub(r"\\[a-z]+", "", g)):
                yield ", ".join(f"x = {i}" for i in items)
                yield " \\text{ or } ".join(f"x={i}" for i in items)
                yield "x = " + ", ".join(items)
                yield "x \\in \\{" + ", ".join(items) + "\\}"


@rule
def unions(g: str) -> Iterator[str]:
    if UNION.fullmatch(g) and "\\in" not in g.replace("\\infty", ""):
        parts = [p.strip() for p in g.split("\\cup")]
        yield " \\cup ".join(reversed(parts))
        yield "\\cup".join(parts)
        yield " ∪ ".join(parts)
        yield "x \\in " + g


@rule
def intervals(g: str) -> Iterator[str]:
    if (m := INTERVAL.fullmatch(g)) and (m[2] != "(" or m[6] != ")" or "infty" in g):
        low, high = m[3].strip(), m[4].strip()
        left, right = "\\le" if m[2] == "[" else "<", "\\le" if m[6] == "]" else "<"
        yield f"x \\in {g}"
        if low == "-\\infty":
            yield f"x {right} {high}"
            yield f"{high} {MIRROR[right]} x"
        elif high == "\\infty":
            yield f"{low} {left} x"
            yield f"x {MIRROR[left]} {low}"
            yield g.replace("\\infty", "+\\infty")
        else:
            yield f"{low} {left} x {right} {high}"
            yield f"\\{{x \\mid {low} {left} x {right} {high}\\}}"


@rule
def tuples(g: str) -> Iterator[str]:
    if re.fullmatch(r"(\\left)?\s*\([^()]*,[^()]*\)", g) and "infty" not in g:
        inner = re.sub(r"\\left|\\right|[()]", "", g)
        items = [i.strip() for i in inner.split(",")]
        yield f"({','.join(items)})"
        yield f"( {' , '.join(items)} )"
        yield f"\\left( {', '.join(items)} \\right)"
        if not re.search(r"\d,\d{3}(?!\d)", ",".join(items)):
            yield ", ".join(items)
        if len(items) == 2 and not re.search("[a-z]", re.sub(r"\\[a-z]+", "", inner)):
            yield f"(x,y) = ({','.join(items)})"
            yield f"x={items[0]}, y={items[1]}"
            yield f"x = {items[0]} \\text{{ and }} y = {items[1]}"


@rule
def equations(g: str) -> Iterator[str]:
    if re.fullmatch(r"[^=<>,]+=[^=<>,]+", g) and "\\text" not in g and re.search(r"[xyz].*[xyz]", g):
        left, right = (s.strip() for s in g.split("="))
        yield f"{right} = {left}"
        if left == "y":
            yield f"y - ({right}) = 0"
            yield f"2y = 2({right})"
        elif right == "0":
            yield f"-({left}) = 0"
            yield f"2({left}) = 0"


@rule
def matrices(g: str) -> Iterator[str]:
    if "pmatrix" in g:
        yield g.replace("pmatrix", "bmatrix")
        yield re.sub(r"\s*\\\\\s*", r" \\\\ ", g)
        yield re.sub(r"\s*\\\\\s*", r"\\\\", g)
        yield re.sub(r"(?<![\w}])(-?\d+)/(\d+)", r"\\frac{\1}{\2}", g)
        columns = g.split("\\\\")[0].count("&") + 1
        array = re.sub(r"\\begin\{pmatrix\}", rf"\\left(\\begin{{array}}{{{'c' * columns}}}", g)
        yield array.replace("\\end{pmatrix}", "\\end{array}\\right)")


@rule
def bases(g: str) -> Iterator[str]:
    if m := re.fullmatch(r"(\d+)_\{?(\d+)\}?", g):
        yield f"{m[1]}_{{{m[2]}}}"
        yield f"{m[1]}_{m[2]}"
        if int(m[2]) < 10:
            yield f"{m[1]}_{{\\text{{{BASES[int(m[2])]}}}}}"
        yield f"({m[1]})_{{{m[2]}}}"
        yield m[1]


@rule
def words(g: str) -> Iterator[str]:
    if is_text(g):
        inner = g[6:-1].strip()
        yield inner
        yield f"\\textbf{{{inner}}}"
        yield f"\\mathrm{{{inner}}}" if " " not in inner else g
        yield f"\\text{{ {inner} }}"
        yield f"\\mbox{{{inner}}}"
        yield f"\\text{{{inner.lower()}}}" if len(inner) > 1 else g
        yield f"\\text{{{inner.upper()}}}" if len(inner) > 3 else g
        yield f"\\text{{{inner}.}}"


@rule
def choices(g: str) -> Iterator[str]:
    if re.fullmatch(r"[A-E]", g):
        yield f"({g})"
        yield f"\\text{{{g}}}"
        yield f"\\text{{({g})}}"
        yield f"\\textbf{{({g})}}"
        yield f"\\mathrm{{({g})}}"
        yield f"{g}."


@rule
def ratios(g: str) -> Iterator[str]:
    if m := re.fullmatch(r"(\d+)\s*:\s*(\d+)", g):
        yield f"{m[1]} : {m[2]}"
        yield f"{m[1]}:{m[2]}"
        yield f"{2 * int(m[1])}:{2 * int(m[2])}"
        yield f"{m[1]}\\colon {m[2]}"
