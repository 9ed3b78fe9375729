"""Numbers as written: decimals, mixed numbers, repeating decimals, digits with a base; subscripts."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import takewhile

from evals.verify.limits import LimitError
from evals.verify.parse.cursor import Cursor, expression
from evals.verify.parse.measures.units import parse_unit
from evals.verify.parse.vocabulary import BASE_WORDS
from evals.verify.tree import Based, Expr, Num, Op, ParseError, Quantity, Value

IN_BASE = re.compile(r"\(?(?:in )?base[ -](\w+)\)?")
PERIODS = ("overline", "bar", "dot")


def number(text: str) -> Num:
    """A decimal literal; place keeps how far it was written."""
    if text.isdecimal():
        return Num(Fraction(int(text)))
    mantissa, _, exponent = text.lower().partition("e")
    whole, point, digits = mantissa.partition(".")
    shift = int(exponent or 0)
    if abs(shift) > 5000:
        raise LimitError("exponent")
    place = len(digits) - shift
    digits = whole + digits
    value = Fraction(int(digits), 10**place) if place > 0 else Fraction(int(digits) * 10**-place)
    return Num(value, place if point or exponent else None)


def numeral(c: Cursor) -> Value:
    """A number, a mixed number, a repeating decimal, or digits with a base."""
    token = c.token
    c.i += 1
    after = c.token
    if (after.kind == "cmd" and after.text in PERIODS and "." in token.text) or after.text == ".":
        return _repeating(c, token.text)
    if token.text.isdecimal():
        if after.kind == "cmd" and after.text == "frac" and not unit_fraction(c):
            return _mixed(c, token.text)
        if after.kind == "num" and after.spaced and c.tokens[c.i + 1].text == "/":
            return _mixed_plain(c, token.text)
    if after.kind in ("word", "text", "op") and (base := _base_ahead(c)):
        return Based(token.text, base)
    if after.text in ("C", "P") and not after.spaced and (counted := _chosen(c, token.text)) is not None:
        return counted
    if after.text == "'" and (height := _feet(c, token.text)) is not None:
        return height
    if after.kind == "op" and after.text == "_":
        return Based(token.text, base_of(c))
    letters = after.kind in ("sym", "word") and after.text.isupper() and after.text.isascii()
    if letters and not after.spaced and c.tokens[c.i + 1].text == "_":  # 152A_{11}
        c.i += 1
        return Based(token.text + after.text, base_of(c))
    return number(token.text)


def _repeating(c: Cursor, text: str) -> Expr:
    """0.1\\overline{6}, 0.1\\bar6, 0.\\dot14\\dot2 and 0.(6) as exact fractions."""
    if c.at("."):
        c.i += 1
        text += "."
    period = _period(c)
    if not (period.isdecimal() and text.replace(".", "", 1).isdecimal() and "." in text):
        raise ParseError("a period that is none")
    whole, _, digits = text.partition(".")
    start = Fraction(int(whole + digits), 10 ** len(digits))
    return Num(start + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(digits)))


def _period(c: Cursor) -> str:
    """The digits under a bar or in brackets, or from one dot to another."""
    if c.at("("):
        mark, closer = "(", ")"
    elif c.token.kind == "cmd" and c.token.text in PERIODS:
        mark, closer = c.token.text, "}"
        c.i += 1
    else:
        raise ParseError("a number and a bare point")
    if not (c.at("(") or c.at("{")):
        if len(c.token.text) > 1 and c.token.kind == "num":
            c.split()
        period, closer = c.token.text, ""
        c.i += 1
    else:
        period = c.tokens[c.i + 1].text
        c.i += 2
        c.take(closer)
    if mark == "dot" and (c.token.kind == "num" or c.token.text == "dot"):
        if c.token.kind == "num":
            period += c.token.text
            c.i += 1
        if c.token.text != "dot":
            raise ParseError("a period without an end")
        period += _period(c)
    return period


def _mixed(c: Cursor, whole: str) -> Expr:
    """2\\frac{1}{2} is 2 + 1/2; a fraction that is not proper or not of integers makes a product."""
    part = expression(c.grammar.atom(c))
    if isinstance(part, Op) and part.name == "div":
        top, bottom = part.args
        if isinstance(top, Num) and isinstance(bottom, Num) and top.place is None and bottom.place is None:
            if not 0 < top.value < bottom.value:
                raise ParseError("neither a mixed number nor a product")
            return Op("mixed", (number(whole), top, bottom))
    return Op("mul", (number(whole), part))


def _mixed_plain(c: Cursor, whole: str) -> Expr:
    """2 1/2 is 2 + 1/2."""
    top, bottom = c.token.text, c.tokens[c.i + 2]
    if not (
        top.isdecimal() and bottom.kind == "num" and bottom.text.isdecimal() and int(top) < int(bottom.text)
    ):
        raise ParseError("two numbers side by side")
    c.i += 3
    return Op("mixed", (number(whole), number(top), number(bottom.text)))


def subscript(c: Cursor) -> str:
    """The raw text of a subscript: a brace group, or one token."""
    if not c.at("{"):
        text = c.token.text
        if c.token.kind in ("eof", "sep", "rel", "op"):
            raise ParseError("an empty subscript")
        if c.token.kind == "word":
            c.split()
            text = c.token.text
        c.i += 1
        return text
    depth = 0
    parts: list[str] = []
    while True:
        token = c.token
        if token.kind == "eof":
            raise ParseError("unbalanced braces")
        depth += token.text == "{" and token.kind == "op"
        depth -= token.text == "}" and token.kind == "op"
        c.i += 1
        if depth == 0:
            return "".join(parts)
        if token.text not in "{}":
            parts.append(token.text)


def base_of(c: Cursor) -> int:
    """The base that follows a number: _8, _{8}, _{eight}, _\\text{eight}."""
    c.take("_")
    name = subscript(c).strip(" ()").lower().removeprefix("base").strip()
    base = _base_named(name)
    if not base:
        raise ParseError("an unknown base")
    return base


def _base_named(name: str) -> int:
    """The base that a number or a word names; 0: none."""
    base = int(name) if name.isdecimal() and len(name) < 3 else BASE_WORDS.get(name, 0)
    return base if 2 <= base <= 36 else 0


def primes(c: Cursor) -> int:
    """How many primes follow: ', '', ^{\\prime}, a quotation mark for two; passes over them."""
    marks = [t.text for t in c.tokens[c.i : c.i + 5]]
    if marks[0] == "^":
        braced = marks[1] == "{"
        inside = marks[2:4] if braced else marks[1:2]
        count = sum(mark == "'" for mark in inside)
        if count:
            c.i += 1 + count + 2 * braced
        return count
    count = 2 if marks[0] == '"' else sum(1 for _ in takewhile("'".__eq__, marks[:2]))
    c.i += 1 if marks[0] == '"' else count
    return count


