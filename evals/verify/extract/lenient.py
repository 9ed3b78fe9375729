"""Second readings of a response that the strict verdict refused: for evaluation, never for rewards.

Each is a route of its own. They say what a generous reader would count: the announced answer after the last
box, boxes that belong to one sentence, a comma for a decimal point.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evals.verify.extract.extraction import (
    Box,
    boxes,
    fallback,
    one_sentence,
    outermost,
    sentence,
    visible,
)
from evals.verify.grade import Answer
from evals.verify.limits import MAX_LENGTH

FLAG = ("lenient",)
FINAL = re.compile(r"\bfinal\s+answer(?:\s+is\b\s*:?|\s*:)", re.IGNORECASE)
COMMA_NUMBER = re.compile(r"(?<![\w.,])[-+]?(?!0\d|[1-9]\d{0,2},\d{3}(?!\d))\d{1,12},\d{1,12}(?![\w,]|\.\d)")
NUMBER = re.compile(r"\d[\d.,]*\d|\d")
DECIMAL = re.compile(r"\$?[-+]?\$?\d{0,12}\.\d{1,12}\$?")
GOLD_COMMA = re.compile(r"\$?[-+]?(?:0,\d{2,12}|(?!0|[1-9]\d{0,2},\d{3}\$?$)\d{1,12},\d{2,12})\$?")


def readings(gold: str, response: str, strict: Answer) -> Iterator[tuple[str, Answer]]:
    """(gold, answer) for every further reading, the likeliest first."""
    loose = fallback(response, strict)
    if loose is not strict:
        yield gold, loose
    text = visible(response)
    if text is None:
        return
    if strict.route == "boxed":
        found = outermost(boxes(text))
        if announced := after_box(text, found):
            yield gold, announced
        if len(parts := one_sentence(text, found)) > 1:
            yield gold, Answer(" , ".join(parts), "one-sentence", FLAG)
    if loose.text is not None:
        yield from decimal_comma(gold, loose.text)


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
