"""Diversity of samples: texts, answers and solution paths, at equal numbers of samples."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

_NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
_EQUATION = re.compile(rf"({_NUMBER})\s*([-+*/x×÷·])\s*({_NUMBER})\s*=\s*\$?({_NUMBER})")
_WORD = re.compile(r"\d|[^\W\d_]+|[^\w\s]")
_OPS = {"x": "*", "×": "*", "·": "*", "÷": "/"}
LONGEST = 20_000  # characters of a sample that are read


def words(text: str) -> list[str]:
    """Words, single digits and marks of a text: what n-grams are made of."""
    return _WORD.findall(text[:LONGEST].lower())


def path(text: str) -> tuple[str, ...]:
    """The solution path: its parsed equations `a op b = c` in order, numbers without separators.

    GSM8K's calculator marks <<...>> are read as what they enclose. () where no equation is found.
    """
    plain = re.sub(r"<<[^<>]*>>", "", text[:LONGEST])
    found = []
    for a, op, b, c in _EQUATION.findall(plain):
        found.append(f"{_plain(a)}{_OPS.get(op, op)}{_plain(b)}={_plain(c)}")
    return tuple(found)


def _plain(number: str) -> str:
    number = number.replace(",", "")
    return re.sub(r"\.0*$|(?<=\.\d)0+$", "", number) if "." in number else number


def distinct(texts: Sequence[Sequence[str]], n: int) -> float:
    """distinct-n: different n-grams over all n-grams of these texts (1510.03055); nan where none is.

    Falls with the amount of text: compare equal numbers of samples only.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        seen.update(tuple(text[i : i + n]) for i in range(len(text) - n + 1))
    total = sum(seen.values())
    return len(seen) / total if total else math.nan


def bleu(hypothesis: Sequence[str], reference: Sequence[str], order: int = 4) -> float:
    """Sentence BLEU up to `order`-grams with add-one smoothing above unigrams (Lin and Och 2004).

    1 for identical texts; 0 where not even a word is shared or one is empty.
    """
    if not hypothesis or not reference:
        return 0.0
    logs = []
    for n in range(1, order + 1):
        ours = Counter(tuple(hypothesis[i : i + n]) for i in range(len(hypothesis) - n + 1))
        theirs = Counter(tuple(reference[i : i + n]) for i in range(len(reference) - n + 1))
        match, total = sum((ours & theirs).values()), sum(ours.values())
        if n > 1:
            match, total = match + 1, total + 1
        if match == 0:
            return 0.0
        logs.append(math.log(match / total))
    brevity = min(0.0, 1 - len(reference) / len(hypothesis))
    return math.exp(brevity + sum(logs) / order)


def self_bleu(texts: Sequence[Sequence[str]], pairs: int, rng: np.random.Generator) -> float:
    """Mean BLEU over at most `pairs` sampled pairs of samples, either way round (1802.01886, by pairs)."""
    if len(texts) < 2:
        return math.nan
    every = list(combinations(range(len(texts)), 2))
    if len(every) > pairs:
        every = [every[i] for i in rng.choice(len(every), pairs, replace=False)]
    return float(np.mean([(bleu(texts[i], texts[j]) + bleu(texts[j], texts[i])) / 2 for i, j in every]))
