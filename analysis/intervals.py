"""Intervals of a rate and of a paired difference of rates that hold at the floor and the ceiling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis.counts import Floats
from analysis.errors import AnalysisError


def clopper_pearson(successes: ArrayLike, trials: ArrayLike, level: float = 0.05) -> tuple[Floats, Floats]:
    """Exact binomial interval (Clopper and Pearson 1934); arrays broadcast; returns low, high as rates.

    `successes` need not be whole: the beta quantiles extend the interval to sums of values in [0, 1].
    """
    from scipy.special import betaincinv

    x, n = np.broadcast_arrays(np.asarray(successes, float), np.asarray(trials, float))
    if (n <= 0).any() or (x < 0).any() or (x > n).any():
        raise AnalysisError("an interval of a rate needs 0 ≤ successes ≤ trials and at least one trial")
    low = np.where(x > 0, betaincinv(np.maximum(x, 1e-300), n - x + 1, level / 2), 0.0)
    high = np.where(x < n, betaincinv(x + 1, np.maximum(n - x, 1e-300), 1 - level / 2), 1.0)
    return low, high


def wilson(rate: ArrayLike, trials: ArrayLike, level: float = 0.05) -> tuple[Floats, Floats]:
    """Score interval of a rate (Wilson 1927); arrays broadcast; returns low, high.

    Conservative for the mean of values in [0, 1], whose variance is at most rate (1 - rate).
    """
    p, n = np.broadcast_arrays(np.asarray(rate, float), np.asarray(trials, float))
    z2 = normal_quantile(1 - level / 2) ** 2
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = np.sqrt(z2) / (1 + z2 / n) * np.sqrt(p * (1 - p) / n + z2 / (4 * n**2))
    return np.where(p <= 0, 0.0, np.maximum(0, centre - half)), np.where(
        p >= 1, 1.0, np.minimum(1, centre + half)
    )


def paired_rates(
    gained: ArrayLike, lost: ArrayLike, trials: ArrayLike, level: float = 0.05
) -> tuple[Floats, Floats]:
    """Interval of a difference of paired rates (Bonett and Price 2012); arrays broadcast; returns low, high.

    gained, lost: sums over problems of the positive and of the negative differences (for 0/1 outcomes, the
    discordant problems). Never of width zero; conservative for differences in [-1, 1].
    """
    e, s, m = (np.asarray(x, float) for x in (gained, lost, trials))
    up, down = (e + 1) / (m + 2), (s + 1) / (m + 2)
    half = normal_quantile(1 - level / 2) * np.sqrt(np.maximum(up + down - (up - down) ** 2, 0) / (m + 2))
    return np.maximum(-1, up - down - half), np.minimum(1, up - down + half)


def normal_quantile(q: float) -> float:
    """Quantile of the standard normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(q))


def t_quantile(q: float, df: float) -> float:
    """Quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(df, q))
