"""The page's data: compressed parts that a browser unpacks when they are needed.

A part is JSON, deflated, in base64: nothing in it can end the element that carries it or be taken for
markup. Problems stand in an index that is read at once; their samples in parts of about a megabyte.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from reports.page.problems import ProblemSet

PART = 1_000_000  # characters of JSON in one part of samples
BUDGET = 20_000_000  # bytes of base64 for all samples of a page
MOST = 64  # samples of one problem and checkpoint


def packed(value: Any) -> str:
    """JSON, deflated, base64. Characters that cannot stand in UTF-8 become the replacement character."""
    return _packed(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 6)).decode("ascii")


def payload(sets: list[ProblemSet], budget: int = BUDGET) -> tuple[str, list[str], str | None]:
    """(index, parts, note). As many samples of each problem as fit into the budget, halved until they do."""
    largest = max((_largest(s) for s in sets), default=1)
    most = max(1, min(MOST, largest))
    while True:
        parts, places, full = _parts(sets, most, budget)
        if full or most == 1:
            break
        most //= 2
    index = [_index(held, where) for held, where in zip(sets, places, strict=True)]
    note = None
    if not full:
        note = "The page holds samples of the first problems only, so as to stay small."
    elif most < largest:
        note = f"The page holds at most {most} samples of each problem and checkpoint, so as to stay small."
    return packed(index), parts, note


def _index(held: ProblemSet, places: list[tuple[int, int] | None]) -> dict[str, Any]:
    rows = [
        [*problem, counts, place]
        for problem, counts, place in zip(held.problems, held.counts, places, strict=True)
    ]
    return {"names": held.names, "pairs": held.pairs, "note": held.partial, "problems": rows}


def _parts(
    sets: list[ProblemSet], most: int, budget: int
) -> tuple[list[str], list[list[tuple[int, int] | None]], bool]:
    """Parts within the budget, the (part, place) of every problem's samples, and whether all fitted."""
    parts: list[str] = []
    places: list[list[tuple[int, int] | None]] = []
    waiting: list[str] = []
    size = used = 0
    for held in sets:
        where: list[tuple[int, int] | None] = []
        places.append(where)
        for samples in held.samples(most):
            if used > budget or not any(samples):
                where.append(None)
                continue
            text = json.dumps(samples, ensure_ascii=False, separators=(",", ":"))
            where.append((len(parts), len(waiting)))
            waiting.append(text)
            size += len(text)
            if size >= PART:
                parts.append(_packed("[" + ",".join(waiting) + "]"))
                used += len(parts[-1])
                waiting, size = [], 0
                if used > budget and most > 1:
                    return parts, places, False
    if waiting:
        parts.append(_packed("[" + ",".join(waiting) + "]"))
        used += len(parts[-1])
    return parts, places, used <= budget


def _largest(held: ProblemSet) -> int:
    return max((pair[0] for counts in held.counts for pair in counts if pair), default=0)
