"""Weights: how far and in which shape training moved them, always beside a seed-to-seed baseline.

The update is B - A in fp32: in bf16 small updates round to nothing and look like sparsity. Sources:
update sparsity 2505.11711; effective rank Roy and Vetterli 2007.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from evals.core.errors import UserError

TOLERANCE = 1e-5  # 2505.11711 counts an entry as unchanged within this
BLOCK = 4096  # rows of a matrix that are turned into float64 at a time


def tensors(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Every tensor of a checkpoint's safetensors files in fp32, by name."""
    from safetensors import safe_open

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise UserError(f"{folder} has no safetensors files; save the checkpoint with safetensors")
    for file in files:
        with safe_open(file, framework="pt") as opened:
            for name in opened.keys():  # noqa: SIM118 - not a mapping
                yield name, opened.get_tensor(name).float().numpy()


def relative_change(before: np.ndarray, after: np.ndarray) -> float:
    """Frobenius norm of the update over that of the tensor before."""
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


def compare_weights(before: Path, after: Path) -> dict[str, Any]:
    """One update as a whole and tensor by tensor; UserError where the tensors do not match."""
    a = dict(tensors(before))
    moved2, norm2, same, exact, total = 0.0, 0.0, 0, 0, 0
    rows: list[dict[str, Any]] = []
    for name, new in tensors(after):
        old = a.pop(name, None)
        if old is None or old.shape != new.shape:
            raise UserError(
                f"{after} and {before} differ in the shape of {name}; they are not one architecture"
            )
        delta = new - old
        moved2, norm2 = moved2 + float((delta**2).sum()), norm2 + float((old**2).sum())
        close = unchanged(old, new, TOLERANCE)
        same, exact, total = same + close, exact + unchanged(old, new, 0.0), total + old.size
        rank = effective_rank(delta) if delta.ndim == 2 else math.nan
        rows.append(
            {
                "tensor": name,
                "shape": list(old.shape),
                "relative_change": relative_change(old, new),
                "sparsity": close / old.size,
                "effective_rank": None if math.isnan(rank) else rank,
                "rank_share": None if math.isnan(rank) else rank / min(delta.shape),
            }
        )
    if a:
        raise UserError(f"{after} has no tensor {next(iter(a))}, which {before} has; not one architecture")
    ranks = [r["rank_share"] for r in rows if r["rank_share"] is not None]
    return {
        "relative_change": math.sqrt(moved2 / norm2) if norm2 else None,
        "sparsity": same / total,
        "exactly_unchanged": exact / total,
        "rank_share": float(np.mean(ranks)) if ranks else None,
        "parameters": total,
        "tensors": rows,
    }


def cosine(base: Path, first: Path, second: Path) -> float | None:
    """Cosine of the angle between two updates of one base, over all weights; None where one is zero."""
    a, x = dict(tensors(base)), dict(tensors(first))
    dot = one = two = 0.0
    for name, new in tensors(second):
        if name not in a or name not in x or not a[name].shape == x[name].shape == new.shape:
            raise UserError(f"{first} and {second} differ in {name}; they are not updates of one checkpoint")
        u, v = (x[name] - a[name]).astype(float), (new - a[name]).astype(float)
        dot, one, two = dot + float((u * v).sum()), one + float((u**2).sum()), two + float((v**2).sum())
    return dot / math.sqrt(one * two) if one and two else None
