"""Wrong answers that are nearly right, made from golds: an oracle for what must not be accepted.

Sign, plus and minus one, ten and a hundred times, the inverse, a flipped bracket, a dropped, doubled or
extra member, members swapped, a changed operator or exponent. Where that changes nothing it is left out.
"""

import re
from collections.abc import Iterator
from fractions import Fraction

NUMBER = re.compile(r"(\\\$\s?)?(-?\d+(?:\.\d+)?)(\s*\\%|\^\{?\\circ\}?|\s*\\(?:text|mbox)\{[^{}]*\})?")
FRACTION = re.compile(r"(-?)\\[dt]?frac\{(\d+)\}\{(\d+)\}")
SURD = re.compile(r"(-?)(\d*)\s*\\sqrt\{(\d+)\}|(\d*)\s*\\pi")
INTERVAL = re.compile(r"(\\left)?\s*([(\[])([^,()\[\]]+),([^,()\[\]]+?)(\\right)?\s*([)\]])")
PLAIN = re.compile(r"[^,;=<>:_]+")


def near_misses(gold: str) -> Iterator[tuple[str, str]]:
    """(kind, wrong text) for a gold."""
    gold = gold.strip().rstrip(".")
    for part in (_number, _fraction, _surd, _expression, _interval, _members, _equation, _matrix, _base):
        for kind, text in part(gold):
            if text != gold:
                yield kind, text


def _number(g: str) -> Iterator[tuple[str, str]]:
    m = NUMBER.fullmatch(g)
    if not m:
        return
    before, after = m[1] or "", m[3] or ""
    if "\\text" in after and re.search(r"\b(and|or|a\.m|p\.m)", after):
        return
    value = Fraction(m[2])
    digits = len(m[2].partition(".")[2])
    changes = {
        "plus one": value + 1,
        "minus one": value - 1,
        "sign": -value,
        "ten": value * 10,
        "hundred": value * 100,
        "tenth": value / 10,
        "hundredth": value / 100,
        "inverse": 1 / value if value else value,
        "last digit": value + Fraction(1, 10**digits),
    }
    for kind, other in changes.items():
        if other == value or ("\\%" in after and (other == value / 100 or other == value * 100)):
            continue
        text = f"{float(other):.{digits + 2}f}" if 10**6 % other.denominator == 0 else None
        if text and Fraction(text) == other:
            text = text.rstrip("0").rstrip(".")
        else:
            text = f"\\frac{{{other.numerator}}}{{{other.denominator}}}"
        yield kind, f"{before}{text}{after}"


def _fraction(g: str) -> Iterator[tuple[str, str]]:
    m = FRACTION.fullmatch(g)
    if not m:
        return
    sign, top, bottom = m[1], int(m[2]), int(m[3])
    yield "sign", f"{'' if sign else '-'}\\frac{{{top}}}{{{bottom}}}"
    if top != bottom and top:
        yield "inverse", f"{sign}\\frac{{{bottom}}}{{{top}}}"
    yield "plus one", f"{sign}\\frac{{{top + 1}}}{{{bottom}}}"
    yield "plus one below", f"{sign}\\frac{{{top}}}{{{bottom + 1}}}"
    if top > 1:
        yield "minus one", f"{sign}\\frac{{{top - 1}}}{{{bottom}}}"
    if bottom > 2:
        yield "minus one below", f"{sign}{top}/{bottom - 1}"
    yield "ten", f"{sign}\\frac{{{10 * top}}}{{{bottom}}}"
    yield "hundred", f"{sign}\\frac{{{100 * top}}}{{{bottom}}}"
    yield "whole", f"{sign}{top}{bottom}"
    yield "members", f"{sign}{top}, {bottom}"
    value = Fraction(top, bottom)
    if 10**9 % value.denominator:
        yield "rounded", f"{sign}{float(value):.2f}"
        yield "rounded", f"{sign}{float(value):.5f}"


def _surd(g: str) -> Iterator[tuple[str, str]]:
    m = SURD.fullmatch(g)
    if not m:
        return
    yield "sign", g[1:] if g.startswith("-") else "-" + g
    if m[3]:
        yield "radicand", f"{m[1]}{m[2]}\\sqrt{{{int(m[3]) + 1}}}"
        yield "no root", f"{m[1]}{m[2]}\\cdot {m[3]}" if m[2] else f"{m[1]}{m[3]}"
        yield "cube root", f"{m[1]}{m[2]}\\sqrt[3]{{{m[3]}}}"
        yield "factor", f"{m[1]}{int(m[2] or 1) + 1}\\sqrt{{{m[3]}}}"
    else:
        yield "factor", f"{int(m[4] or 1) + 1}\\pi"
        yield "no pi", m[4] or "1"
        yield "rounded", f"{int(m[4] or 1) * 3.14:.2f}"


