"""Grading one response: extract, decide, verdict. Never an exception, never late."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Literal

from evals.verify.context import Prove
from evals.verify.decide import Decision, decide
from evals.verify.extract import boxes, extract, extract_lenient, visible
from evals.verify.limits import MAX_LENGTH
from evals.verify.verdict import Answer, Verdict

Mode = Literal["reward", "eval"]


def grade(gold: str, response: str, mode: Mode = "reward", prove: Prove | None = None) -> Verdict:
    """Grade a response against the gold answer.

    mode "reward": strict only. "eval": also the lenient verdict (last-number fallback), kept apart.
    prove: the symbolic stage for what is left undecided; workers of `Grader` have it, here it is off.
    """
    start = time.perf_counter()
    strict = judge(gold, extract(response), prove)
    if mode == "eval":
        strict = with_lenient(gold, response, strict, prove)
    return _timed(strict, start)


def grade_answer(gold: str, answer: str) -> Verdict:
    """Grade an answer that was extracted already (by a reader of a log, by hand)."""
    start = time.perf_counter()
    return _timed(judge(gold, Answer(answer, "given")), start)


def format_reward(text: str) -> float:
    """1.0 if the visible response has a non-empty balanced box, 0.5 if its boxes differ, else 0.0."""
    seen = visible(text)
    found = boxes(seen) if seen is not None else []
    if not found or not (found[0][2] or "").strip():
        return 0.0
    return 0.5 if "multi_box" in extract(text).flags else 1.0


def judge(gold: str, found: Answer, prove: Prove | None = None) -> Verdict:
    """The verdict on an extracted answer, without its time."""
    if found.text is None or not found.text.strip():
        return Verdict(False, "extract", "no answer", found.text, found.route, flags=found.flags)
    return verdict(decide(gold, found.text, prove), found)


def verdict(decision: Decision, found: Answer) -> Verdict:
    """A decision and the answer it is about; undecided is not correct."""
    correct, stage, reason, gold_type, answer_type, flags = decision
    answer = found.text[:MAX_LENGTH] if found.text is not None else None
    return Verdict(
        bool(correct), stage, reason, answer, found.route, gold_type, answer_type, 0.0, (*found.flags, *flags)
    )


def with_lenient(gold: str, response: str, strict: Verdict, prove: Prove | None = None) -> Verdict:
    """The verdict with the lenient one beside it."""
    loose = extract_lenient(response) if strict.stage == "extract" else None
    lenient = judge(gold, loose, prove) if loose is not None and "lenient" in loose.flags else strict
    return replace(
        strict, lenient=lenient.correct, lenient_answer=lenient.answer, lenient_route=lenient.route
    )


def _timed(v: Verdict, start: float) -> Verdict:
    return replace(v, ms=(time.perf_counter() - start) * 1000)
