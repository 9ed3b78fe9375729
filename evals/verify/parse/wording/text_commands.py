"""\\text{…} and its kin: connectors, words, units, and mathematics written in them."""

from __future__ import annotations

import re
from typing import Any, Protocol

from evals.verify.limits import LimitError
from evals.verify.parse.braces import group_at, is_words
from evals.verify.parse.vocabulary import CALLED, FUNCTIONS, WORDS

CONNECTOR = re.compile(r"[\s,;]*(and|or)?[\s,;]*")
TEXT_SPACE = re.compile(r"~|\\[ ,;:!]|\s+")
NUMBER_THEN_WORDS = re.compile(r"(-?[\d.,/:]+)\s+([a-zA-Z].*)", re.DOTALL)
HALF_OF_DAY = re.compile(r"[ap]\.\s?m\.?", re.IGNORECASE)
BOLD = ("mathbf", "boldsymbol", "bm", "mathit", "mathcal", "mathscr", "mathfrak")
MICRO = ("m", "g", "s", "A", "F", "C", "V", "W", "T", "H", "L", "l", "M", "N", "J", "Pa", "mol", "Sv")
GREEK_UNITS = {"\\mu": "μ", "\\Omega": "Ω", "\\AA": "Å", "\\micro": "μ", "\\ohm": "Ω"}
GREEK_UNIT = re.compile(r"\\(?:mu|Omega|AA|micro|ohm)(?![A-Za-z])\s*")
PI_FIRST = re.compile(r"pi\b\s*(.*)", re.DOTALL)
SET_LETTER = re.compile(r"\s*([RZQNC])")
ROMAN_WORD = re.compile(r"\s*([A-Za-z]{2,})(?=\s*\})")


class Scanner(Protocol):
    """What collects tokens (`evals.verify.parse.tokens`)."""

    tokens: list[Any]

    def add(self, kind: str, text: str, spaced: bool, start: int) -> None:
        """Add a token."""

    def word(self, word: str, spaced: bool, start: int) -> None:
        """Add the tokens of a word of letters."""

    def scan(self, text: str, base: int, level: int) -> None:
        """Add the tokens of a text that begins at `base`."""

    def command(
        self, name: str, text: str, start: int, place: int, spaced: bool, base: int, level: int
    ) -> int:
        """Add the tokens of a LaTeX command; returns where to go on."""


def text_command(
    scanner: Scanner, name: str, text: str, place: int, spaced: bool, base: int, level: int
) -> int:
    """Add the tokens of a text command whose name ends at `place`; returns where to go on."""
    content, end = group_at(text, place)
    where = base + place
    if content is None:
        return _without_braces(scanner, name, text, place, spaced, base)
    inner = TEXT_SPACE.sub(" ", content).strip()
    if "\\" in inner:
        inner = GREEK_UNIT.sub(lambda m: GREEK_UNITS[m.group().strip()], inner)
    if scanner.tokens and scanner.tokens[-1][:2] == ("sym", "\\mu") and inner in MICRO:
        scanner.tokens.pop()
        inner = "μ" + inner
    if name in ("mathbb", "Bbb") and inner in ("R", "Z", "Q", "N", "C"):
        scanner.add("set", inner, spaced, where)
    elif not inner.strip("."):
        pass
    elif name in BOLD and len(inner) == 1 and inner.isalpha():
        scanner.word(inner, spaced, where)
    elif not _known(scanner, inner, spaced, where):
        _other(scanner, name, inner, spaced, where, level)
    return end


def _without_braces(scanner: Scanner, name: str, text: str, place: int, spaced: bool, base: int) -> int:
    """\\mathbb R and {\\rm cm}."""
    if name in ("mathbb", "Bbb") and (letter := SET_LETTER.match(text, place)):
        scanner.add("set", letter[1], spaced, base + place)
        return letter.end()
    if name == "rm" and (words := ROMAN_WORD.match(text, place)):
        scanner.add("text", words[1], spaced, base + place)
        return words.end()
    return place


def _known(scanner: Scanner, inner: str, spaced: bool, where: int) -> bool:
    """Connectors, percent, degrees, pi with what follows it, AM and PM."""
    if (connector := CONNECTOR.fullmatch(inner)) is not None:
        scanner.add("sep", connector[1] or ",", spaced, where)
    elif (mark := WORDS.get(inner.lower())) is not None:
        scanner.add("sep" if mark in ("and", "or") else "op", mark, spaced, where)
    elif (pi := PI_FIRST.fullmatch(inner)) is not None:
        scanner.add("const", "pi", spaced, where)
        if pi[1]:
            scanner.add("text", pi[1], True, where)
    elif HALF_OF_DAY.fullmatch(inner):
        scanner.add("text", inner.replace(".", "").replace(" ", ""), True, where)
    else:
        return False
    return True


def _other(scanner: Scanner, name: str, inner: str, spaced: bool, where: int, level: int) -> None:
    """Functions, a number and words, words, or mathematics."""
    called = inner in CALLED and (name == "operatorname" or (name == "mathrm" and inner != "min"))
    if inner in FUNCTIONS or called:
        scanner.command(inner, inner, 0, len(inner), spaced, where, level)
    elif (split := NUMBER_THEN_WORDS.fullmatch(inner)) is not None and level < 3:
        scanner.scan(split[1], where, level + 1)
        mark = WORDS.get(split[2].lower(), "")
        scanner.add("op" if mark in ("%", "deg") else "text", mark or split[2], True, where)
    elif is_words(inner):
        scanner.add("text", inner, spaced, where)
    elif level < 3:
        scanner.scan(inner, where, level + 1)
    else:
        raise LimitError("nesting")
