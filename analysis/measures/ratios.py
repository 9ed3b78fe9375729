"""Ratios of means over problems, with bootstrap intervals: what several measures share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from analysis.arguments import Floats, Ints, checked_level
from analysis.inference.bootstrap import bootstrap
from analysis.inference.intervals import t_quantile


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval; low and high may be infinite. error: standard error."""

    estimate: float
    low: float
    high: float
    error: float = float("nan")


def of_means(
    values: Floats,
    function: Callable[[Floats], Floats],
    *,
    level: float = 0.05,
    replicates: int = 4000,
    seed: int = 0,
    cluster: Ints | None = None,
) -> Interval:
    """A smooth function of column means, with an expanded percentile interval over problems.

    values: (M, C), one row per problem. function: means (..., C) -> (...). Intervals as Hesterberg (2015,
    section 3.4). AnalysisError on missing values and fewer than two problems or clusters.
    """
    checked_level(level)
    rep = bootstrap(values, replicates=replicates, seed=seed, cluster=cluster)
    drawn = function(rep.estimate + rep.deviation.astype(float))
    low, high = np.quantile(drawn, expanded(rep.units, level))
    return Interval(float(function(rep.estimate)), float(low), float(high), float(drawn.std(ddof=1)))


def expanded(units: int, level: float) -> tuple[float, float]:
    """The two quantiles of an expanded percentile interval (Hesterberg 2015, section 3.4)."""
    from scipy.special import ndtr

    tail = float(ndtr(-np.sqrt(units / (units - 1)) * t_quantile(1 - level / 2, units - 1)))
    return tail, 1 - tail
