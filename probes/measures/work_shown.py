r"""Work shown: whether a right answer comes with a derivation, by rules on the text alone.

The rules, in order. What only states the answer is taken out: boxed expressions, `#### ...` lines, sentences
that announce ("the answer is ...", "Answer: ..."), empty thinking tags, and lines of the question itself. Of
what is left, work is shown by a step (an operation between two operands, or a relation with a coefficient on
one side: `3 + 4`, `2x = 10`, `\frac{a}{b}`; not a bare `x = 7`), or by PROSE different words. Whether the
work is right, or was used, no rule on the text can say (2506.14245 asks a model): read the share as a lower
bound of the right answers without a valid derivation.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from analysis.estimators.passk import pass_at_k

PROSE = 12  # different words that make a derivation without any formula
LONGEST = 20_000  # characters of a sample that are read
_TAGS = re.compile(r"</?(?:think|answer|reasoning|solution)>", re.IGNORECASE)
_ANNOUNCES = re.compile(r"\b(?:answer|result|solution)\b[ \t]{0,4}(?:is|are|=|:)", re.IGNORECASE)
_BEFORE, _AFTER = 80, 120  # characters of an announcing sentence on either side
_END = re.compile(r"\.(?!\d)|\n|\Z")
_HASHES = re.compile(r"^[ \t]*####.*$", re.MULTILINE)
_OPERAND = r"(?:\d[\d,.]*|\b[a-zA-Z]\b|\)|\})"
_STEP = re.compile(
    rf"{_OPERAND}\s*(?:[+*/×÷·^−]|-(?=\s*[\d(a-z\\])|\\(?:times|cdot|div|pm)\b)\s*\$?\s*(?:[\d(a-zA-Z\\{{])"
    r"|\d[a-zA-Z]\b\s*(?:=|<|>|\\le|\\ge)|\\(?:frac|sqrt|sum|int|binom|log|sin|cos|tan)\b"
)
_WORD = re.compile(r"[^\W\d_]{2,}")


def bare(text: str, question: str = "") -> str:
    """What is left of a response without what only states its answer, and without lines of the question."""
    left = _without_boxes(_TAGS.sub(" ", text[:LONGEST]))
    left = _without_announcements(_HASHES.sub("", left))
    asked = {_line(line) for line in question.splitlines()} - {""}
    return "\n".join(line for line in left.splitlines() if _line(line) not in asked)


def work_shown(text: str, question: str = "") -> bool:
    """Whether a response shows a derivation by the rules above. Linear in the text, which is never run."""
    left = bare(text, question)
    return bool(_STEP.search(left)) or len({w.lower() for w in _WORD.findall(left)}) >= PROSE


def _line(line: str) -> str:
    return " ".join(line.split()).lower()


def _without_boxes(text: str) -> str:
    """Boxed expressions taken out with their braces, which may be nested; an open box ends with the text."""
    out, at = [], 0
    for found in re.finditer(r"\\f?boxed\s*\{", text):
        if found.start() < at:
            continue
        out.append(text[at : found.start()])
        depth, at = 1, found.end()
        while at < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
    return " ".join([*out, text[at:]])


def _without_announcements(text: str) -> str:
    """Sentences taken out that say what the answer is; longer ones stay: they say more."""
    out, at = [], 0
    for found in _ANNOUNCES.finditer(text):
        if found.start() < at:
            continue
        since = max(at, found.start() - _BEFORE)
        start = max(since, 1 + max(text.rfind(mark, since, found.start()) for mark in ".!?\n"))
        end = _END.search(text, found.end(), found.end() + _AFTER + 1)
        if end is not None and (end.end() > end.start() or end.end() == len(text)):
            out.append(text[at:start])
            at = end.end()
    return "\n".join([*out, text[at:]])


def work_table(samples: pd.DataFrame) -> pd.DataFrame:
    """Per problem: right samples, those of them without work, and pass@k of right samples with work.

    samples: one row per sample with problem, text, correct (and question where known). Columns right,
    no_work (numbers), work_pass_1 and work_pass_k with k = `work_k` of the smallest n: CoT-pass@k in which
    the rules stand for the judge. Index: problem.
    """
    right = samples["correct"].astype(bool)
    asked = samples["question"] if "question" in samples.columns else pd.Series("", index=samples.index)
    shown = [work_shown(str(t or ""), str(q or "")) for t, q in zip(samples["text"], asked, strict=True)]
    rows = pd.DataFrame(
        {"problem": samples["problem"], "right": right, "work": right & np.array(shown, bool)}
    )
    by = rows.groupby("problem", sort=True)
    n, c = by.size().to_numpy(), by["work"].sum().to_numpy()
    rates = pass_at_k(n, c, [1, work_k(int(n.min()))])
    counted = by["right"].sum()
    return pd.DataFrame(
        {
            "right": counted.astype(float),
            "no_work": (counted - by["work"].sum()).astype(float),
            "work_pass_1": rates[:, 0],
            "work_pass_k": rates[:, 1],
        }
    )


def work_k(n: int) -> int:
    """The k at which passes with work are counted: the largest power of two up to n / 2, at least 1."""
    return 1 << max(n // 2, 1).bit_length() - 1
