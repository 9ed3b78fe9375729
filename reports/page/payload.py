"""The page's data: compressed parts that a browser unpacks when they are needed.

A part is JSON, deflated, in base64: nothing in it can end the element that carries it or be taken for
markup. Problems stand in an index that is read at once; their samples in parts of about a megabyte.
"""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from reports.page.problems import ProblemSet, Sample

Samples = list[list[Sample]]  # of one problem, by checkpoint

PART = 1_000_000  # characters of JSON in one part of samples
BUDGET = 20_000_000  # bytes of base64 for all samples of a page
SHARE = 20  # every so many problems are packed to estimate the size of all
MOST = 64  # samples of one problem and checkpoint


def packed(value: Any) -> str:
    """JSON, deflated, base64. Characters that cannot stand in UTF-8 become the replacement character."""
    return _packed(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def _packed(text: str) -> str:
    return base64.b64encode(zlib.compress(text.encode("utf-8", "replace"), 6)).decode("ascii")


def payload(sets: list[ProblemSet], budget: int = BUDGET) -> tuple[str, list[str], str | None]:
    """(index, parts, note). As many samples of each problem as fit into the budget, halved until they do."""
    samples = [list(s.samples(MOST)) for s in sets]
    most = largest = max((len(side) for rows in samples for row in rows for side in row), default=1)
    while most > 1 and _estimate(samples, most) > budget:
        most //= 2
    while True:
        parts, places, full = _parts(samples, most, budget)
        if full or most == 1:
            break
        most //= 2
    index = [_index(one, where) for one, where in zip(sets, places, strict=True)]
    note = None
    if not full:
        note = "The page holds samples of the first problems only, so as to stay small."
    elif most < largest:
        note = f"The page holds at most {most} samples of each problem and checkpoint, so as to stay small."
    return packed(index), parts, note


def _estimate(samples: list[list[Samples]], most: int) -> int:
    """Size of all parts, from every SHARE-th problem packed by itself."""
    chosen = [_cut(row, most) for rows in samples for row in rows[::SHARE]]
    return SHARE * len(packed(chosen))


def _cut(row: Samples, most: int) -> Samples:
    return [side[:most] for side in row]


def _index(problems: ProblemSet, places: list[tuple[int, int] | None]) -> dict[str, Any]:
    rows = [
        [*problem, counts, place]
        for problem, counts, place in zip(problems.problems, problems.counts, places, strict=True)
    ]
    return {"names": problems.names, "pairs": problems.pairs, "note": problems.partial, "problems": rows}


def _parts(
    samples: list[list[Samples]], most: int, budget: int
) -> tuple[list[str], list[list[tuple[int, int] | None]], bool]:
    """Parts within the budget, the (part, place) of every problem's samples, and whether all fitted."""
    parts: list[str] = []
    places: list[list[tuple[int, int] | None]] = []
    waiting: list[str] = []
    size = used = 0
    for rows in samples:
        where: list[tuple[int, int] | None] = []
        places.append(where)
        for row in rows:
            if used > budget or not any(row):
                where.append(None)
                continue
            text = json.dumps(_cut(row, most), ensure_ascii=False, separators=(",", ":"))
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
