"""Units of measure: their names, their conversion, and the words that are no units."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from evals.verify.tree import ParseError, Unit

F = Fraction
# name: (dimension, power, factor to the base unit)
KNOWN: dict[str, tuple[str, int, Fraction]] = {}


def _define(dimension: str, power: int, table: dict[str, Fraction]) -> None:
    for names, factor in table.items():
        for name in names.split():
            KNOWN[name] = (dimension, power, factor)


_define(
    "length",
    1,
    {
        "m meter metre": F(1),
        "km kilometer kilometre": F(1000),
        "cm centimeter centimetre": F(1, 100),
        "mm millimeter millimetre": F(1, 1000),
        "nm nanometer nanometre": F(1, 10**9),
        "inch inche in": F(254, 10000),
        "foot feet ft": F(3048, 10000),
        "yard yd": F(9144, 10000),
        "mile mi": F(1609344, 1000),
    },
)
_define("length", 2, {"acre": F(40468564224, 10**7), "hectare ha": F(10000)})
_define("length", 3, {"liter litre l": F(1, 1000), "ml milliliter millilitre": F(1, 10**6)})
_define("gallon", 1, {"gallon gal": F(1), "quart qt": F(1, 4), "pint pt": F(1, 8), "cup": F(1, 16)})
_define(
    "mass",
    1,
    {
        "g gram gm": F(1),
        "kg kilogram": F(1000),
        "mg milligram": F(1, 1000),
        "tonne": F(10**6),
        "pound lb": F(45359237, 10**5),
        "ounce oz": F(45359237, 16 * 10**5),
    },
)
_define(
    "time",
    1,
    {
        "s sec second": F(1),
        "ms millisecond": F(1, 1000),
        "min minute": F(60),
        "h hr hour": F(3600),
        "day": F(86400),
        "week": F(604800),
    },
)
_define("year", 1, {"year yr": F(1), "month": F(1, 12), "decade": F(10), "century": F(100)})
_define("usd", 1, {"usd dollar buck": F(1), "cent ¢": F(1, 100), "penny pennie": F(1, 100)})
_define("usd", 1, {"dime": F(1, 10), "nickel": F(1, 20)})
_define("angle", 1, {"rad radian": F(1)})
SPEED = {
    "mph": ("mile", "h"),
    "kph": ("km", "h"),
    "kmph": ("km", "h"),
    "kmh": ("km", "h"),
    "fps": ("foot", "s"),
}
PREFIXES = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
SUFFIXES = {"squared": 2, "cubed": 3}
SHORT = frozenset(
    "cm mm km nm kg mg lb lbs oz ft yd mi ml min hr hrs sec mph kph gm sq cu in ms am pm".split()
)
# Words that change what a number says: no unit has one of them.
NO_UNITS = frozenset(
    "dozen dozens hundred hundreds thousand thousands million millions billion billions trillion about "
    "around approximately approx roughly nearly almost circa or and not no nor never none least most more "
    "less than over under above below between through up if when unless except but wrong maybe perhaps "
    "possibly either neither minus plus times half double twice triple thrice score gross pair pairs couple "
    "percent is are was equals equal divided modulo base wait actually correct incorrect answer infinity "
    "infinite exactly only positive negative with without where for any all every some other ago before "
    "after remainder squared cubed root roots factorial choose inverse reciprocal point repeating recurring "
    "fold prime halves thirds fourths quarter quarters fifths sixths sevenths eighths ninths tenths "
    "hundredths thousandths tens ones".split()
)
PIECE = re.compile(
    r"\s*(?:(?P<word>[^\W\d_]+|¢)|\^\s*\{?\s*(?P<power>-?\d)\s*\}?|(?P<per>/|\bper\b)|(?P<times>[*·.,(){}-]))"
)


def looks_like_unit(word: str, spaced: bool) -> bool:
    """Whether a word after a number is a unit rather than a product of variables."""
    lower = word.lower()
    if lower in SHORT:
        return True
    if len(word) < 3 or not (spaced or lower.rstrip("s") in KNOWN):
        return False
    return any(vowel in lower for vowel in "aeiouy") and not _variables(word)


def _variables(word: str) -> bool:
    from evals.verify.parse.vocabulary import VARIABLE_GROUPS

    return len(word) < 5 and any(set(word) <= set(group) for group in VARIABLE_GROUPS)


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit:
    """The unit that words name: "square feet", "km/h", "ft^2", "dollars per day", "apples".

    Words that are not known keep their (singular) name and have no conversion.
    ParseError where a word is no unit at all ("dozen", "about", "or").
    """
    powers: dict[str, int] = {}
    factor = F(1)
    sign, pending, place, last = 1, 1, 0, None
    for match in PIECE.finditer(text):
        if match.start() != place:
            break
        place = match.end()
        if match["per"] or match["word"] == "per":
            sign = -1
        elif match["power"] and last:
            factor *= _multiply(powers, last, sign * (int(match["power"]) - 1))
        elif match["word"]:
            word = match["word"].lower()
            if word in NO_UNITS:
                raise ParseError(f"{word} is no unit")
            if word in PREFIXES:
                pending = PREFIXES[word]
            elif word in SUFFIXES and not last:
                raise ParseError(f"{word} is no unit")
            elif word in SUFFIXES and last:
                factor *= _multiply(powers, last, sign * (SUFFIXES[word] - 1))
            elif word in SPEED:
                factor *= _multiply(powers, SPEED[word][0], 1) * _multiply(powers, SPEED[word][1], -1)
            elif word not in ("of", "the", "a", "an", "each") and not (word == "in" and last):
                last = _singular(word)
                factor *= _multiply(powers, last, sign * pending)
                pending = 1
    if text[place:].strip() or not powers:
        raise ParseError("no unit")
    return Unit(tuple(sorted((name, p) for name, p in powers.items() if p)), factor)


def _singular(word: str) -> str:
    if word in KNOWN:
        return word
    for ending in ("s", "es"):
        if word.endswith(ending) and word[: -len(ending)] in KNOWN:
            return word[: -len(ending)]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") else word


def _multiply(powers: dict[str, int], name: str, power: int) -> Fraction:
    """Multiply a unit into `powers`; the factor that this brings."""
    dimension, per, factor = KNOWN.get(name, (name, 1, F(1)))
    powers[dimension] = powers.get(dimension, 0) + per * power
    return factor**power
