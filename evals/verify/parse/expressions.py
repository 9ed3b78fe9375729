"""Expressions: sums, products, powers, as LaTeX and plain text write them."""

from __future__ import annotations

from evals.verify.limits import MAX_NESTING, LimitError
from evals.verify.parse.cursor import Cursor, expression
from evals.verify.parse.measures.units import looks_like_unit
from evals.verify.parse.numerals import base_of, number, primes, unit_fraction
from evals.verify.parse.primaries import primary
from evals.verify.parse.wording.words import after_degree, bracketed_unit
from evals.verify.tree import (
    Based,
    Expr,
    Group,
    Matrix,
    NamedSet,
    Num,
    Op,
    ParseError,
    Value,
    negative,
)
from evals.verify.values.matrices import matrix_product, matrix_sum

MAX_MARKS = 8  # after one atom: exponents, factorials, percent and degree signs
INFIX = {"over": "div", "choose": "binom"}
SIGNS = ("+", "-", "pm", "mp")
FACTOR_KINDS = frozenset(("sym", "const", "fn", "cmd", "num", "begin"))
FACTOR_MARKS = frozenset(("(", "[", "{", "\\lfloor", "\\lceil"))


def additive(c: Cursor) -> Value:
    """A sum of terms; a single term may be any value (a matrix, a tuple); a \\over b is a fraction."""
    total = _sum(c)
    if c.token.kind == "op" and c.token.text in INFIX:
        name = INFIX[c.token.text]
        c.i += 1
        return Op(name, (expression(total), expression(_sum(c))))
    return total


def _sum(c: Cursor) -> Value:
    first = _signed(c)
    if not (c.token.kind == "op" and c.token.text in SIGNS) or isinstance(first, NamedSet):
        return first
    terms: list[Value] = [first]
    while c.token.kind == "op" and c.token.text in SIGNS:
        terms.append(_signed(c))
    if any(isinstance(t, Matrix) for t in terms):
        return matrix_sum(terms)
    return Op("add", tuple(expression(t) for t in terms))


def _signed(c: Cursor) -> Value:
    """Signs and a term."""
    sign, choice = 1, ""
    while c.token.kind == "op" and c.token.text in SIGNS:
        mark = c.token.text
        sign = -sign if mark == "-" else sign
        if mark in ("pm", "mp"):
            if choice:
                raise ParseError("two plus-minus signs")
            choice, c.choices = mark, True
        c.i += 1
    value = term(c)
    if sign < 0:
        value = negative(value)
    return Op(choice, (expression(value),)) if choice else value


def term(c: Cursor) -> Value:
    """A product: explicit signs, divisions from left to right, factors set side by side."""
    plain = c.token.kind == "num"
    divisions = 0
    value = power(c)
    plain = plain and not _closed(c)
    factors: list[Expr] = []
    while True:
        token = c.token
        if token.kind == "op" and token.text in ("*", "/"):
            c.i += 1
            right = _signed_power(c)
            plain = False
            if token.text == "/":
                divisions += 1
                if divisions > MAX_NESTING:
                    raise LimitError("nesting")
                left = _product(factors, value)
                factors = []
                value = Op("div", (expression(left), expression(right)))
                continue
        elif token.kind == "cmd" and token.text in ("bmod", "mod", "pmod"):
            c.i += 1
            divisions += 1
            c.constructs.add("mod")
            value = Op("mod", (expression(_product(factors, value)), expression(power(c))))
            factors = []
            continue
        elif _starts_factor(c):
            if (plain and c.token.kind == "num") or _digits_in_braces(c):
                raise ParseError("two numbers side by side")
            plain = c.token.kind == "num"
            right = power(c)
            plain = plain and not _closed(c)
        else:
            return _product(factors, value)
        if isinstance(right, Matrix):
            value, factors = matrix_product(_product(factors, value), right), []
            continue
        factors.append(expression(value))
        value = right


def _closed(c: Cursor) -> bool:
    """Whether the factor just read ends so that a number may follow it: 3!, 2^{4}, 2^4 with a space."""
    last, before = c.tokens[c.i - 1], c.tokens[c.i - 2]
    return last.text in ("!", "}") or (before.text == "^" and c.token.spaced)


def _digits_in_braces(c: Cursor) -> bool:
    """1{2} and {1}{2} are read as 12 by TeX and as a product by nobody."""
    before = c.tokens[c.i - 1]
    return c.at("{") and c.tokens[c.i + 1].kind == "num" and (before.kind == "num" or before.text == "}")


