"""What a gold stands for: a plain answer, or the answer that a whole solution ends with.

Golds are trusted, so that they are read with more patience than answers: an unclosed box, boxes with words
between them, a percent sign after the box, a chain of which only the end parses.
"""

from __future__ import annotations

import re

from evals.verify.extract.extraction import boxes, extract, one_sentence, outermost
from evals.verify.limits import remembered
from evals.verify.parse.answers import Failure, Parsed, parse

ANY_OF = " ⟨or⟩ "  # stands between the answers of a gold that any one of them meets
OPEN_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}|[,;]")
PERCENT = re.compile(r"[}\s$]*(?:\\?%|\\text\{\s*percent\s*\}|percent\b)")


def accepted(gold: str) -> list[str]:
    """The answers any one of which is right: mostly the gold alone."""
    return [one.strip() for one in gold.split(ANY_OF)]


@remembered(2048)
def parse_gold(gold: str) -> Parsed | Failure:
    """The parsed gold."""
    if "\\boxed" in gold or "\\fbox" in gold:
        return parse(_boxed(gold))
    parsed = parse(gold)
    if isinstance(parsed, Failure) and (found := extract(gold).text):
        parsed = parse(found)
    if isinstance(parsed, Failure) and parsed.reason == "parse" and "=" in gold and not PROSE.search(gold):
        last = parse(gold.rpartition("=")[2].strip(" $"))
        return last if isinstance(last, Parsed) else parsed
    return parsed


def _boxed(gold: str) -> str:
    """The text of a gold's box, or of its last boxes."""
    found = outermost(boxes(gold))
    if not found:
        opened = None
        for opened in OPEN_BOX.finditer(gold):  # noqa: B007
            pass
        return gold[opened.end() :].rstrip(" $.") if opened else gold
    parts = one_sentence(gold, found)
    if len(parts) > 1:
        return " , ".join(parts)
    text = extract(gold).text or gold
    return f"{text} \\%" if PERCENT.match(gold, found[0][1]) and "%" not in text else text
