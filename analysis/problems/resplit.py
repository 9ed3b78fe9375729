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


def resplit_tail(pair: PairedCounts, k: int, otherwise: float) -> float:
    """Two-sided p-value of `resplit` at one k far out in the tail, by the saddlepoint approximation.

    P(|Σ d| ≥ what was seen) over independent splits: Lugannani and Rice (1980) on either side, with K(s) =
    Σ log E exp(s d). otherwise: what is returned where the splits are too many to be listed.
    """
    held = _informative(pair)
    if held is None:
        return 1.0
    seen = abs(float(_Tables(held, [k]).sums(held.c_a[None], held.c_b[None])[0, 0]))
    (n_a, n_b, t), times = np.unique(
        np.stack([held.n_a, held.n_b, held.c_a + held.c_b]), axis=1, return_counts=True
    )
    low, high = np.maximum(0, t - n_b), np.minimum(n_a, t)
    if seen == 0 or t.size * int((high - low).max() + 1) > CELLS:
        return otherwise
    x = low[:, None] + np.arange((high - low).max() + 1)
    inside = x <= high[:, None]
    x = np.minimum(x, high[:, None])
    tables = _Tables(_Held(n_a, low, n_b, t - low), [k])
    (of_a, of_b), (at_a, at_b) = tables.values, tables.starts
    d = of_b[:, 0][t[:, None] - x + at_b[:, None]] - of_a[:, 0][x + at_a[:, None]]
    chance = _choose(n_a[:, None], x) + _choose(n_b[:, None], t[:, None] - x) - _choose(n_a + n_b, t)[:, None]
    chance = np.where(inside, chance, -np.inf)
    return float(min(1.0, max(sum(_beyond(s * d, chance, times, seen) for s in (1, -1)), 1e-300)))


def _choose(n: Ints, k: Ints) -> Floats:
    """log C(n, k)."""
    from scipy.special import gammaln

    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))


def _beyond(d: Floats, chance: Floats, times: Ints, seen: float) -> float:
    """P(Σ d ≥ seen) of sums of independent d (G, X) with log chances (G, X), each row `times` (G,) over."""
    from scipy.optimize import brentq
    from scipy.special import logsumexp, ndtr

    d = np.where(np.isfinite(chance), d, d[:, :1])
    top = d.max(1)
    if seen >= top @ times * (1 - 1e-9):  # nothing lies beyond
        last = np.where(d >= top[:, None] - 1e-12, chance, -np.inf)
        return float(np.exp(times @ logsumexp(last, axis=1))) if seen <= top @ times * (1 + 1e-9) else 0.0

    def tilted(s: float) -> tuple[Floats, Floats]:
        logs = chance + s * d
        total = logsumexp(logs, axis=1)
        return total, np.exp(logs - total[:, None])

    def slope(s: float) -> float:
        return float(times @ (tilted(s)[1] * d).sum(1)) - seen

    end = 1.0
    while slope(end) < 0 and end < 1e9:
        end *= 2
    s = float(brentq(slope, 0.0, end))
    total, weight = tilted(s)
    middle = (weight * d).sum(1)
    spread = float(times @ ((weight * d**2).sum(1) - middle**2))
    w = np.sqrt(max(2 * (s * seen - float(times @ total)), 1e-12))
    u = s * np.sqrt(max(spread, 1e-300))
    density = np.exp(-w * w / 2) / np.sqrt(2 * np.pi)
    return float(np.clip(ndtr(-w) + density * (1 / max(u, 1e-12) - 1 / w), 0.0, 1.0))


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
