"""pass@k beyond the samples that were drawn: model-based, labelled so, and tested on held-out samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints, checked, checked_level, finite, whole_numbers
from analysis.difficulty.beta_binomial import BetaBinomial, fit_beta_binomial, fit_grouped
from analysis.difficulty.npmle import Mixture, npmle, npmle_grouped
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import few_differ
from analysis.inference.intervals import clopper_pearson

Model = Literal["npmle", "beta-binomial"]


@dataclass(frozen=True, eq=False)
class Extrapolation:
    """Model pass@k with percentile intervals over problems, each (K,), in rates.

    extrapolated: (K,) True where k exceeds the smallest n: there the number rests on the model, not on data.
    """

    k: Ints
    estimate: Floats
    low: Floats
    high: Floats
    extrapolated: np.ndarray
    model: str


def fitted(n: ArrayLike, c: ArrayLike, model: Model) -> Mixture | BetaBinomial:
    """The distribution of p by the named model; AnalysisError for a name that is not known."""
    if model == "npmle":
        return npmle(n, c)
    if model == "beta-binomial":
        return fit_beta_binomial(n, c)
    raise AnalysisError(f"model {model!r} is not known; choose npmle or beta-binomial")


def extrapolate(
    n: ArrayLike, c: ArrayLike, k: ArrayLike, *, model: Model = "npmle", level: float = 0.05,
    replicates: int = 200, seed: int = 0, cluster: Ints | None = None,
) -> Extrapolation:  # fmt: skip
    """pass@k at any k from the fitted distribution of p, with intervals from refits on resampled problems.

    n, c: (M,). cluster: (M,) codes of problems that are resampled together. Sources: 2510.05197
    (beta-binomial), Lord 1969 (NPMLE). The NPMLE puts unsolved problems at or near p = 0, so beyond a few n
    it is close to a lower bound; the beta-binomial trusts its tail. Differences between the two are a fair
    measure of what the samples do not say. Where few problems differ (floor, ceiling), the interval also
    covers what Clopper-Pearson allows, so that it never has width zero.
    Raises AnalysisError on impossible counts, k < 1, an unknown model, and fewer than 10 replicates.
    """
    checked_level(level)
    if replicates < 10 or seed < 0:
        raise AnalysisError("an interval needs at least 10 replicates and a seed of at least 0")
    n, c = checked(n, c)
    ks = whole_numbers(k, "k").ravel()
    if ks.size == 0 or ks.min() < 1:
        raise AnalysisError("k must be at least 1")
    whole = fitted(n, c, model)
    estimate = whole.pass_at_k(ks)
    rng = np.random.default_rng([seed, 0xE7])
    pairs, kind, count = np.unique(np.stack([n, c]), axis=1, return_inverse=True, return_counts=True)
    codes = None if cluster is None else np.unique(cluster, return_inverse=True)[1]
    units = c.size if codes is None else int(codes.max()) + 1
    drawn = np.empty((replicates, ks.size))
    for r in range(replicates):
        if codes is None:
            times = rng.multinomial(units, count / units)
        else:
            chosen = rng.multinomial(units, np.full(units, 1 / units))
            times = np.bincount(kind.ravel(), weights=chosen[codes]).astype(np.int64)
        again = _refitted(pairs[:, times > 0], times[times > 0], whole)
        drawn[r] = again.pass_at_k(ks)
    low, high = np.quantile(drawn, [level / 2, 1 - level / 2], axis=0)
    inner = np.minimum(low, estimate), np.maximum(high, estimate)
    low, high = _with_ends(n, c, ks, *inner, level, units, cluster)
    return Extrapolation(ks, estimate, low, high, ks > n.min(), model)


def _with_ends(
    n: Ints, c: Ints, ks: Ints, low: Floats, high: Floats, level: float, units: int, cluster: Ints | None
) -> tuple[Floats, Floats]:
    """The interval, and where few problems differ also Clopper-Pearson's at the nearest k up to n.

    From n to k the true pass@k does not fall, and grows at most k/n-fold.
    """
    inside = np.minimum(ks, n.min())
    values = pass_at_k(n, c, inside)
    least, most = clopper_pearson(values.sum(0).clip(0, c.size) * (units / c.size), units, level)
    few = few_differ(values, cluster)
    most = np.minimum(1, most * ks / inside)
    return np.where(few, np.minimum(low, least), low), np.where(few, np.maximum(high, most), high)


def _refitted(pairs: Ints, count: Ints, whole: Mixture | BetaBinomial) -> Mixture | BetaBinomial:
    """The same kind of distribution fitted to resampled counts."""
    if isinstance(whole, BetaBinomial):
        return fit_grouped(pairs[0], pairs[1], count, start=whole)
    return npmle_grouped(pairs[0], pairs[1], count)


def back_test(
    n: ArrayLike, c: ArrayLike, *, model: Model = "npmle", share: float = 0.25, seed: int = 0
) -> dict[str, list[float]]:
    """Fit on a share of each problem's samples, predict pass@k of all of them.

    Returns lists over k = powers of two from the samples kept (n·share) to the smallest n: k, predicted
    (from the kept samples), measured (unbiased, from all), error = predicted - measured, in rates.
    n, c: (M,). Raises AnalysisError where a share of the samples is none, and on impossible counts.
    """
    n, c = checked(n, c)
    kept = np.floor(n * (share if 0 < share < 1 else 0)).astype(np.int64)
    if kept.min() < 1:
        raise AnalysisError("a back-test needs a share between 0 and 1 that leaves every problem a sample")
    rng = np.random.default_rng([seed, 0xBAC])
    part = rng.hypergeometric(c, n - c, kept)
    powers = 2 ** np.arange(int(np.log2(n.min())) + 1)
    ks = powers[powers >= min(kept.min(), powers[-1])]
    predicted = fitted(kept, part, model).pass_at_k(ks)
    measured = pass_at_k(n, c, ks).mean(0)
    return {
        "k": ks.tolist(),
        "predicted": predicted.tolist(),
        "measured": measured.tolist(),
        "error": (predicted - measured).tolist(),
    }


def power_law(k: ArrayLike, rates: ArrayLike) -> tuple[float, float]:
    """a and b of -log pass@k ≈ a k^(-b), by least squares on logarithms (2407.21787, 2502.17578).

    k, rates: (K,), rates strictly between 0 and 1. b > 0 means coverage grows. AnalysisError otherwise.
    """
    ks, p = finite(k, "k"), finite(rates, "rates")
    if ks.size < 2 or ks.shape != p.shape or (p <= 0).any() or (p >= 1).any() or (ks < 1).any():
        raise AnalysisError("a power law needs at least two values of pass@k strictly between 0 and 1")
    slope, intercept = np.polyfit(np.log(ks), np.log(-np.log(p)), 1)
    return float(np.exp(intercept)), float(-slope)
