"""Two draws of one model, exactly: within a problem, any split of its samples is as likely as that seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from analysis.arguments import Floats, Ints
from analysis.counts import PairedCounts
from analysis.estimators.passk import pass_at_k
from analysis.inference.exact_tests import exceeding, step_down

FLIPS = 2000  # re-splits behind a p-value, where the level asks for no more
SPLITS = 199  # re-splits behind the test of moved problems, fewer once ENOUGH of them reach what was seen
ENOUGH = 20
CELLS = 2_000_000


def resplit(pair: PairedCounts, ks: list[int], *, replicates: int = FLIPS, seed: int = 0) -> Floats:
    """Exact p-values (C,) of the mean differences of pass@k, step-down over the ks, at any n.

    If both sides are draws of one model, c_a given c_a + c_b is hypergeometric, whatever p and whatever
    n_a and n_b (Fisher 1935, problem by problem). Unlike sign-flips the test needs no equal n. With
    clusters it stays exact: samples of one problem are independent under that hypothesis. p is at least
    1/(replicates + 1).
    """
    held = _informative(pair)
    if held is None:
        return np.ones(len(ks))
    tables = _Tables(held, ks)
    seen = np.abs(tables.sums(held.c_a[None], held.c_b[None]))[0]
    rng = np.random.default_rng([seed, 0x2E5])
    drawn = np.concatenate([np.abs(tables.sums(a, b)) for a, b in _splits(held, replicates, rng)])
    scale = np.sqrt((drawn**2).mean(0))
    scale = np.where(scale > 0, scale, 1.0)
    p = (1 + exceeding(seen / scale, drawn / scale)) / (replicates + 1)
    return step_down(seen / scale, p)


def moved(pair: PairedCounts, *, replicates: int = SPLITS, seed: int = 0) -> dict[str, Any]:
    """Whether problems moved although their mean may not have: an exact test of one rate per problem.

    Returns p (of Σ (c_a - E)²/Var over problems under re-splitting; 1 where no problem can tell), spread
    (root mean square of the true changes of the problems' rates, in rates, without sampling noise; 0 where
    noise explains all) and mean (their mean). p is at least 1/(replicates + 1); it is sequential (Besag and
    Clifford 1991): ENOUGH exceedances end the draws.
    """
    a, b = pair.c_a / pair.n_a, pair.c_b / pair.n_b
    noise = sum(
        (x * (1 - x) / np.maximum(n - 1, 1)).mean() for x, n in ((a, pair.n_a), (b, pair.n_b))
    )  # unbiased for n above 1
    spread = float(np.sqrt(max(((b - a) ** 2).mean() - noise, 0.0)))
    out: dict[str, Any] = {"p": 1.0, "spread": spread, "mean": float((b - a).mean())}
    held = _informative(pair)
    if held is None:
        return out
    N, t = held.n_a + held.n_b, held.c_a + held.c_b
    mean = held.n_a * t / N
    variance = mean * (1 - t / N) * held.n_b / np.maximum(N - 1, 1)
    seen = float(((held.c_a - mean) ** 2 / variance).sum())
    rng = np.random.default_rng([seed, 0x30F])
    exceed = drawn = 0
    for c_a, _ in _splits(held, replicates, rng, most=50):
        reached = np.cumsum(((c_a - mean) ** 2 / variance).sum(1) >= seen * (1 - 1e-9))
        if exceed + reached[-1] >= ENOUGH:
            return out | {"p": ENOUGH / (drawn + 1 + int(np.argmax(exceed + reached >= ENOUGH)))}
        exceed, drawn = exceed + int(reached[-1]), drawn + len(c_a)
    return out | {"p": (1 + exceed) / (replicates + 1)}


class _Held(NamedTuple):
    """Counts of some problems, perhaps of one alone, (M,) each."""

    n_a: Ints
    c_a: Ints
    n_b: Ints
    c_b: Ints

    @property
    def M(self) -> int:
        return int(self.c_a.size)


def _informative(pair: PairedCounts) -> _Held | None:
    """The problems of which a re-split can differ from the split seen; None where there are none."""
    t = pair.c_a + pair.c_b
    rows = (t > 0) & (t < pair.n_a + pair.n_b)
    return _Held(*(x[rows] for x in (pair.n_a, pair.c_a, pair.n_b, pair.c_b))) if rows.any() else None


def _splits(
    pair: _Held, replicates: int, rng: np.random.Generator, most: int = 1 << 30
) -> Iterator[tuple[Ints, Ints]]:
    """Blocks of re-splits, at most `most` at once: c_a and c_b, (R, M) each."""
    t, block = pair.c_a + pair.c_b, max(1, min(most, CELLS // pair.M))
    for start in range(0, replicates, block):
        rows = min(block, replicates - start)
        c_a = rng.hypergeometric(t, pair.n_a + pair.n_b - t, pair.n_a, (rows, pair.M))
        yield c_a, t - c_a


class _Tables:
    """pass@k of every possible count, for fast sums over re-splits."""

    def __init__(self, pair: _Held, ks: list[int]) -> None:
        self.values, self.starts = [], []
        for n in (pair.n_a, pair.n_b):
            sizes, code = np.unique(n, return_inverse=True)
            parts = [pass_at_k(int(s), np.arange(s + 1), ks) for s in sizes]
            first = np.cumsum([0, *(len(p) for p in parts[:-1])])
            self.values.append(np.concatenate(parts))
            self.starts.append(first[code])

    def sums(self, c_a: np.ndarray, c_b: np.ndarray) -> Floats:
        """Σ over problems of U_b(k) - U_a(k), (R, K)."""
        (one, other), (at_a, at_b) = self.values, self.starts
        columns = [other[:, j][c_b + at_b].sum(1) - one[:, j][c_a + at_a].sum(1) for j in range(one.shape[1])]
        return np.stack(columns, axis=1)
