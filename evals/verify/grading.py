"""Grading one response: extract, compare, verdict. Never an exception, never late."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Literal

from evals.verify.extract import boxes, extract, extract_lenient, visible
from evals.verify.limits import MAX_LENGTH
from evals.verify.numbers import plain_number
from evals.verify.verdict import Answer, Verdict

Mode = Literal["reward", "eval"]


def grade(gold: str, response: str, mode: Mode = "reward") -> Verdict:
    """Grade a response against the gold answer.

    mode "reward": strict only. "eval": also the lenient verdict (last-number fallback), kept apart.
    """
    start = time.perf_counter()
    strict = _judge(gold, extract(response))
    if mode == "eval":
        loose = extract_lenient(response)
        lenient = _judge(gold, loose) if "lenient" in loose.flags else strict
        strict = replace(
            strict, lenient=lenient.correct, lenient_answer=lenient.answer, lenient_route=lenient.route
        )
    return replace(strict, ms=(time.perf_counter() - start) * 1000)


def grade_answer(gold: str, answer: str) -> Verdict:
    """Grade an answer that was extracted already (by a reader of a log, by hand)."""
    start = time.perf_counter()
    verdict = _judge(gold, Answer(answer, "given"))
    return replace(verdict, ms=(time.perf_counter() - start) * 1000)


def format_reward(text: str) -> float:
    """1.0 if the visible response has a non-empty balanced box, 0.5 if its boxes differ, else 0.0."""
    seen = visible(text)
    found = boxes(seen) if seen is not None else []
    if not found or not (found[0][2] or "").strip():
        return 0.0
    return 0.5 if "multi_box" in extract(text).flags else 1.0


def _judge(gold: str, found: Answer) -> Verdict:
    if found.text is None or not found.text.strip():
        return Verdict(False, "extract", "no answer", found.text, found.route, flags=found.flags)
    correct, stage, reason = _decide(gold.strip(), found.text.strip())
    return Verdict(correct, stage, reason, found.text[:MAX_LENGTH], found.route, flags=found.flags)


def _decide(gold: str, answer: str) -> tuple[bool, str, str]:
    if gold == answer:
        return True, "identical", "equal"
    left, right = plain_number(gold), plain_number(answer)
    if left is not None and right is not None:
        return (True, "number", "equal") if left == right else (False, "number", "different")
    return False, "parse", "different"
