"""What a question asks for, as far as a grade depends on it: whether the answer is a percentage.

A question is known before the response is read, so that nothing in here can be steered by a response.
"""

from __future__ import annotations

import re
from functools import lru_cache

from evals.verify.parse.vocabulary import NUMBER_WORDS, TENS

MAX_QUESTION = 20_000  # characters looked at, from the end
PERCENT = r"(?:per\s?cent(?:age)?s?\b|pct\b|%)"
WANTED = re.compile(
    rf"\b(?:what|which|how\s+(?:many|much|large|big)|find|calculate|compute|determine|state|give|express\w*|"
    rf"estimate|write|report|by)\b[^.?!\n]{{0,100}}?\s(?P<percent>{PERCENT})"
    rf"|\b(?:as|in|nearest)\s+(?:an?\s+|the\s+)?(?:whole\s+)?(?P<form>{PERCENT})"
    r"|百分之几|百分之多少|百分比|百分率",
    re.IGNORECASE,
)
BEFORE = re.compile(r"(\S+)\s*$")
NUMBERS = frozenset((*NUMBER_WORDS, *TENS, "hundred"))


@lru_cache(maxsize=4096)
def asks_percent(question: str | None) -> bool:
    """Whether a question asks for a percentage: "what percentage of …", "… as a percent?".

    A percentage that the question gives ("what is 20 percent of 50?") is none that it asks for.
    """
    if not question:
        return False
    text = question[-MAX_QUESTION:]
    place = 0
    while match := WANTED.search(text, place):
        start = match.start("percent") if match["percent"] else match.start("form")
        before = BEFORE.search(text, max(0, start - 40), start) if start >= 0 else None
        if before is None or not _number(before[1]):
            return True
        place = start + 1
    return False


def _number(word: str) -> bool:
    """Whether a word is a number: 20, 12.5, twenty-five."""
    plain = word.strip("$\\(").lower()
    return plain[-1:].isdigit() or plain.rpartition("-")[2] in NUMBERS
