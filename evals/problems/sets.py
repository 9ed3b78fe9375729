"""A set of problems with the fingerprint of its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from evals.core.errors import UserError
from evals.records import Problem


@dataclass(frozen=True, slots=True)
class ProblemSet:
    """Distinct problems in order.

    name: the spec they were loaded by. fingerprint: 32 hex digits of their content (questions, golds and
    solutions, in order): never of a path, a name or a description. rest: distinct problems beyond the limit.
    """

    name: str
    fingerprint: str
    problems: tuple[Problem, ...]
    rest: int = 0


def problem_set(name: str, problems: Iterable[Problem], limit: int | None = None) -> ProblemSet:
    """The first `limit` distinct problems; the solutions of equal problems are put together.

    All of `problems` is read, so that the first problems get all of their solutions wherever they stand.
    Raises UserError where nothing is left.
    """
    if limit is not None and limit < 1:
        raise UserError(f"a limit of {limit} leaves no problem of {name}; give at least 1")
    first: dict[str, Problem] = {}
    solutions: dict[str, dict[str, None]] = {}  # dicts, for their order
    rest: set[str] = set()
    for problem in problems:
        if problem.id not in first:
            if limit is not None and len(first) >= limit:
                rest.add(problem.id)
                continue
            first[problem.id] = problem
            solutions[problem.id] = {}
        solutions[problem.id].update(dict.fromkeys(problem.solutions))
    if not first:
        raise UserError(f"{name} has no problems; give a file or split with at least one")
    kept = tuple(
        p if len(p.solutions) == len(solutions[i]) else replace(p, solutions=tuple(solutions[i]))
        for i, p in first.items()
    )
    return ProblemSet(name, _fingerprint(kept), kept, len(rest))


def _fingerprint(problems: tuple[Problem, ...]) -> str:
    digest = hashlib.sha256(b"problems")
    for p in problems:
        line = json.dumps([p.question, p.answer, p.solutions], ensure_ascii=False, separators=(",", ":"))
        digest.update(line.encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()[:32]
