"""Units of measure: what words after a number say, and the words that are no units."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from evals.verify.parse.measures.table import AREAS, CJK_COUNTED, FOREIGN, Known, names, nouns, symbols
from evals.verify.parse.vocabulary import FRACTIONS, NUMBER_WORDS, SCALES, TENS, VARIABLE_GROUPS
from evals.verify.tree import ParseError, Unit

ONE = Fraction(1)
PREFIXES = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
SUFFIXES = {"squared": 2, "cubed": 3}
SHORT = frozenset(
    (
        "GHz Hz MHz MJ MW MeV Pa am atm cc cl cm cu dB dl dm eV ft gm ha hr hrs hz in kHz kJ kL kN kPa kV "
        "kW kWh keV kg km kph lb lbs mA mL mV mg mi min ml mm mol mph ms nm oz pm rpm sec sq yd"
    ).split()
)
FILLERS = ("of", "the", "a", "an", "each", "total", "altogether", "in")
ADJECTIVES = frozenset(
    (
        "additional big black blue brown chinese different distinct english extra fluid free full green "
        "her his identical integer its large light long nautical new old open pink possible purple real "
        "red short small such their total unique us valid white whole yellow young"
    ).split()
)
# Words that change what a number says: no unit has one of them, and no gold excuses them.
NO_UNITS = frozenset(
    (
        "about above actually after ago all almost and answer any approx approximately are around base "
        "before below between billions but choose circa correct couple cubed divided double dozen dozens "
        "either equal equals every exactly except factorial first fold for gross hundreds if incorrect "
        "infinite infinity inverse is least less maybe mil mille millions minus modulo more most "
        "multiplied nearly negative neither never no none nor not ones only or other over pair pairs "
        "percent perhaps permille plus point positive possibly prime promille reciprocal recurring "
        "remainder repeating root roots roughly score some squared tens than thousands thrice through "
        "times triple twice under unless up versus vs wait was when where with without wrong"
    ).split()
) | frozenset((*NUMBER_WORDS, *TENS, *SCALES, *FRACTIONS))
DANGLING = re.compile(r"(?:\bper|/)\W*$")
VALUES = ("i", "e", "k")  # single letters in \text{} that are numbers or a scale rather than a unit
KINDS = re.compile(
    r"^\s*(?:positive|negative|prime|real|odd|even|distinct)\s+(?=(?:integer|number|solution|root|value|divisor|factor|prime)s?\b)"
)
PIECE = re.compile(
    r"\s*(?:(?P<word>[^\W\d_]+|[¢Ω])|\^\s*\{?\s*(?P<power>-?\d)\s*\}?|(?P<per>/|\bper\b)|(?P<times>[*·.,(){}-]))"
)


def looks_like_unit(word: str, spaced: bool) -> bool:
    """Whether a word after a number is a unit rather than a product of variables."""
    lower = word.lower()
    if word in SHORT or lower in SHORT:
        return True
    if len(word) < 3 or not (spaced or find(word) is not None):
        return False
    return any(vowel in lower for vowel in "aeiouy") and not _variables(word)


def _variables(word: str) -> bool:
    return len(word) < 5 and any(set(word) <= set(group) for group in VARIABLE_GROUPS)


@lru_cache(maxsize=4096)
def find(word: str) -> Known | None:
    """A known unit: a symbol in its case, a name in any case and number, a counted thing.

    A symbol in the wrong case is known too where nothing else is meant (Km, KG), not where the case decides
    (MM is neither mm nor Mm).
    """
    if (known := symbols().get(word)) is not None:
        return known
    lower = word.lower()
    for name in (lower, *_singulars(lower)):
        if name in names():
            return names()[name]
    if lower in nouns() or any(name + "s" in nouns() or name in nouns() for name in _singulars(lower)):
        return ((_singular(lower), 1),), ONE
    if (
        lower + "s" in nouns()
        or lower + "es" in nouns()
        or (lower[-1:] == "y" and lower[:-1] + "ies" in nouns())
    ):
        return ((lower, 1),), ONE
    if lower in symbols() and not word.startswith("M") and len(word) > 1:
        return symbols()[lower]
    if word.isascii():
        return None
    return _foreign(word)


def _foreign(word: str) -> Known | None:
    for prefix, power in AREAS.items():
        if word.startswith(prefix) and (inner := FOREIGN.get(word[len(prefix) :])):
            known = find(inner)
            return known and (tuple((n, p * power) for n, p in known[0]), known[1] ** power)
    if word in FOREIGN:
        name = FOREIGN[word]
        return find(name) if name else (((word, 1),), ONE)
    return (((word, 1),), ONE) if word in CJK_COUNTED else None


@lru_cache(maxsize=1024)
def parse_unit(text: str) -> Unit:
    """The unit that words name: "square feet", "km/h", "ft^2", "dollars per day", "apples".

    Words that are not known keep their (singular) name, have no conversion, and make the unit unknown: it
    counts only where the gold has it too. ParseError where a word is no unit at all ("dozen", "about", "or").
    """
    powers: dict[str, int] = {}
    factor, known = ONE, True
    sign, pending, place, last = 1, 1, 0, None
    text = KINDS.sub("", text)
    for match in PIECE.finditer(text):
        if match.start() != place:
            break
        place = match.end()
        word = match["word"] or ""
        lower = word.lower()
        if match["per"] or lower == "per":
            sign = -1
        elif match["power"] and last:
            factor *= _multiply(powers, last, sign * (int(match["power"]) - 1))
        elif lower in PREFIXES:
            pending = PREFIXES[lower]
        elif lower in SUFFIXES:
            if last is None:
                raise ParseError(f"{word} is no unit")
            factor *= _multiply(powers, last, sign * (SUFFIXES[lower] - 1))
        elif lower in NO_UNITS or word in VALUES:
            raise ParseError(f"{word} is no unit")
        elif word and not _passed_over(word, last):
            last = find(word)
            if last is None:
                known = known and len(word) == 1 and word.isascii()
                last = ((word if len(word) == 1 else _singular(lower), 1),), ONE
            factor *= _multiply(powers, last, sign * pending)
            pending = 1
    if text[place:].strip() or not powers or DANGLING.search(text):
        raise ParseError("no unit")
    return Unit(tuple(sorted((name, p) for name, p in powers.items() if p)), factor, known)


def _passed_over(word: str, last: Known | None) -> bool:
    """Whether a word says nothing of the unit: "of the", "different"; "in" is inches where it comes first."""
    if word == "in":
        return last is not None
    return word in FILLERS or word.lower() in ADJECTIVES


def _singulars(word: str) -> list[str]:
    """What a plural may be the plural of."""
    found = [word[: -len(ending)] for ending in ("s", "es") if word.endswith(ending) and len(word) > 2]
    if word.endswith("ies"):
        found.append(word[:-3] + "y")
    return found


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("xes", "ches", "shes", "sses", "zes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and len(word) > 3 and not word.endswith("ss") else word


def _multiply(powers: dict[str, int], unit: Known, power: int) -> Fraction:
    """Multiply a unit into `powers`; the factor that this brings."""
    dimensions, factor = unit
    for name, exponent in dimensions:
        powers[name] = powers.get(name, 0) + exponent * power
    return factor**power
