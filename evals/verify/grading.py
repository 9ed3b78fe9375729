"""Grading one response: extract, decide, verdict. Never an exception, never late."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from evals.verify.compare.context import Prove
from evals.verify.decide import decide
from evals.verify.extract.extraction import boxes, extract
from evals.verify.extract.lenient import readings
from evals.verify.extract.thinking import visible
from evals.verify.golds import ANY_OF, accepted
from evals.verify.grade import Answer, Grade
from evals.verify.limits import MAX_LENGTH, WORK
from evals.verify.question import asks_percent, copied

Mode = Literal["reward", "eval"]


def grade(
    gold: str,
    response: str,
    mode: Mode = "reward",
    prove: Prove | None = None,
    *,
    question: str | None = None,
) -> Grade:
    """Grade a response against the gold answer.

    mode "reward": strict only. "eval": also the lenient verdict (last-number fallback and the other
    readings of `lenient`), kept apart; it is never below the strict one.
    prove: the symbolic stage for what is left undecided; workers of `Grader` have it, here it is off.
    question: what was asked, where it is known; it says whether a percentage is wanted, and which formulas
    are copied from it.
    """
    start = time.perf_counter()
    strict, spent = judge(gold, extract(response), start, prove, question)
    return strict if mode == "reward" else with_lenient(gold, response, strict, spent, start, prove, question)


def grade_answer(gold: str, answer: str, *, question: str | None = None) -> Grade:
    """Grade an answer that was extracted already (by a reader of a log, by hand)."""
    return judge(gold, Answer(answer, "given"), time.perf_counter(), question=question)[0]


@lru_cache(maxsize=8192)
def unmatchable(gold: str) -> str | None:
    """Why only the gold's own wording would be right ('["204"]', an unclosed brace); None: more would be."""
    if ANY_OF in gold:
        reasons = [unmatchable(one) for one in accepted(gold)]
        return None if None in reasons else reasons[0]
    verdict = grade_answer(gold, gold + ".")  # the full stop is ignored, but the texts are not identical
    if verdict.stage == "text":
        return "does not parse: only the same wording would count"
    return None if verdict.correct else f"not equal to itself ({verdict.reason})"


def format_reward(text: str) -> float:
    """1.0 if the visible response has a non-empty balanced box, 0.5 if its boxes differ, else 0.0."""
    seen = visible(text)
    found = boxes(seen) if seen is not None else []
    if not found or not (found[0][2] or "").strip():
        return 0.0
    return 0.5 if "multi_box" in extract(text).flags else 1.0


def judge(
    gold: str, found: Answer, start: float, prove: Prove | None = None, question: str | None = None
) -> tuple[Grade, int]:
    """The verdict on an extracted answer, and the work it took; start: when the grading began."""
    if found.text is None or not found.text.strip():
        ms = (time.perf_counter() - start) * 1000
        return Grade(False, "extract", "no answer", found.text, found.route, ms=ms, flags=found.flags), 0
    decision = decide(gold, found.text, prove, asks_percent(question))
    if decision.correct and decision.stage != "identical" and copied(gold, found.text, question):
        decision = decision._replace(correct=False, reason="copied")
    correct, stage, reason, gold_type, answer_type, flags, spent = decision
    flags = (*found.flags, *flags) if flags else found.flags
    ms = (time.perf_counter() - start) * 1000
    text = found.text[:MAX_LENGTH]
    return Grade(bool(correct), stage, reason, text, found.route, gold_type, answer_type, ms, flags), spent


def with_lenient(
    gold: str,
    response: str,
    strict: Grade,
    spent: int,
    start: float,
    prove: Prove | None,
    question: str | None,
) -> Grade:
    """The verdict with the lenient one beside it; all readings together have the budget of one comparison
    (of which the strict one took `spent`), and the one that goes over it does not count."""
    lenient, flags = strict, strict.flags
    if not strict.correct:
        for meant, found in readings(gold, response, Answer(strict.answer, strict.route, strict.flags)):
            verdict, took = judge(meant, found, start, prove, question)
            spent += took
            if spent >= WORK:
                break
            if verdict.correct or (lenient is strict and strict.stage == "extract"):
                lenient = verdict
            if verdict.correct:
                break
            if verdict.reason == "undecided" and "undecided" not in flags:
                flags = (*flags, "undecided")
    return replace(
        strict,
        flags=strict.flags if lenient.correct else flags,
        ms=(time.perf_counter() - start) * 1000,
        lenient=lenient.correct,
        lenient_answer=lenient.answer,
        lenient_route=lenient.route,
    )