def _expression(g: str) -> Iterator[tuple[str, str]]:
    if not PLAIN.fullmatch(g) or any(
        w in g for w in ("\\text", "\\mbox", "cup", "\\in", "matrix", "\\%", "\\le")
    ):
        return
    if re.fullmatch(r"0|[A-Z]+|.*\\pm.*|\\[a-z]+\{[A-Z]+\}", g) or (
        g.startswith(("(", "[", "\\left", "\\{")) and "," in g
    ):
        return
    yield "sign", f"-({g})"
    yield "plus one", f"{g} + 1"
    yield "minus one", f"{g} - 1"
    yield "ten", f"10({g})" if "\\circ" not in g else f"10 \\cdot {g}"
    if g not in ("1", "-1", "001"):
        yield "inverse", f"\\frac{{1}}{{{g}}}"
        yield "square", f"({g})^2"
    if re.search(r"[a-z]\^\{?2\}?(?!\d)", g):
        yield "exponent", re.sub(r"([a-z])\^\{?2\}?(?!\d)", r"\1^3", g, count=1)
    if re.search(r"[\w})] ?\+ ?[\w(\\]", g):
        yield "operator", re.sub(r"([\w})]) ?\+ ?(?=[\w(\\])", r"\1 - ", g, count=1)
    if re.search(r"(?<![\^{\d])[2-9](?=[a-z])", g):
        yield "coefficient", re.sub(r"(?<![\^{\d])([2-9])(?=[a-z])", lambda m: str(int(m[1]) + 1), g, count=1)


def _interval(g: str) -> Iterator[tuple[str, str]]:
    m = INTERVAL.fullmatch(g)
    if not m or (m[2] == "(" and m[6] == ")" and "infty" not in g):
        return
    low, high = m[3].strip(), m[4].strip()
    if "infty" not in low:
        yield "bracket", f"{'(' if m[2] == '[' else '['}{low},{high}{m[6]}"
    if "infty" not in high:
        yield "bracket", f"{m[2]}{low},{high}{')' if m[6] == ']' else ']'}"
    yield "swapped", f"{m[2]}{high},{low}{m[6]}"
    yield "one end", low
    yield "set", f"\\{{{low},{high}\\}}"


def _members(g: str) -> Iterator[tuple[str, str]]:
    inner, left, right = g, "", ""
    if m := re.fullmatch(r"(\\left)?\s*(\\\{|\()(.*?)(\\right)?\s*(\\\}|\))", g):
        inner, left, right = m[3], m[2], m[5]
    if re.search(r"\\!|\\text|\\\$|[()\[\]=;]|\\begin|\{,\}|\d,\d{3}(?!\d)", inner) or "," not in inner:
        return
    items = [i.strip() for i in inner.split(",")]
    if "\\pm" in g or "infty" in g or not all(items):
        return
    yield "dropped", f"{left}{', '.join(items[:-1])}{right}"
    yield "dropped", f"{left}{', '.join(items[1:])}{right}"
    yield "doubled", f"{left}{', '.join([*items, items[0]])}{right}"
    yield "extra", f"{left}{', '.join([*items, '97'])}{right}"
    yield "changed", f"{left}{', '.join([*items[:-1], items[-1] + ' + 1'])}{right}"
    if left == "(" and items[0] != items[1]:
        yield "swapped", f"({', '.join([items[1], items[0], *items[2:]])})"
        yield "set", f"\\{{{', '.join(items)}\\}}"


def _equation(g: str) -> Iterator[tuple[str, str]]:
    m = re.fullmatch(r"([^=<>,]+)=([^=<>,]+)", g)
    if not m or "\\text" in g or "\\%" in g:
        return
    left, right = m[1].strip(), m[2].strip()
    yield "plus one", f"{left} = {right} + 1"
    yield "inequality", f"{left} < {right}"
    if right != "0":
        yield "sign", f"{left} = -({right})"
        yield "tenfold", f"{left} = 10({right})"
    if re.fullmatch("[a-z]", left) and left not in right:
        yield "other name", f"{'y' if left != 'y' else 'w'} = {right}"
    if right == "0" and (found := re.search(r" - ", left)):
        yield "operator", f"{left[: found.start()]} + {left[found.end() :]} = 0"


def _matrix(g: str) -> Iterator[tuple[str, str]]:
    m = re.fullmatch(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}", g, re.DOTALL)
    if not m:
        return
    rows = [r.strip() for r in m[1].split("\\\\") if r.strip()]
    if "phantom" in g:
        return
    begin, end = "\\begin{pmatrix}", "\\end{pmatrix}"
    if rows[0] != rows[-1]:
        yield "swapped", begin + " \\\\ ".join(reversed(rows)) + end
    yield "dropped", begin + " \\\\ ".join(rows[:-1]) + end
    yield "extra", begin + " \\\\ ".join([*rows, rows[0]]) + end
    yield "changed", begin + " \\\\ ".join([rows[0] + " + 1", *rows[1:]]) + end
    yield "determinant", g.replace("pmatrix", "vmatrix")


def _base(g: str) -> Iterator[tuple[str, str]]:
    if m := re.fullmatch(r"(\d+)_\{?(\d+)\}?", g):
        yield "other base", f"{m[1]}_{{{int(m[2]) + 1}}}"
        yield "plus one", f"{int(m[1]) + 1}_{{{m[2]}}}"
        value = int(m[1], int(m[2])) if all(int(d) < int(m[2]) for d in m[1]) else None
        if value is not None and str(value) != m[1]:
            yield "value", str(value)
