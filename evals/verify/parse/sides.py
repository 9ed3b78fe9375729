"""One side of a relation: words, sets, ratios, or a sum with its unit."""

from __future__ import annotations

from evals.verify.parse.cursor import Cursor
from evals.verify.parse.expressions import additive
from evals.verify.parse.tokens import Token
from evals.verify.parse.wording.words import compound, with_unit, words
from evals.verify.tree import EXPR, NamedSet, Num, Op, ParseError, Ratio, Region, Value

SETS = ("cup", "cap", "setminus")


def side(c: Cursor) -> Value:
    """Words, or sets joined by cup, cap and setminus, or a single value with its unit."""
    phrase = words(c)
    if phrase is not None:
        if not (isinstance(phrase, Num) and c.at("%")):
            return phrase
        c.i += 1
        return Op("percent", (phrase,))
    value = _ratio(c)
    while c.token.kind == "op" and (c.token.text in SETS or (c.at("-") and isinstance(value, NamedSet))):
        mark = c.token.text
        op = "setminus" if mark == "-" else mark
        parts = [value]
        while c.at(mark):
            c.i += 1
            parts.append(_ratio(c))
        value = Region(op, tuple(parts))
    return value


def _ratio(c: Cursor) -> Value:
    """A sum with its unit, or sums joined by colons."""
    money, c.money = c.money, ""
    value = compound(c, with_unit(c, additive(c)))
    if c.at(":") and isinstance(value, EXPR):
        items, written = [value], []
        while c.at(":"):
            c.i += 1
            written.append(c.token)
            part = additive(c)
            if not isinstance(part, EXPR):
                raise ParseError("a ratio of what is no number")
            items.append(part)
        return Ratio(tuple(items), _clock(c, written))
    c.money = money
    return value


def _clock(c: Cursor, written: list[Token]) -> str:
    """Whether numbers with colons are a time of day: with minutes such as 05, or with AM or PM after it."""
    token = c.token
    half = token.text.replace(".", "").lower() if token.kind in ("word", "text") else ""
    if half in ("am", "pm"):
        c.i += 1
        return half
    minutes = all(t.kind == "num" and len(t.text) == 2 and t.text < "60" for t in written)
    return "clock" if minutes and written[0].text.startswith("0") else ""
