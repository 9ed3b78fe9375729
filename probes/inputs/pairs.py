"""Which checkpoints are compared with which."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from evals.checkpoints.runs import descends
from evals.core.errors import UserError

AGAINST = ("first", "parent", "all")


def pairs_of(
    checkpoints: Sequence[dict[str, Any]], against: str
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs (A, B) of checkpoint descriptions; A is the one before, B the one after.

    against: "first" sets every later checkpoint beside the first, "parent" each beside its parent by
    lineage, "all" every pair in the order given. UserError where there is no such pair.
    """
    if against not in AGAINST:
        raise UserError(f"--against {against!r} is not known; choose one of {', '.join(AGAINST)}")
    if len(checkpoints) < 2:
        return []
    if against == "first":
        return [(checkpoints[0], b) for b in checkpoints[1:]]
    if against == "all":
        return list(combinations(checkpoints, 2))
    return _by_lineage(checkpoints)


def _by_lineage(checkpoints: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    pairs = []
    for b in checkpoints:
        parents = (c for c in checkpoints if descends(b["lineage"], c["fingerprint"], c.get("tensors")))
        parent = next(parents, b)
        if parent is not b:
            pairs.append((parent, b))
    if not pairs:
        without = [c["name"] for c in checkpoints if not c["lineage"]]
        why = f"{without[0]} has no lineage" if without else "no one given is the parent of another"
        raise UserError(f"--against parent finds no pair: {why}; use --against first")
    return pairs
