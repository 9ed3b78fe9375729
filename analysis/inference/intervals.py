"""Intervals of a rate and of a paired difference of rates that hold at the floor and the ceiling."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, checked_level, finite
from analysis.errors import AnalysisError

NORMAL = 1e9  # degrees of freedom with which Student's t is the normal distribution


def clopper_pearson(successes: ArrayLike, trials: ArrayLike, level: float = 0.05) -> tuple[Floats, Floats]:
    """Exact binomial interval (Clopper and Pearson 1934); arrays broadcast; returns low, high as rates.

    `successes` need not be whole: the beta quantiles extend the interval to sums of values in [0, 1].
    Raises AnalysisError on missing values, successes outside 0 … trials, and no trials.
    """
    from scipy.special import betaincinv

    checked_level(level)
    x, n = np.broadcast_arrays(finite(successes, "successes"), finite(trials, "trials"))
    if (n <= 0).any() or (x < 0).any() or (x > n).any():
        raise AnalysisError("an interval of a rate needs 0 ≤ successes ≤ trials and at least one trial")
    low = np.where(x > 0, betaincinv(np.maximum(x, 1e-300), n - x + 1, level / 2), 0.0)
    high = np.where(x < n, betaincinv(x + 1, np.maximum(n - x, 1e-300), 1 - level / 2), 1.0)
    return low, high


def wilson(rate: ArrayLike, trials: ArrayLike, level: float = 0.05) -> tuple[Floats, Floats]:
    """Score interval of a rate (Wilson 1927); arrays broadcast; returns low, high.

    Conservative for the mean of values in [0, 1], whose variance is at most rate (1 - rate).
    Raises AnalysisError on missing values, rates outside [0, 1], and no trials.
    """
    checked_level(level)
    p, n = np.broadcast_arrays(finite(rate, "the rate"), finite(trials, "trials"))
    if (n <= 0).any() or (p < 0).any() or (p > 1).any():
        raise AnalysisError("an interval of a rate needs a rate from 0 to 1 and at least one trial")
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
    Raises AnalysisError on missing or negative values, more changes than trials, and no trials.
    """
    checked_level(level)
    e, s, m = (finite(x, "gained, lost and trials") for x in (gained, lost, trials))
    if (m <= 0).any() or (e < 0).any() or (s < 0).any() or (e + s > m * (1 + 1e-9)).any():
        raise AnalysisError("gained and lost are numbers of trials: from 0 to all of them together")
    middle = (e - s) / (m + 2)
    half = normal_quantile(1 - level / 2) * change_error(e, s, m)
    return np.maximum(-1, middle - half), np.minimum(1, middle + half)


def exact_rates(
    gained: ArrayLike, lost: ArrayLike, trials: ArrayLike, level: float = 0.05
) -> tuple[Floats, Floats]:
    """Interval of a difference of paired rates from the exact ones of both (Zou and Donner 2008).

    Arguments, shapes and errors as in `paired_rates`, which is too narrow on the far side where few changes
    all go one way: of losses alone this is the Clopper-Pearson interval.
    """
    e, s, m = (finite(x, "gained, lost and trials") for x in (gained, lost, trials))
    (e_low, e_high), (s_low, s_high) = (clopper_pearson(np.minimum(x, m), m, level) for x in (e, s))
    low = (e - s) / m - np.hypot(e / m - e_low, s_high - s / m)
    high = (e - s) / m + np.hypot(e_high - e / m, s / m - s_low)
    return np.maximum(-1, low), np.minimum(1, high)


def change_error(gained: ArrayLike, lost: ArrayLike, trials: ArrayLike) -> Floats:
    """Standard error of `paired_rates`, with one gain and one loss added: never 0. Arrays broadcast."""
    up, down, m = (np.asarray(x, float) for x in (gained, lost, trials))
    up, down = (up + 1) / (m + 2), (down + 1) / (m + 2)
    return np.sqrt(np.maximum(up + down - (up - down) ** 2, 0) / (m + 2))


def normal_quantile(q: float) -> float:
    """Quantile of the standard normal distribution."""
    from scipy.special import ndtri

    return float(ndtri(q))


def t_quantile(q: float, df: float) -> float:
    """Quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(df, q))
