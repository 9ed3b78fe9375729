"""Words in answers: answers that are words, and the units after numbers."""

from __future__ import annotations

import re
from fractions import Fraction

from evals.verify.parse.cursor import Cursor
from evals.verify.parse.measures.units import find, parse_unit
from evals.verify.parse.vocabulary import (
    FRACTIONS,
    MONEY_SCALES,
    NUMBER_WORDS,
    SCALES,
    SHORT_SCALES,
    TENS,
    VARIABLE_GROUPS,
)
from evals.verify.tree import (
    EMPTY,
    EXPR,
    Const,
    Expr,
    NamedSet,
    Num,
    Op,
    ParseError,
    Quantity,
    Text,
    Unit,
    Value,
)

TEMPERATURES = {"f": "f", "fahrenheit": "f", "c": "c", "celsius": "c", "centigrade": "c"}
DEGREES = re.compile(r"^degrees?\s+")
WORD_ENDS = (",", ";", "}", ")", "-", ".", "%")
SMALL_WORDS = ("no", "on", "up", "in", "we", "he", "us")
REAL_LINE = ("all real numbers", "all reals", "real numbers", "all real values")
NOTHING = ("no solution", "no solutions", "no real solutions", "empty set", "the empty set")


def words(c: Cursor) -> Value | None:
    """A side that is words: \\text{…} or a bare word that is no product of variables."""
    token = c.token
    if token.kind == "word":
        after = c.tokens[c.i + 1]
        ends = after.kind in ("eof", "sep", "rel", "word", "text", "num") or after.text in WORD_ENDS
        if not ends or not (is_word(token.text) or (after.kind == "word" and after.spaced)):
            return None
    elif token.kind != "text" or (len(token.text) == 1 and c.tokens[c.i + 1].kind not in ("word", "text")):
        return None
    parts: list[str] = []
    while (
        c.token.kind in ("word", "text", "num", "sym", "const")
        or c.token.text in ("'", "-", ".")
        or (c.token.text == "and" and c.tokens[c.i - 1].text.lower() in SCALES)
    ):
        parts.append((" " if c.token.spaced and parts else "") + c.token.text)
        c.i += 1
    return _phrase("".join(parts))


def _phrase(text: str) -> Value:
    plain = " ".join(text.split()).strip(" .").lower()
    number = number_in_words(plain)
    if number is not None:
        return Num(Fraction(number))
    counted, _, part = plain.replace("-", " ").rpartition(" ")
    if part in FRACTIONS and (top := 1 if counted == "a" else number_in_words(counted)):
        return Num(Fraction(top, FRACTIONS[part]))
    if plain == "infinity":
        return Const("inf")
    if plain in REAL_LINE:
        return NamedSet("R")
    return EMPTY if plain in NOTHING else Text(" ".join(text.split()))


def number_in_words(text: str) -> int | None:
    """The number that words name: seven, twenty-one, two hundred and five, a million; None for others."""
    total, part, last = 0, 0, 10**15
    names = text.replace("-", " ").split()
    for place, name in enumerate(names):
        if name in NUMBER_WORDS[:20]:
            unit = NUMBER_WORDS.index(name)
            if part % 100 and not (unit and unit < 10 and part % 100 >= 20 and part % 10 == 0):
                return None
            if unit == 0 and len(names) > 1:
                return None
            part += unit
        elif name in TENS and part % 100 == 0:
            part += TENS[name]
        elif name == "hundred" and 0 < part < 10:
            part *= 100
        elif name in SCALES and name != "hundred" and part and SCALES[name] < last:
            total, part, last = total + part * SCALES[name], 0, SCALES[name]
        elif name == "a" and place == 0 and names[1:2] and names[1] in SCALES:
            part = 1
        elif not (name == "and" and names[place - 1] in SCALES and place + 1 < len(names)):
            return None
    return total + part if names else None


def is_word(text: str) -> bool:
    """Whether letters alone are a word (west) rather than a product of variables (xy, abc)."""
    if len(text) == 2:
        return text.lower() in SMALL_WORDS
    return len(text) > 4 or not any(set(text) <= set(group) for group in VARIABLE_GROUPS)


def with_unit(c: Cursor, value: Value) -> Value:
    """The value with the unit that follows it, if one does."""
    parts: list[str] = []
    while True:
        token = c.token
        if token.kind == "text" and token.text.endswith(" and") and c.tokens[c.i + 1].kind == "num":
            c.tokens[c.i : c.i + 1] = [
                token._replace(text=token.text[:-4]),
                token._replace(kind="sep", text="and"),
            ]
            continue
        if token.kind in ("word", "text") or (token.kind == "sym" and (parts or after_degree(c))):
            parts.append(" " + token.text)
        elif (
            (
                token.kind == "op"
                and token.text in ("^", "/", "{", "(", "*", ".")
                and (parts or _unit_ahead(c) or bracketed_unit(c))
            )
            or (token.kind == "op" and token.text in ("}", ")") and _open(parts, token.text))
            or ((token.kind == "num" or token.text == "-") and parts and parts[-1] in ("^", "{", "-"))
        ):
            parts.append(token.text)
        elif token.kind == "cmd" and token.text == "frac" and _unit_ahead(c, 1):
            parts.append(_unit_fraction(c))
            continue
        elif token.kind == "money" and not c.money and not parts:
            c.money = token.text
        else:
            break
        c.i += 1
    value, text = _scaled(value, "".join(parts), bool(c.money))
    if c.money:
        name = {"usd": "dollar"}.get(c.money, c.money)
        text = text if "dollar" in text.lower() or "usd" in text.lower() else f"{name} {text}"
        c.money = ""
    if not text.strip():
        return value
    if not isinstance(value, EXPR):
        raise ParseError("a unit on what is no number")
    return Quantity(*_temperature(value, text))


