"""Second readings of a response that the strict verdict refused: for evaluation, never for rewards.

Each is a route of its own. They say what a generous reader would count: the announced answer after the last
box, boxes that belong to one sentence, a comma for a decimal point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evals.verify.extract.announce import WINDOW, sentence
from evals.verify.extract.extraction import Box, boxes, one_sentence, outermost
from evals.verify.extract.thinking import visible
from evals.verify.grade import Answer
from evals.verify.limits import MAX_LENGTH

LAST_NUMBER = re.compile(r"(?<![A-Za-z])-?\$?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:/\d+)?|\.\d+)%?")
DELIMITERS = (("$$", "$$"), ("\\[", "\\]"), ("\\(", "\\)"), ("$", "$"))
TELLING = re.compile(r"\d|\\(?:infty|pi|sqrt|text|emptyset)|[<>=]")
PROSE = re.compile(r"[a-zA-Z]{2,}\s+(?:[a-zA-Z]{2,}|\$|\\[(\[])")
SHORT = 200
FLAG = ("lenient",)
ANNOUNCED = ("answer-is", "answer-line", "tag", "hash")
FINAL = re.compile(r"\bfinal\s+answer(?:\s+is\b\s*:?|\s*:)", re.IGNORECASE)
COMMA_NUMBER = re.compile(r"(?<![\w.,])[-+]?(?!0\d|[1-9]\d{0,2},\d{3}(?!\d))\d{1,12},\d{1,12}(?![\w,]|\.\d)")
NUMBER = re.compile(r"\d[\d.,]*\d|\d")
DECIMAL = re.compile(r"\$?[-+]?\$?\d{0,12}\.\d{1,12}\$?")
GOLD_COMMA = re.compile(r"\$?[-+]?(?:0,\d{2,12}|(?!0|[1-9]\d{0,2},\d{3}\$?$)\d{1,12},\d{2,12})\$?")


def readings(gold: str, response: str, strict: Answer) -> Iterator[tuple[str, Answer]]:
    """(gold, answer) for every further reading, the likeliest first.

    Where there is no answer: the whole text if it is short and has no words around it, then the last
    formula or number, whichever comes later. Where one was announced: the last formula or number of that.
    """
    text = visible(response)
    if text is None:
        return
    found: list[Answer] = []
    if strict.text is None:
        found = list(fallbacks(text))
    elif strict.route in ANNOUNCED:
        found = list(fallbacks(strict.text))[-1:]
    for answer in found:
        yield gold, answer
    if strict.route == "boxed":
        last = outermost(boxes(text))
        if announced := after_box(text, last):
            yield gold, announced
        if len(parts := one_sentence(text, last)) > 1:
            yield gold, Answer(" , ".join(parts), "one-sentence", FLAG)
    read = strict.text if strict.text is not None else found[0].text if found else None
    if read is not None:
        yield from decimal_comma(gold, read)


def fallbacks(text: str) -> Iterator[Answer]:
    """What a text without an announced answer may say: itself if it is short, its last formula or number."""
    if len(text) <= SHORT and not PROSE.search(text) and text.strip():
        yield Answer(text, "whole", FLAG)
    tail = text[-WINDOW:]
    number = None
    for number in LAST_NUMBER.finditer(tail):  # noqa: B007
        pass
    start, end = _last_formula(tail)
    if end and (number is None or number.start() < end):
        yield Answer(tail[start:end], "last-formula", FLAG)
    elif number:
        yield Answer(number.group(), "last-number", FLAG)


def _last_formula(text: str) -> tuple[int, int]:
    """Where the last formula that says something stands, without its delimiters; (0, 0): nowhere."""
    best = (0, 0)
    for opening, closing in DELIMITERS:
        place = 0
        while (start := text.find(opening, place)) >= 0:
            start += len(opening)
            end = text.find(closing, start)
            if end < 0:
                break
            if end > best[1] and TELLING.search(text, start, end):
                best = (start, end)
            place = end + len(closing)
    return best


def after_box(text: str, found: list[Box]) -> Answer | None:
    """The rest of a "final answer is" sentence that comes after the last box."""
    last = None
    for last in FINAL.finditer(text, found[0][1] if found else len(text)):  # noqa: B007
        pass
    if last is None:
        return None
    rest = sentence(text[last.end() : last.end() + 2 * MAX_LENGTH].lstrip()).strip().strip("*").strip()
    return Answer(rest, "after-box", FLAG) if rest and "\\boxed" not in rest else None


def decimal_comma(gold: str, answer: str) -> Iterator[tuple[str, Answer]]:
    """A decimal written with a comma: the answer's last number where the gold is a decimal, or the gold."""
    if GOLD_COMMA.fullmatch(gold.strip()):
        yield gold.replace(",", "."), Answer(answer, "decimal-comma", FLAG)
    if not DECIMAL.fullmatch(gold.strip()):
        return
    last = written = None
    for last in NUMBER.finditer(answer):  # noqa: B007
        pass
    for written in COMMA_NUMBER.finditer(answer):  # noqa: B007
        pass
    if last is not None and written is not None and written.end() == last.end():
        yield gold, Answer(written.group().replace(",", "."), "decimal-comma", FLAG)
