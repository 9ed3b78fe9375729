"""Checking golds before anything is sampled: each must parse and equal itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from evals.records import Problem


@dataclass(frozen=True, slots=True)
class GoldIssue:
    """A problem whose gold the verifier cannot grade: no answer to it, however right, would count."""

    problem: str
    answer: str
    reason: str


def preflight(problems: Iterable[Problem]) -> list[GoldIssue]:
    """The problems whose gold, boxed as a response, the verifier does not find equal to itself."""
    from evals.verify import grade

    issues = []
    verdicts: dict[str, str | None] = {}
    for p in problems:
        if p.answer not in verdicts:
            verdict = grade(p.answer, f"\\boxed{{{p.answer}}}")
            verdicts[p.answer] = None if verdict.correct else (verdict.reason or verdict.stage or "not equal")
        if (reason := verdicts[p.answer]) is not None:
            issues.append(GoldIssue(p.id, p.answer, reason))
    return issues
