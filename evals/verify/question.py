"""What a question says, as far as a grade depends on it: whether it asks for a percentage, and which formulas
it holds, so that one of them is no answer to "simplify", "factor", "compute" or "solve".

A question is known before the response is read, so that nothing in here can be steered by a response.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

from evals.verify.golds import accepted, parse_gold
from evals.verify.parse.answers import Parsed, parse
from evals.verify.parse.vocabulary import NUMBER_WORDS, TENS
from evals.verify.tree import Matrix, Num, Op, Relation, Value

MAX_FORMULAS, MAX_FORMULA = 60, 400  # formulas of a question that are read, and characters of one
FORMULA = re.compile(r"\$\$(.+?)\$\$|\\\[(.+?)\\\]|\\\((.+?)\\\)|(?<!\\)\$(.+?)(?<!\\)\$", re.DOTALL)
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


def copied(gold: str, answer: str, question: str | None) -> bool:
    """Whether an answer is a formula of the question, in any spelling, that says the gold in another form.

    Numbers are no copies, nor are percentages and angles: questions give many of them.
    """
    given = parse(answer) if question else None
    if not isinstance(given, Parsed) or not _worked_on(given.value):
        return False
    if given.value not in _formulas(question or ""):
        return False
    golds = [parse_gold(one) for one in accepted(gold)]
    return all(isinstance(one, Parsed) and one.value != given.value for one in golds)


def _worked_on(value: Value) -> bool:
    """Whether a value is one that a task may give to be worked on."""
    if isinstance(value, Num):
        return value.place is None and value.value.denominator != 1  # 0.\\overline{5}
    if isinstance(value, Relation):
        return any(isinstance(side, Op) for side in value.sides)  # not x = 3, x > 4
    return isinstance(value, Matrix) or (
        isinstance(value, Op) and value.name not in ("percent", "degree", "neg")
    )


@lru_cache(maxsize=1024)
def _formulas(question: str) -> frozenset[Value]:
    """The values of a question's formulas, and the sides of its equations."""
    found: set[Value] = set()
    for match in islice(FORMULA.finditer(question[-MAX_QUESTION:]), MAX_FORMULAS):
        text = next(group for group in match.groups() if group)
        read = parse(text) if len(text) <= MAX_FORMULA else None
        if isinstance(read, Parsed):
            found.add(read.value)
            found.update(read.value.sides if isinstance(read.value, Relation) else ())
    return frozenset(found)
