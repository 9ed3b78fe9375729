"""Sharpening tax: how much of the room above pass@1 lies in further tries, and how much of it training spent.

A(K) = Σ_{k<K} (pass@K - pass@k) is the area between a curve and its end; S = A(K) / ((K - 1)(1 - pass@1)) is
that area as a share of what one try leaves unsolved; the tax is S of the base less S after training
(arXiv 2610.01509). A tax above 0 says that tries gain less than before, whatever happened at the first. The
curves are unbiased for k ≤ n, so that S has the bias of a ratio alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints, checked, whole_numbers
from analysis.counts import PairedCounts
from analysis.difficulty.smooth import smooth_mixture
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k
from analysis.measures.ratios import Interval, expanded, of_means

OVERTAKING = ("always", "with compute", "never")


@dataclass(frozen=True, slots=True)
class SharpeningTax:
    """S of both checkpoints and their difference, with the range that two draws of one model give.

    null: 1 - level range of the tax between two draws of A, from the distribution of p fitted to A.
    overtaking: whether B lies above A at every k ("always"), at K but not at every k ("with compute"), or
    not at K ("never"), by the estimates alone.
    """

    K: int
    a: Interval
    b: Interval
    tax: Interval
    null: tuple[float, float]
    overtaking: str


def area_share(
    n: ArrayLike,
    c: ArrayLike,
    K: int,
    *,
    level: float = 0.05,
    replicates: int = 4000,
    seed: int = 0,
    cluster: Ints | None = None,
) -> Interval:
    """S of one checkpoint, problems resampled: n, c (M,), K from 2 to n. AnalysisError otherwise."""
    how = {"level": level, "replicates": replicates, "seed": seed, "cluster": cluster}
    return of_means(_columns(n, c, K), lambda m: _share(m, K), **how)  # type: ignore[arg-type]


def sharpening_tax(
    pair: PairedCounts,
    K: int,
    *,
    level: float = 0.05,
    replicates: int = 4000,
    draws: int = 500,
    seed: int = 0,
) -> SharpeningTax:
    """The tax of B over A up to K tries, problems resampled in pairs. AnalysisError for K > n or K < 2."""
    columns = np.column_stack([_columns(pair.n_a, pair.c_a, K), _columns(pair.n_b, pair.c_b, K)])
    how = {"level": level, "replicates": replicates, "seed": seed, "cluster": pair.cluster}
    a, b, tax = (
        of_means(columns, f, **how)  # type: ignore[arg-type]
        for f in (
            lambda m: _share(m[..., :2], K),
            lambda m: _share(m[..., 2:], K),
            lambda m: _share(m[..., :2], K) - _share(m[..., 2:], K),
        )
    )
    drawn = _drawn_twice(pair, K, draws, seed)
    low, high = np.quantile(drawn, [level / 2, 1 - level / 2])
    return SharpeningTax(K, a, b, tax, (float(low), float(high)), overtaking(pair, K))


def overtaking(pair: PairedCounts, K: int) -> str:
    """Where B's curve lies above A's over k = 1 … K: one of OVERTAKING."""
    ks = np.arange(1, K + 1)
    above = pass_at_k(pair.n_b, pair.c_b, ks).mean(0) > pass_at_k(pair.n_a, pair.c_a, ks).mean(0)
    return "always" if above.all() else "with compute" if above[-1] else "never"


def unpaired_tax(
    a: ArrayLike, b: ArrayLike, K: int, *, level: float = 0.05, replicates: int = 4000, seed: int = 0
) -> Interval:
    """The tax from two published histograms: numbers of problems with 0, 1, … n right of n samples.

    a: (n_a + 1,), b: (n_b + 1,). Nothing is known of the pairing, so each side is resampled by itself: the
    interval is wider than `sharpening_tax` would give. AnalysisError for K > n.
    """
    rng = np.random.default_rng([seed, 0x7A5])
    estimates, drawn, units = [], [], []
    for given in (a, b):
        counts = whole_numbers(given, "histogram")
        n, problems = counts.size - 1, int(counts.sum())
        if problems < 2:
            raise AnalysisError("a histogram needs at least two problems; give the numbers of problems by c")
        columns = _columns(np.full(n + 1, n), np.arange(n + 1), K)
        share = counts / problems
        estimates.append(_share(share @ columns, K))
        drawn.append(_share(rng.multinomial(problems, share, replicates) / problems @ columns, K))
        units.append(problems)
    differences = drawn[0] - drawn[1]
    low, high = np.quantile(differences, expanded(min(units), level))
    return Interval(
        float(estimates[0] - estimates[1]), float(low), float(high), float(differences.std(ddof=1))
    )


def few_rollouts(
    n: ArrayLike, c: ArrayLike, K: int, few: int, *, draws: int = 400, seed: int = 0
) -> dict[str, float]:
    """Back-test: S at K from `few` of the n samples of each problem, against S at K from all of them.

    few: K to n. The few are drawn without replacement. Returns truth (from all), bias and error (standard
    deviation over the draws of samples alone), and bias_over_error.
    """
    n, c = checked(n, c)
    if not K <= few <= n.min():
        raise AnalysisError(f"a back-test needs K ≤ few ≤ n, got K = {K}, few = {few}, n = {n.min()}")
    rng = np.random.default_rng([seed, 0xBAC])
    truth = float(_share(_columns(n, c, K).mean(0), K))
    drawn = rng.hypergeometric(c, n - c, few, size=(draws, n.size))
    shares = _share(_looked_up(np.full(n.size, few), drawn, K), K)
    bias, error = float(shares.mean() - truth), float(shares.std(ddof=1))
    return {"truth": truth, "bias": bias, "error": error, "bias_over_error": bias / error if error else 0.0}


def _columns(n: ArrayLike, c: ArrayLike, K: int) -> Floats:
    """(M, 2): each problem's area to its own pass@K, and what its first try leaves unsolved."""
    if K < 2:
        raise AnalysisError(f"a sharpening tax needs K of at least 2, got {K}")
    curves = pass_at_k(n, c, np.arange(1, K + 1))
    return np.column_stack([(K - 1) * curves[:, -1] - curves[:, :-1].sum(1), 1 - curves[:, 0]])


def _share(means: Floats, K: int) -> Floats:
    """S from means (..., 2) of the columns; 0 where nothing is left unsolved."""
    left = means[..., 1]
    return np.where(left > 0, means[..., 0] / np.where(left > 0, (K - 1) * left, 1.0), 0.0)


def _drawn_twice(pair: PairedCounts, K: int, draws: int, seed: int) -> Floats:
    """(draws,) the tax between two draws of A, with the numbers of samples of A and of B."""
    mixture = smooth_mixture(pair.n_a, pair.c_a)
    rng = np.random.default_rng([seed, 0xDEA1])
    p = rng.choice(mixture.p, (draws, pair.M), p=mixture.weight / mixture.weight.sum())
    one, two = (_share(_looked_up(n, rng.binomial(n, p), K), K) for n in (pair.n_a, pair.n_b))
    return np.asarray(one - two)


def _looked_up(n: Ints, c: Ints, K: int) -> Floats:
    """(draws, 2) means of the columns over problems: n (M,), c (draws, M), from one table for each n."""
    total = np.zeros((len(c), 2))
    for size in np.unique(n):
        table = _columns(np.full(size + 1, size), np.arange(size + 1), K)
        total += table[c[:, n == size]].sum(1)
    return total / n.size