def _product(factors: list[Expr], last: Value) -> Value:
    return Op("mul", (*factors, expression(last))) if factors else last


def _signed_power(c: Cursor) -> Value:
    sign = 1
    while c.at("-") or c.at("+"):
        sign = -sign if c.at("-") else sign
        c.i += 1
    value = power(c)
    return negative(value) if sign < 0 else value


def _starts_factor(c: Cursor) -> bool:
    token = c.token
    if token.kind == "op":
        if (token.text == "{" and c.tokens[c.i + 1].kind == "text") or bracketed_unit(c):
            return False
        return token.text in FACTOR_MARKS or (token.text in ("|", "||") and not c.bars)
    if token.text == "frac" and unit_fraction(c):
        return False
    if token.kind == "sym" and after_degree(c):
        return False
    if token.kind == "word":
        unit = c.i > 0 and looks_like_unit(token.text, token.spaced)
        c.unit = c.unit or unit
        return c.products or not unit
    if token.kind == "text":
        return token.text in ("e", "i")
    return token.kind in FACTOR_KINDS


def power(c: Cursor) -> Value:
    """An atom with its exponents, factorials, percent and degree signs."""
    value = primary(c)
    marks = 0
    while c.token.kind == "op":
        mark = c.token.text
        marks += 1
        if marks > MAX_MARKS:
            raise LimitError("nesting")
        if mark == "^":
            c.i += 1
            value = _minutes(c, _transposed(c, value) or _raised(c, expression(value)))
        elif mark == "!":
            c.i += 1
            if c.at("!"):
                raise ParseError("a double factorial")
            value = Op("fact", (expression(value),))
        elif mark == "%":
            c.i += 1
            value = Op("percent", (expression(value),))
        elif mark == "deg":
            c.i += 1
            value = _minutes(c, Op("degree", (expression(value),)))
        elif mark == "_" and isinstance(value, Num) and value.place is None:
            value = Based(str(value.value), base_of(c))
        else:
            break
    return value


def _minutes(c: Cursor, value: Value) -> Value:
    """45^\\circ 30' 20'': degrees with their minutes and seconds."""
    if not (isinstance(value, Op) and value.name == "degree"):
        return value
    degrees = value.args[0]
    for part, marks in ((60, 1), (3600, 2)):
        if not (isinstance(degrees, Num) and c.token.kind == "num"):
            break
        place, small = c.i, number(c.token.text)
        c.i += 1
        if primes(c) != marks:
            c.i = place
            break
        degrees = Num(degrees.value + small.value / part)
    return Op("degree", (degrees,))


def _transposed(c: Cursor, value: Value) -> Matrix | None:
    """(1,2)^T is a column; a matrix to the T its transpose."""
    marks = [t.text for t in c.tokens[c.i : c.i + 3]]
    length = 3 if marks[0] == "{" and marks[1] in ("T", "\\top") else 1 if marks[0] in ("T", "\\top") else 0
    if not length or not isinstance(value, Group | Matrix):
        return None
    c.i += length
    if isinstance(value, Matrix):
        return Matrix(tuple(zip(*value.rows, strict=True)))
    return Matrix(tuple((expression(item),) for item in value.items))


def _raised(c: Cursor, base: Expr) -> Expr:
    """base^…, where ^\\circ is the degree sign."""
    if c.at("\\circ") or (c.token.kind == "sym" and c.token.text == "o" and isinstance(base, Num)):
        c.i += 1
        return Op("degree", (base,))
    if c.at("{") and c.tokens[c.i + 1].text in ("\\circ", "o") and c.tokens[c.i + 2].text == "}":
        c.i += 3
        return Op("degree", (base,))
    return Op("pow", (base, exponent(c)))


def exponent(c: Cursor) -> Expr:
    """What follows ^: a brace group, or a signed atom; 2^10 is 2^{10}."""
    c.deeper()
    sign = 1
    while c.at("-") or c.at("+"):
        sign = -sign if c.at("-") else sign
        c.i += 1
    if c.token.kind == "word":
        c.split()
    value: Value
    if c.token.kind == "num":
        value = number(c.token.text)
        c.i += 1
    else:
        value = primary(c)
    if c.at("^"):
        c.i += 1
        value = _raised(c, expression(value))
    c.depth -= 1
    return expression(negative(value) if sign < 0 else value)
