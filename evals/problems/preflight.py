"""Checking golds before anything is sampled: each must parse and equal itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from evals.records import Problem

WHOLE = re.compile(r"-?[1-9][0-9]{0,17}|0")


@dataclass(frozen=True, slots=True)
class GoldIssue:
    """A problem whose gold the verifier cannot grade as mathematics."""

    problem: str
    answer: str
    reason: str


def preflight(problems: Iterable[Problem]) -> list[GoldIssue]:
    """The problems whose gold does not parse, or which the verifier does not find equal to itself."""
    from evals.verify import unmatchable

    issues = []
    reasons: dict[str, str | None] = {}
    for p in problems:
        if WHOLE.fullmatch(p.answer):  # most golds: the verifier reads every such number
            continue
        if p.answer not in reasons:
            reasons[p.answer] = unmatchable(p.answer)
        if (reason := reasons[p.answer]) is not None:
            issues.append(GoldIssue(p.id, p.answer, reason))
    return issues


def golds_warning(problems: Collection[Problem]) -> str | None:
    """A sentence on the golds that only their own wording can match, with one of them; None where all can be
    graded."""
    if not (issues := preflight(problems)):
        return None
    return (
        f"the golds of {len(issues):,} of {len(problems):,} problems cannot be read, as "
        f"{issues[0].answer[:60]!r}: only the same wording would be right; see evals problems"
    )
