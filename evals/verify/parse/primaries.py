"""Atoms of expressions: what stands without operators around it."""

from __future__ import annotations

from evals.verify.parse.cursor import Cursor, expression
from evals.verify.parse.latex_commands import command, function, matrix
from evals.verify.parse.numerals import base_of, numeral, selections, subscript
from evals.verify.tree import EMPTY, Based, Const, Expr, NamedSet, Num, Op, ParseError, Sym, Value

OPENING = frozenset(("(", "[", "\\{", "{", "<("))
APPLIED = "fgFG"
SELECTED = ("C", "P", "A")  # letters for the number of combinations, and of ordered selections


def primary(c: Cursor) -> Value:
    """One atom, without what follows it (exponents, factorials, subscripts of numbers)."""
    kind, text, _, _ = c.token
    if kind == "num":
        return numeral(c)
    if kind == "sym":
        after = c.tokens[c.i + 1]
        if after.kind == "num" and c.i == c.start and text.isupper() and c.tokens[c.i + 2].text == "_":
            c.i += 2
            return Based(text + after.text, base_of(c))
        return _symbol(c)
    if kind == "op":
        return _bracketed(c, text)
    if kind == "cmd":
        return command(c, text)
    if kind == "const":
        c.i += 1
        return Const(text)
    if kind == "fn":
        return function(c, text)
    if kind == "word":
        c.split()
        return primary(c)
    if kind == "text" and len(text) == 1:
        c.tokens[c.i] = c.token._replace(kind="const" if text in "ei" else "sym")
        return primary(c)
    if kind == "money" and not c.money:
        c.money = text
        c.i += 1
        if c.at("-"):
            c.i += 1
            return negative_number(c)
        return primary(c)
    if kind == "set":
        c.i += 1
        return NamedSet(text) if text else EMPTY
    if kind == "begin":
        return matrix(c)
    raise ParseError(f"unexpected {text[:20]!r}" if text else "unexpected end")


def negative_number(c: Cursor) -> Value:
    """The number after a currency sign and a minus sign."""
    value = primary(c)
    if not isinstance(value, Num):
        raise ParseError("a currency sign before what is no number")
    return Num(-value.value, value.place)


def _bracketed(c: Cursor, mark: str) -> Value:
    if mark in OPENING:
        return c.grammar.group(c)
    if mark in ("|", "||"):
        c.i += 1
        c.bars += 1
        c.deeper()
        inner = expression(c.grammar.total(c))
        c.take(mark)
        c.bars -= 1
        c.depth -= 1
        return Op("abs" if mark == "|" else "norm", (inner,))
    if mark in ("\\lfloor", "\\lceil"):
        c.i += 1
        c.deeper()
        inner = expression(c.grammar.total(c))
        c.take(mark.replace("l", "r", 1))
        c.depth -= 1
        c.constructs.add(mark[1:])
        return Op("floor" if mark == "\\lfloor" else "ceil", (inner,))
    if mark in ("^", "_"):
        return _prescript(c)
    raise ParseError(f"unexpected {mark[:20]!r}")


def _prescript(c: Cursor) -> Value:
    """{}^{10}C_3 and {}_{10}C_3: how many combinations (P: ordered selections)."""
    c.i += 1
    top, letter = subscript(c), c.token.text
    if letter not in SELECTED or not c.tokens[c.i + 1].text == "_":
        raise ParseError("an exponent of nothing")
    c.i += 2
    return _selected(letter, top, subscript(c))


def _selected(letter: str, top: str, bottom: str) -> Expr:
    if not (top.isdecimal() and bottom.isdecimal() and max(len(top), len(bottom)) < 5):
        raise ParseError("a number of combinations without numbers")
    return selections(letter, int(top), int(bottom))


def _combinations(c: Cursor, name: str) -> Expr | None:
    """C_{10}^{3} and C(10,3), the cursor after the C (and its subscript); P_5^3 and A_5^3 likewise."""
    letter, _, top = name.partition("_")
    if letter not in SELECTED:
        return None
    marks = [t.text for t in c.tokens[c.i : c.i + 4]]
    if top.isdecimal() and marks[0] == "^":
        bottom = marks[2] if marks[1] == "{" and marks[3] == "}" else marks[1]
        if bottom.isdecimal() and len(top) < 5 and int(bottom) <= int(top):
            c.i += 4 if marks[1] == "{" else 2
            return selections(letter, int(top), int(bottom))
    pair = [t.text for t in c.tokens[c.i : c.i + 5]]
    written = name == "C" and pair[0::2] == ["(", ",", ")"] and not c.token.spaced
    if written and pair[1].isdecimal() and pair[3].isdecimal() and int(pair[3]) <= int(pair[1]) < 10_000:
        c.i += 5
        return selections(letter, int(pair[1]), int(pair[3]))
    return None


def _symbol(c: Cursor) -> Expr:
    """A symbol with subscript and primes; before a parenthesis perhaps a function."""
    name = c.token.text
    here = c.i
    c.i += 1
    if (counted := _combinations(c, name)) is not None:
        return counted
    while c.token.kind == "op" and c.token.text in ("_", "'", "^"):
        if c.at("_"):
            c.i += 1
            name += "_" + subscript(c)
            if (counted := _combinations(c, name)) is not None:
                return counted
        elif c.at("'"):
            c.i += 1
            name += "'"
        elif c.tokens[c.i + 1].text == "'":
            c.i += 2
            name += "'"
        elif [t.text for t in c.tokens[c.i + 1 : c.i + 4]] == ["{", "'", "}"]:
            c.i += 4
            name += "'"
        elif [t.text for t in c.tokens[c.i + 1 : c.i + 6]] == ["{", "-", "1", "}", "("] and name in APPLIED:
            c.i += 5
            name += "^-1"
            break
        else:
            break
    if (
        c.at("(")
        and not c.token.spaced
        and (name[0] in APPLIED or _at_zero(c) or (here == c.start and _is_left_side(c)))
    ):
        arguments = c.grammar.group(c)
        items = arguments.items if hasattr(arguments, "items") else (arguments,)
        return Op("apply:" + name, tuple(expression(item) for item in items))
    return Sym(name)


def _at_zero(c: Cursor) -> bool:
    """Whether (0) follows: nobody multiplies by it, I(0) is a value."""
    return c.tokens[c.i + 1].text == "0" and c.tokens[c.i + 2].text == ")"


def _is_left_side(c: Cursor) -> bool:
    """Whether the parenthesis that opens here closes just before an equals sign."""
    depth = 0
    for place in range(c.i, len(c.tokens)):
        token = c.tokens[place]
        if token.kind == "op":
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0:
                after = c.tokens[place + 1]
                return after.kind == "rel" and after.text == "="
    return False