def _feet(c: Cursor, whole: str) -> Quantity | None:
    """5'6'': feet and inches."""
    inches = c.tokens[c.i + 1]
    place = c.i
    if inches.kind != "num" or not whole.isdecimal():
        return None
    c.i += 2
    if primes(c) != 2:
        c.i = place
        return None
    return Quantity(Num(int(whole) * 12 + number(inches.text).value), parse_unit("inch"))


def _base_ahead(c: Cursor) -> int:
    """The base that words after a number name: base 5, (base 5); 0 and no move where there are none."""
    bracket = c.at("(")
    place = c.i + bracket
    word, number_ = c.tokens[place], c.tokens[place + 1]
    said = IN_BASE.fullmatch(word.text.lower()) if word.kind == "text" and not bracket else None
    if said and (base := _base_named(said[1])):
        c.i += 1
        return base
    if word.kind not in ("word", "text") or word.text.lower().removeprefix("in ") != "base":
        return 0
    base = _base_named(number_.text.lower())
    if not base or (bracket and c.tokens[place + 2].text != ")"):
        return 0
    c.i = place + 2 + bracket
    return base


def _chosen(c: Cursor, top: str) -> Expr | None:
    """10C3 and 5P2, written without spaces."""
    letter, bottom = c.token.text, c.tokens[c.i + 1]
    if bottom.kind != "num" or bottom.spaced or not (top.isdecimal() and bottom.text.isdecimal()):
        return None
    c.i += 2
    return selections(letter, int(top), int(bottom.text))


def selections(letter: str, n: int, k: int) -> Expr:
    """The number of combinations (C) or of ordered selections (P, A) of k out of n."""
    top = number(str(n))
    if letter == "C":
        return Op("binom", (top, number(str(k))))
    if n < k:
        raise ParseError("more chosen than there are")
    return Op("div", (Op("fact", (top,)), Op("fact", (number(str(n - k)),))))


def unit_fraction(c: Cursor) -> bool:
    """Whether the fraction that begins here is one of units: \\frac{\\text{m}}{\\text{s}}."""
    brace, words = c.tokens[c.i + 1 : c.i + 3]
    return brace.text == "{" and words.kind == "text" and words.text not in ("e", "i")