def compound(c: Cursor, value: Value) -> Value:
    """3 hours 20 minutes, 5 ft 6 in, 2 dollars and 5 cents: quantities of one dimension, the larger unit
    first, as one in the smaller unit."""
    while isinstance(value, Quantity) and isinstance(value.value, Num) and value.unit.known:
        place = c.i
        c.i += c.token.kind == "sep" and c.token.text == "and"
        if c.token.kind != "num":
            c.i = place
            return value
        part = with_unit(c, c.grammar.total(c))
        if not _continues(value, part):
            c.i = place
            return value
        scale = value.unit.factor / part.unit.factor  # type: ignore[union-attr]
        value = Quantity(Num(value.value.value * scale + part.value.value), part.unit)  # type: ignore[union-attr]
    return value


def _continues(first: Quantity, second: Value) -> bool:
    """Whether a quantity is less than one unit of the one before it."""
    return (
        isinstance(second, Quantity)
        and isinstance(second.value, Num)
        and isinstance(first.value, Num)
        and first.value.value.denominator == 1
        and second.unit.powers == first.unit.powers
        and 0 <= second.value.value * second.unit.factor < first.unit.factor
    )


def _scaled(value: Value, text: str, money: bool) -> tuple[Value, str]:
    """5 million is 5000000 and 2 thirds is 2/3: (value, unit without the words of the scale)."""
    first, _, rest = text.strip().partition(" ")
    while isinstance(value, EXPR) and (scale := _scale(first, money)):
        value = Num(value.value * scale) if isinstance(value, Num) else Op("mul", (value, Num(scale)))
        text = rest
        first, _, rest = text.strip().partition(" ")
    if first.lower() in FRACTIONS and isinstance(value, Num) and value.value.denominator == 1:
        return Num(value.value / FRACTIONS[first.lower()]), rest
    return value, text


def _scale(word: str, money: bool) -> Fraction | None:
    """The factor that a word after a number is; K, M and B only after a currency sign."""
    lower = word.lower()
    scale = SCALES.get(lower) or SHORT_SCALES.get(word) or (MONEY_SCALES.get(word) if money else None)
    return Fraction(scale) if scale else None


def _temperature(value: Expr, text: str) -> tuple[Expr, Unit]:
    """72^\\circ F is 72 of a unit of its own, no angle."""
    plain = text.strip().lower()
    name = TEMPERATURES.get(DEGREES.sub("", plain))
    if name is not None and name != TEMPERATURES.get(plain):
        return value, Unit(((f"degree {name}", 1),), Fraction(1))
    negative = isinstance(value, Op) and value.name == "neg"
    inner = value.args[0] if isinstance(value, Op) and negative else value
    if name is None or not (isinstance(inner, Op) and inner.name == "degree"):
        return value, parse_unit(text)
    degrees = Op("neg", inner.args) if negative else inner.args[0]
    return degrees, Unit(((f"degree {name}", 1),), Fraction(1))


def after_degree(c: Cursor) -> bool:
    """Whether the next token is the F or C of a temperature."""
    before = [t.text for t in c.tokens[max(c.i - 2, 0) : c.i]]
    return c.token.text in ("F", "C") and (before[-1:] in (["deg"], ["\\circ"]) or before == ["\\circ", "}"])


def bracketed_unit(c: Cursor) -> bool:
    """Whether a unit in parentheses begins here: (\\text{cm}^2), (days)."""
    if not c.at("("):
        return False
    first, depth = c.tokens[c.i + 1], 0
    if not (first.kind == "text" or (first.kind == "word" and find(first.text) is not None)):
        return False
    for token in c.tokens[c.i : c.i + 16]:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return True
        if token.kind not in ("text", "word", "num") and token.text not in ("(", "^", "{", "}", "/", "*"):
            return False
    return False


def _unit_ahead(c: Cursor, skip: int = 0) -> bool:
    """Whether a brace opens here and words follow it."""
    return c.tokens[c.i + skip].text == "{" and c.tokens[c.i + skip + 1].kind == "text"


def _unit_fraction(c: Cursor) -> str:
    """\\frac{\\text{m}}{\\text{s}} as m/s."""
    c.i += 1
    halves: list[str] = []
    for _ in range(2):
        c.take("{")
        words: list[str] = []
        while not c.at("}"):
            if c.token.kind not in ("text", "word", "sym", "num", "op"):
                raise ParseError("a fraction that is no unit")
            words.append(c.token.text)
            c.i += 1
        c.i += 1
        halves.append(" ".join(words))
    return f" {halves[0]} / {halves[1]}"


def _open(parts: list[str], closer: str) -> bool:
    """Whether the unit read so far has a bracket that this one closes."""
    opener = {"}": "{", ")": "("}[closer]
    return parts.count(opener) > parts.count(closer)
