r"""Work shown: whether a right answer comes with a derivation, by rules on the text alone.

The rules, in order. What only states the answer is taken out: boxed expressions, `#### ...` lines, sentences
that announce ("the answer is ...", "Answer: ..."), empty thinking tags, and lines of the question itself. Of
what is left, work is shown by a step (an operation between two operands, or a relation with a coefficient on
one side: `3 + 4`, `2x = 10`, `\frac{a}{b}`; not a bare `x = 7`), or by PROSE different words. Whether the
work is right, or was used, no rule on the text can say (2506.14245 asks a model, whose verdicts `verdicts`
reads): read the share as a lower bound of the right answers without a valid derivation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.estimators.passk import pass_at_k
from evals.core.errors import UserError
from evals.problems.files import read_rows
from probes.inputs.sources import Source
from probes.measures.paired import Measure

PLACE = "checkpoint, problem and index"
SAID = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}
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


def work_table(samples: pd.DataFrame, judged: pd.Series | None = None, prefix: str = "") -> pd.DataFrame:
    """Per problem: right samples, those of them without work, and pass@k of right samples with work.

    samples: one row per sample with problem, text, correct (and question where known). judged: a judge's
    verdict by the samples' key, in place of the rules. Columns right, no_work (numbers), work_pass_1 and
    work_pass_k with k = `work_k` of the smallest n (CoT-pass@k), after the prefix. Index: problem.
    """
    right = samples["correct"].to_numpy(bool)
    work = np.zeros(len(samples), bool)
    some = samples[right]
    if judged is None:
        asked = some["question"] if "question" in some.columns else [""] * len(some)
        work[right] = [
            work_shown(str(t or ""), str(q or "")) for t, q in zip(some["text"], asked, strict=True)
        ]
    else:
        work[right] = judged.loc[some["key"]].to_numpy(bool)
    rows = pd.DataFrame({"problem": samples["problem"], "right": right, "work": work})
    by = rows.groupby("problem", sort=True)
    n, c = by.size().to_numpy(), by["work"].sum().to_numpy()
    rates = pass_at_k(n, c, [1, work_k(int(n.min()))])
    counted = by["right"].sum()
    found = {
        "right": counted.astype(float),
        "no_work": (counted - by["work"].sum()).astype(float),
        "work_pass_1": rates[:, 0],
        "work_pass_k": rates[:, 1],
    }
    return pd.DataFrame(found).add_prefix(prefix)


def work_tables(
    source: Source, samples: Mapping[str, pd.DataFrame], judge: pd.Series | None = None
) -> dict[str, pd.DataFrame]:
    """`work_table` of every checkpoint by the rules and, where there is one, by the judge (JUDGED)."""
    problems = source.store.problems() if source.store is not None else {}
    asked = {i: p.question for i, p in problems.items()}
    out = {}
    for name, frame in samples.items():
        frame = frame.assign(question=frame["problem"].map(asked).fillna(""))
        table = work_table(frame)
        out[name] = table if judge is None else table.join(work_table(frame, judge, "judged_"))
    return out


def work_measures(n: int, judged: bool = False) -> list[Measure]:
    """The measures of `work_tables` where the smallest number of samples is n."""
    k = work_k(n)
    ways = [("", "without work shown", "with work shown")]
    ways += [("judged_", "that the judge refuses", "passed by the judge")] if judged else []
    return [
        measure
        for prefix, without, shown in ways
        for measure in (
            Measure(f"{prefix}no_work", f"right answers {without}", "rate", over=f"{prefix}right"),
            Measure(f"{prefix}work_pass_1", f"pass@1, right and {shown}", "rate"),
            Measure(f"{prefix}work_pass_k", f"pass@{k}, right and {shown}", "rate"),
        )
    ]


def guess_floors(source: Source) -> list[dict[str, Any]]:
    """The guess floor of every checkpoint that has one, as estimates: what luck alone gets right."""
    return [
        {"checkpoint": d["name"], "measure": "guess_floor", "label": "guess floor", "estimate": float(floor)}
        for d in source.checkpoints
        if (floor := (d["report"] or {}).get("guess_floor")) is not None
    ]


def verdicts(path: Path, samples: Mapping[str, pd.DataFrame]) -> pd.Series:
    """A judge's verdicts by the samples' key: True where it takes the derivation for valid.

    path: CSV, JSON lines or parquet with a column valid (true or false, 1 or 0) and key, or checkpoint,
    problem and index. samples: the samples of every checkpoint (key, problem, index, correct). UserError for
    a sample that is not here or is judged twice, a verdict that is none, and a right answer without one.
    """
    frame = pd.DataFrame([row | {"where": where} for where, row in read_rows(path)])
    whole = pd.concat(samples, names=["checkpoint", None]).reset_index(level=0)
    by = ["key"] if "key" in frame.columns else ["checkpoint", "problem", "index"]
    if missing := [c for c in (*by, "valid") if c not in frame.columns]:
        raise UserError(f"{path} has no column {missing[0]!r}; verdicts need valid and key (or {PLACE})")
    known, given = (f[by].astype(str).agg("\0".join, axis=1) for f in (whole, frame))
    said = frame["valid"].astype(str).str.strip().str.lower().map(SAID)
    for wrong, what in (
        (said.isna(), "valid is neither true nor false; write true or false"),
        (given.duplicated(), "this sample is judged twice; keep one verdict"),
        (~given.isin(set(known)), "there is no such sample here; judge those of `evals export`"),
    ):
        if wrong.any():
            raise UserError(f"{frame['where'][wrong].iloc[0]}: {what}")
    found = known.map(dict(zip(given, said, strict=True)))
    if lacking := int((whole["correct"].to_numpy(bool) & found.isna()).sum()):
        raise UserError(f"{path} has no verdict on {lacking:,} right samples; judge all right samples")
    return pd.Series(found.to_numpy(), index=whole["key"]).dropna().astype(bool)


def work_k(n: int) -> int:
    """The k at which passes with work are counted: the largest power of two up to n / 2, at least 1."""
    return 1 << max(n // 2, 1).bit_length() - 1
