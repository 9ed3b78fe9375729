"""Which part of a sample's text is the response that is graded: neither more than was asked, nor less.

A base model in plain text does not know that it is done: it answers and goes on to a problem of its own, with
an answer of its own. And a prompt may open what the response only closes: thinking, or a prefix.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from evals.asking.templates import template
from evals.core.errors import UserError
from evals.verify.extract.thinking import tags, visible

RAN_ON = "ran_on"  # flag of a grade: what came after the response was not graded
BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
HASH = re.compile(r"####[ \t]*\S[^\n]*")
PHRASE = re.compile(r"\b(?:[Aa]nswer|ANSWER)\s+(?:is|IS)\b")
DIGIT = re.compile(r"\d")
BLANK = re.compile(r"\n[ \t]*\n")
NEXT = re.compile(r"(?<!\w)(?:Question|Problem|Exercise|Example|Q)[ \t]*(?:#?\d+[ \t]*[:.)]|:)")
MAX_BOX = 4096  # characters in which a box must close
MAX_OPEN = 16  # boxes that do not close, before the search for one that does is given up


@dataclass(frozen=True, slots=True)
class Reading:
    """How the texts of a cell are read.

    before: text that the prompt gave the response already. plain: no chat ended the response. shots: worked
    problems stood before it, so its form is known. opening, between: how those begin and are separated.
    """

    before: str = ""
    plain: bool = False
    shots: int = 0
    opening: str = ""
    between: str = "\n\n"


def reading_of(info: Mapping[str, Any]) -> Reading:
    """The reading of a cell by its description; samples of other tools are read as they are."""
    if "prompt_form" not in info:
        return Reading()
    before = str(info.get("prefix") or "") or _open_thinking(str(info.get("prompt") or ""))
    if info.get("chat"):
        return Reading(before)
    try:
        used = template(str(info.get("template")))
    except UserError:  # a file of the user's that is gone
        return Reading(before, True, int(info.get("shots") or 0))
    return Reading(before, True, int(info.get("shots") or 0), used.opening, used.between)


def response_of(text: str, reading: Reading) -> tuple[str, bool]:
    """(what is graded of a sample's text, whether it ran on beyond that)."""
    whole = reading.before + text
    if not reading.plain:
        return whole, False
    said = visible(whole)
    if said is None:
        return whole, False
    start = len(whole) - len(said)
    end = _end(said, reading)
    return whole[: start + end], bool(said[end:].strip())


def _end(text: str, reading: Reading) -> int:
    """Where a response in plain text ends: with the block of its first completed answer.

    After worked problems a block ends as theirs do, and the opening of a next one ends a response without
    any answer too. Without them only a next problem after the answer does.
    """
    places = [len(text)]
    opening = f"\n{reading.opening}" if reading.opening else None
    if reading.shots and opening and (place := text.find(opening)) >= 0:
        places.append(place)
    answered = _answered(text)
    if answered is None:
        return min(places)
    if match := NEXT.search(text, answered):
        places.append(match.start())
    if opening and (place := text.find(opening, answered)) >= 0:
        places.append(place)
    if reading.shots:
        if match := BLANK.search(text, answered):
            places.append(match.start())
        if reading.between.strip() and (place := text.find(reading.between, answered)) >= 0:
            places.append(place)
    return min(places)


def _answered(text: str) -> int | None:
    """Where the first completed answer ends: a box, a line after ####, else an "answer is" with a number."""
    closed = (_closed(text, match.end()) for match in islice(BOX.finditer(text), MAX_OPEN))
    ends = [next((end for end in closed if end is not None), None)]
    ends.append(match.end() if (match := HASH.search(text)) else None)
    if known := [end for end in ends if end is not None]:
        return min(known)
    return _announced(text)


def _announced(text: str) -> int | None:
    """Where the first line ends that has a number after an "answer is"; no line is read twice."""
    end = -1
    for match in PHRASE.finditer(text):
        if match.end() > end:
            end = text.find("\n", match.end()) % (len(text) + 1)  # -1: the last line ends with the text
            if DIGIT.search(text, match.end(), end):
                return end
    return None


def _closed(text: str, start: int) -> int | None:
    """The place after the brace that closes a box of which the content starts here; None where none does."""
    depth = 1
    for place in range(start, min(len(text), start + MAX_BOX)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if depth == 0:
                return place + 1
    return None


def _open_thinking(prompt: str) -> str:
    """The tag that a prompt leaves open for the response to close, or an empty text."""
    pairs = tags(os.environ.get("EXCURSIONS_THINKING_TAGS", ""))
    return next((opening for opening, _ in pairs if prompt.rstrip().endswith(opening)), "")
