"""Weights: how far and in which shape training moved them, always beside a seed-to-seed baseline.

The update is B - A in fp32: in bf16 small updates round to nothing and look like sparsity. Sources:
update sparsity 2505.11711; effective rank Roy and Vetterli 2007.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evals.checkpoints.fingerprint import EMBEDDINGS, HEADS
from evals.checkpoints.stored import Stored
from evals.core.errors import UserError

TOLERANCE = 1e-5  # 2505.11711 counts an entry as unchanged within this
BLOCK = 4096  # rows of a matrix that are turned into float64 at a time


@dataclass(slots=True)
class Paired:
    """The tensors of two checkpoints that have a counterpart, and what has none, in words."""

    pairs: dict[str, tuple[Stored, Stored]]
    notes: list[str]
    damaged: list[str]  # tensors with NaN or infinite values: left out

    def values(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """(name, before, after) in fp32, two tensors in memory at a time; rows that both have."""
        for name, sides in self.pairs.items():
            read = [self._read(side) for side in sides]
            if all(r is not None for r in read):
                before, after = (np.asarray(r) for r in read)
                rows = min(s.shape[0] for s in sides) if before.ndim else None
                yield (name, before, after) if rows is None else (name, before[:rows], after[:rows])

    def _read(self, stored: Stored) -> np.ndarray | None:
        from evals.checkpoints.reading import NotFinite, read

        try:
            return np.asarray(read(stored).float().numpy())
        except NotFinite:
            self.damaged.append(f"{stored.name} of {stored.file.parent.name}")
            return None


def paired(before: Mapping[str, Stored], after: Mapping[str, Stored], names: tuple[str, str]) -> Paired:
    """Counterparts by name. A tied output head stands for the embedding; a resized vocabulary is cut.

    UserError where less than half of the weights have a counterpart: not one architecture.
    """
    a, b = _with_head(before, after), _with_head(after, before)
    pairs = {n: (a[n], b[n]) for n in b if n in a and _alike(a[n].shape, b[n].shape)}
    total = max(sum(math.prod(t.shape) for t in side.values()) for side in (before, after))
    if 2 * sum(math.prod(a[n].shape) for n in pairs) < total:
        odd = next(n for n in [*a, *b] if n not in pairs)
        raise UserError(
            f"{names[1]} and {names[0]} are not one architecture: {odd} has no counterpart of its shape; "
            "give checkpoints of one model"
        )
    notes = [f"{n} has {o.shape[0]} rows in one and {w.shape[0]} in the other: compared by those of both"
             for n, (o, w) in pairs.items() if o.shape != w.shape]  # fmt: skip
    heads = {n for n in a.keys() & b.keys() if n not in before or n not in after}
    notes += [f"{n} is tied to the embedding in one and its own in the other" for n in sorted(heads)]
    for name, side, other in ((names[0], a, pairs), (names[1], b, pairs)):
        alone = [f"{n}{' (all zero)' if _zero(side[n]) else ''}" for n in side if n not in other]
        if alone:
            more = f" and {len(alone) - 4} more" if len(alone) > 4 else ""
            notes.append(f"only in {name}: {', '.join(alone[:4])}{more}")
    return Paired(pairs, notes, [])


def _with_head(one: Mapping[str, Stored], other: Mapping[str, Stored]) -> dict[str, Stored]:
    """The tensors with an output head from the embedding, where only the other has one of its own."""
    found = dict(one)
    for name in (n for n in other if n.endswith(HEADS) and n not in one):
        for embedding in (e for e in one if e.endswith(EMBEDDINGS)):
            found[name] = one[embedding]
    return found


def _alike(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether shapes differ at most in the number of rows of a matrix."""
    return one == other or (len(one) == len(other) == 2 and one[1] == other[1])


def _zero(stored: Stored) -> bool:
    from evals.checkpoints.reading import NotFinite, read

    try:
        return not read(stored).any()
    except NotFinite:
        return False


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """Frobenius norm of the update over that of the tensor before (inf where that was zero)."""
    norm = float(np.linalg.norm(before.ravel()))
    moved = float(np.linalg.norm((after - before).ravel()))
    return moved / norm if norm else (math.inf if moved else 0.0)


def unchanged(before: np.ndarray, after: np.ndarray, tolerance: float) -> int:
    """Number of entries that moved by at most `tolerance` (0: not at all)."""
    return int((np.abs(after - before) <= tolerance).sum())


def effective_rank(matrix: np.ndarray) -> float:
    """exp(-sum p ln p) of p = singular values over their sum (Roy and Vetterli 2007); nan for a zero matrix.

    From 1 to the smaller side. Singular values are roots of the eigenvalues of the smaller Gram matrix in
    float64; those below rounding error count as 0.
    """
    tall = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    side = tall.shape[1]
    gram = np.zeros((side, side))
    for start in range(0, tall.shape[0], BLOCK):
        rows = tall[start : start + BLOCK].astype(float)
        gram += rows.T @ rows
    squares = np.linalg.eigvalsh(gram)
    largest = squares.max(initial=0.0)
    if largest <= 0:
        return math.nan
    values = np.sqrt(squares[squares > side * np.finfo(float).eps * largest])
    p = values / values.sum()
    return float(np.exp(-(p * np.log(p)).sum()))


def compare_weights(both: Paired) -> dict[str, Any]:
    """One update as a whole and tensor by tensor."""
    moved2, norm2, same, exact, total = 0.0, 0.0, 0, 0, 0
    rows: list[dict[str, Any]] = []
    zero: list[str] = []
    for name, old, new in both.values():
        delta = new - old
        moved2, norm2 = moved2 + float((delta**2).sum()), norm2 + float((old**2).sum())
        close = unchanged(old, new, TOLERANCE)
        same, exact, total = same + close, exact + unchanged(old, new, 0.0), total + old.size
        rank = effective_rank(delta) if delta.ndim == 2 else math.nan
        change = relative_change(old, new)
        if math.isinf(change):
            zero.append(name)
        rows.append(
            {
                "tensor": name,
                "shape": list(old.shape),
                "relative_change": None if math.isinf(change) else change,
                "sparsity": close / old.size if old.size else None,
                "effective_rank": None if math.isnan(rank) else rank,
                "rank_share": None if math.isnan(rank) else rank / min(delta.shape),
            }
        )
    ranks = [r["rank_share"] for r in rows if r["rank_share"] is not None]
    return {
        "relative_change": math.sqrt(moved2 / norm2) if norm2 else None,
        "sparsity": same / total if total else None,
        "exactly_unchanged": exact / total if total else None,
        "rank_share": float(np.mean(ranks)) if ranks else None,
        "parameters": total,
        "notes": [*both.notes, *(f"{name} was all zero before" for name in zero)],
        "damaged": sorted(set(both.damaged)),
        "tensors": rows,
    }


def cosine(first: Paired, second: Paired) -> float | None:
    """Cosine of the angle between two updates of one base, over what both have; None where one is zero."""
    dot = one = two = 0.0
    shared = [n for n in first.pairs if n in second.pairs]
    for name in shared:
        sides = [next(replace(p, pairs={name: p.pairs[name]}).values(), None) for p in (first, second)]
        deltas = [(side[2] - side[1]).astype(float) for side in sides if side is not None]
        if len(deltas) < 2:
            continue  # NaN, which the comparisons name
        rows = min(len(d) for d in deltas) if deltas[0].ndim else None
        u, v = deltas if rows is None else (d[:rows] for d in deltas)
        dot, one, two = dot + float((u * v).sum()), one + float((u**2).sum()), two + float((v**2).sum())
    return dot / math.sqrt(one * two) if one and two else None
