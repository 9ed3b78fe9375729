"""What one problem's samples say: posterior pass@k, k-to-solve; Cover@τ."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import Floats, checked, finite, whole_numbers
from analysis.difficulty.beta_binomial import BetaBinomial
from analysis.difficulty.npmle import Mixture
from analysis.errors import AnalysisError
from analysis.inference.intervals import clopper_pearson


def posterior_pass_at_k(
    n: ArrayLike, c: ArrayLike, k: ArrayLike, prior: BetaBinomial | tuple[float, float] = (0.5, 0.5)
) -> tuple[Floats, NDArray[np.bool_]]:
    """Posterior mean of 1 - (1-p)^k of each problem, and where it is extrapolated; both (M, K).

    n, c: (M,); k: (K,), any k ≥ 1. prior: (α, β) of a Beta, or a fitted `BetaBinomial` with its mass at zero.
    1 - B(α+c, β+n-c+k)/B(α+c, β+n-c), times the posterior chance that p is not 0 where c = 0. Where k > n
    the number is driven by the prior: the second array marks these. Rates. Raises AnalysisError on impossible
    counts, k < 1, and a prior that is none. Source: conjugate Beta-binomial update.
    """
    from scipy.special import betaln

    n, c = checked(n, c)
    ks = whole_numbers(k, "k").ravel()
    if ks.size == 0 or ks.min() < 1:
        raise AnalysisError("k must be at least 1")
    zero, a, b = (prior.zero, prior.alpha, prior.beta) if isinstance(prior, BetaBinomial) else (0.0, *prior)
    if not (a > 0 and b > 0):
        raise AnalysisError("a Beta prior needs two positive numbers; (0.5, 0.5) is Jeffreys' prior")
    x, y = a + c, b + n - c
    solved = -np.expm1(betaln(x[:, None], y[:, None] + ks) - betaln(x, y)[:, None])
    none = (1 - zero) * np.exp(betaln(x, y) - betaln(a, b))  # chance of no success where p is not 0
    alive = np.where(c > 0, 1.0, none / np.maximum(none + zero, 1e-300))
    return solved * alive[:, None], ks > n[:, None]


def k_to_solve(n: ArrayLike, c: ArrayLike, level: float = 0.05) -> tuple[Floats, Floats, Floats]:
    """Expected number of samples until one is correct, 1/p, with Clopper-Pearson bounds.

    n, c: (M,). Returns estimate n/c, low and high, each (M,), in samples; infinite where c = 0 leaves no
    estimate and no upper bound. Raises AnalysisError on impossible counts.
    """
    n, c = checked(n, c)
    low, high = clopper_pearson(c, n, level)
    with np.errstate(divide="ignore"):
        return n / c, 1 / high, 1 / low


def support_threshold(k: int, zeta: float = 0.05) -> float:
    """Probability above which an answer counts as in the support at k samples: -ln ζ / k (2507.14843).

    Raises AnalysisError for k < 1 and ζ outside (0, 1).
    """
    if not k >= 1 or not 0 < zeta < 1:
        raise AnalysisError("a support threshold needs k ≥ 1 and ζ between 0 and 1")
    return float(-np.log(zeta) / k)


def cover(distribution: Mixture | BetaBinomial, tau: ArrayLike) -> Floats:
    """Cover@τ: share of problems with p ≥ τ under a fitted distribution, (T,) (2510.08325).

    distribution: of `npmle` or `fit_beta_binomial`, not c/n, which is biased near τ. tau: (T,) rates.
    pass@k = ∫ k(1-τ)^(k-1) Cover@τ dτ. Raises AnalysisError on missing thresholds and ones outside [0, 1].
    """
    t = np.atleast_1d(finite(tau, "thresholds τ"))
    if (t < 0).any() or (t > 1).any():
        raise AnalysisError("thresholds τ lie between 0 and 1")
    if isinstance(distribution, BetaBinomial):
        from scipy.special import betaincc

        above = (1 - distribution.zero) * betaincc(distribution.alpha, distribution.beta, t)
        return np.where(t > 0, above, 1.0)
    return (distribution.p >= t[:, None]).astype(float) @ distribution.weight
