"""Training seeds as a level of their own: seeds × problems, all seeds shown, never the best."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints, checked_level
from analysis.errors import AnalysisError
from analysis.inference.bands import widened
from analysis.inference.intervals import t_quantile


def seed_difference(
    a: ArrayLike,
    b: ArrayLike,
    *,
    level: float = 0.05,
    paired: bool = False,
    cluster: Ints | None = None,
) -> dict[str, Any]:
    """Mean of B - A over seeds and problems, with an interval that counts both as samples.

    a: (S_a, M), b: (S_b, M) per-problem values (pass@k at one k) of each training seed; S_a = 1 is one common
    parent. paired: row s of both share what the seed shares (the parent), so the difference is taken by seed.
    cluster: (M,) codes of problems that count as one; the mean stays one over problems.
    Seeds and problems are crossed random effects (Cornfield and Tukey 1956): the half-width is the root of
    the summed squares of a t interval over problems and one over the seeds of each side, with S - 1 degrees
    of freedom: three seeds make it wide. Noise of problems × seeds, that of drawing among it, is counted in
    each of them: where it dominates, the interval is wider than it need be (`crossed_interval`). Values are
    rates in [0, 1]; where few problems differ, the interval also covers that of `paired_rates`, so that it
    never has width zero. Raises AnalysisError on missing values, unequal problems, and unequal numbers of
    paired seeds.
    Returns estimate, low, high, error, per_seed (differences of seed means, all), seed_sd (spread of B's
    seed means beyond problems × seeds noise). With one seed on either side where seeds
    could differ, the seed part is unknown: `seeds_known` is False and the interval covers problems alone.
    """
    checked_level(level)
    one, other = _matrix(a), _matrix(b)
    if one.shape[1] != other.shape[1]:
        raise AnalysisError("both sides need the same problems; pair them first")
    if paired:
        if one.shape[0] != other.shape[0]:
            raise AnalysisError(
                f"{one.shape[0]} and {other.shape[0]} seeds cannot be paired; give equal numbers"
            )
        one, other = np.zeros((1, one.shape[1])), other - one
    each = other.mean(0) - one.mean(0)
    one, other = (_by_cluster(x, cluster) for x in (one, other))
    problems = other.shape[1]
    mean = other.mean(0) - one.mean(0)
    parts = [(mean.var(ddof=1) / problems, problems - 1)]
    parts += [(x.mean(1).var(ddof=1) / len(x), len(x) - 1) for x in (other, one) if len(x) > 1]
    half = float(np.sqrt(sum(t_quantile(1 - level / 2, df) ** 2 * part for part, df in parts)))
    estimate = float(mean.mean())
    ends = np.array([estimate - half]), np.array([estimate + half])
    low, high = widened(*ends, each[:, None], problems, level, cluster)
    return {
        "estimate": estimate,
        "low": float(low[0]),
        "high": float(high[0]),
        "error": float(np.sqrt(sum(part for part, _ in parts))),
        "per_seed": (other.mean(1) - one.mean()).tolist(),
        "seed_sd": _seed_sd(other) if len(other) > 1 else None,
        "seeds": [int(np.shape(x)[0]) for x in (_matrix(a), _matrix(b))],
        "seeds_known": len(parts) > 1,
    }


def crossed_interval(
    a: ArrayLike, b: ArrayLike, *, level: float = 0.05, paired: bool = False
) -> tuple[float, float]:
    """The interval of `seed_difference` with noise of problems × seeds counted once: a check of sensitivity.

    Shapes, `paired` and errors as there. As in an analysis of variance, the variance of the mean is
    V_P + sum over sides of (V_S - V_PS), each term of the sum at least 0: parts by the variance of problem
    means, of seed means and of residuals; degrees of freedom by Satterthwaite (1946). With few seeds it
    covers a little less than it says, where `seed_difference` covers more.
    """
    checked_level(level)
    sides = [_matrix(b), _matrix(a)]
    if paired:
        sides = [sides[0] - sides[1]]
    problems = sides[0].shape[1]
    mean = sides[0].mean(0) - (0 if paired else sides[1].mean(0))
    parts = [(float(mean.var(ddof=1)) / problems, problems - 1)]
    total = parts[0][0]
    for x in (x for x in sides if len(x) > 1):
        seeds, residual = len(x), x - x.mean(1, keepdims=True) - x.mean(0) + x.mean()
        means = float(x.mean(1).var(ddof=1)) / seeds
        noise = float((residual**2).sum()) / ((seeds - 1) * (problems - 1) * problems * seeds)
        if means > noise:
            total += means - noise
            parts += [(means, seeds - 1), (noise, (seeds - 1) * (problems - 1))]
    spread = sum(part**2 / df for part, df in parts)
    freedom = total**2 / spread if spread else problems - 1
    half = float(t_quantile(1 - level / 2, freedom)) * float(np.sqrt(total))
    return float(mean.mean()) - half, float(mean.mean()) + half


def _matrix(values: ArrayLike) -> Floats:
    x = np.atleast_2d(np.asarray(values, float))
    if x.ndim != 2 or x.shape[1] < 2 or not np.isfinite(x).all():
        raise AnalysisError(
            "values must be finite, one row per seed and one column per problem (two or more)"
        )
    if x.min() < 0 or x.max() > 1:
        raise AnalysisError("values are rates from 0 to 1; divide percentages by 100")
    return x


def _by_cluster(x: Floats, cluster: Ints | None) -> Floats:
    """(S, C) values of clusters, with the means of x (S, M), that vary as these means do over clusters."""
    if cluster is None:
        return x
    codes = np.unique(cluster, return_inverse=True)[1]
    sizes = np.bincount(codes)
    if codes.size != x.shape[1] or sizes.size < 2:
        raise AnalysisError("seeds need one cluster code per problem, and at least two clusters")
    totals = np.stack([np.bincount(codes, weights=row) for row in x])
    means = x.mean(1, keepdims=True)
    return np.asarray(means + (totals - sizes * means) * sizes.size / codes.size)


def _seed_sd(x: Floats) -> float:
    """Standard deviation of the true seed means of x (S, M): what remains beyond problems × seeds noise."""
    seeds, problems = x.shape
    means = x.mean(1)
    residual = x - means[:, None] - x.mean(0) + x.mean()
    noise = float((residual**2).sum() / ((seeds - 1) * (problems - 1))) / problems
    return float(np.sqrt(max(float(means.var(ddof=1)) - noise, 0.0)))


def interquartile_mean(scores: ArrayLike) -> float:
    """Mean of the middle half of all scores, 25% cut at either end (2108.13264).

    scores: of any shape and unit. Raises AnalysisError on missing scores and none.
    """
    x = np.sort(np.asarray(scores, float).ravel())
    if x.size == 0 or not np.isfinite(x).all():
        raise AnalysisError("an interquartile mean needs finite scores; give at least one")
    cut = int(0.25 * x.size)
    return float(x[cut : x.size - cut].mean())


def best_of_bias(seeds: int) -> float:
    """How far the best of S equal seeds lies above their mean, in seed SDs: E[max of S normals].

    1.03 for S = 4: what reporting the best seed on test adds. Raises AnalysisError for less than one seed.
    """
    from scipy.integrate import quad
    from scipy.special import ndtr

    if not seeds >= 1:
        raise AnalysisError("the best of no seeds does not exist; give at least one")

    def density(x: float) -> float:
        return x * seeds * ndtr(x) ** (seeds - 1) * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)

    return float(quad(density, -12, 12)[0]) if seeds > 1 else 0.0
