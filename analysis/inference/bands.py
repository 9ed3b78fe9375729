"""Intervals and simultaneous bands from bootstrap replicates, honest at the floor and the ceiling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from analysis.arguments import Floats, Ints, checked_level
from analysis.inference.bootstrap import Replicates, unit_sums
from analysis.inference.intervals import (
    clopper_pearson,
    exact_rates,
    normal_quantile,
    paired_rates,
    t_quantile,
)

ROUNDING = 1e-12  # of a value in [-1, 1]
FEW = 10  # with fewer problems (clusters) off the common value, resampling says too little


@dataclass(frozen=True, eq=False)
class Curve:
    """Estimates over k with pointwise intervals and a simultaneous band, each (K,)."""

    estimate: Floats
    low: Floats
    high: Floats
    band_low: Floats
    band_high: Floats

    def to_dict(self) -> dict[str, list[float]]:
        """Lists of plain floats."""
        return {name: np.asarray(getattr(self, name)).tolist() for name in self.__dataclass_fields__}


def percentile(rep: Replicates, level: float) -> tuple[Floats, Floats]:
    """Expanded percentile interval (Hesterberg 2015, 1411.5279) of each mean; low and high, (C,).

    The tail areas are those of Student's t with the factor √(U/(U-1)), so that small U is not too narrow.
    """
    from scipy.special import ndtr

    tail = ndtr(-np.sqrt(rep.units / (rep.units - 1)) * t_quantile(1 - level / 2, rep.units - 1))
    low, high = np.quantile(rep.deviation, [tail, 1 - tail], axis=0)
    return rep.estimate + low, rep.estimate + high


def bca(rep: Replicates, level: float) -> tuple[Floats, Floats]:
    """Bias-corrected and accelerated interval (Efron 1987) of each mean; low and high, (C,).

    A column without spread returns its estimate twice; `curve` replaces it by an exact interval.
    """
    from scipy.special import ndtr, ndtri

    cube, square = (rep.influence**3).sum(0), (rep.influence**2).sum(0)
    a = np.where(square > 0, cube / (6 * np.where(square > 0, square, 1.0) ** 1.5), 0.0)
    below = ((rep.deviation < 0).mean(0) + (rep.deviation <= 0).mean(0)) / 2
    edge = 1 / (2 * len(rep.deviation))
    z0 = ndtri(np.clip(below, edge, 1 - edge))
    ends = []
    for z in (normal_quantile(level / 2), normal_quantile(1 - level / 2)):
        q = ndtr(z0 + (z0 + z) / (1 - a * (z0 + z)))
        ends.append([np.quantile(rep.deviation[:, j], q[j]) for j in range(q.size)])
    return rep.estimate + np.array(ends[0]), rep.estimate + np.array(ends[1])


def max_t(rep: Replicates, level: float) -> float:
    """Critical value of max over columns of |deviation| / error: a simultaneous band is ± this many errors.

    Columns with error 0 do not count. With the correction of `percentile` for few units.
    """
    error = rep.error
    held = np.flatnonzero(error > 0)
    alone = t_quantile(1 - level / 2, rep.units - 1)
    widen = np.sqrt(rep.units / (rep.units - 1)) * alone / normal_quantile(1 - level / 2)
    if held.size == 0:
        return alone
    scaled = np.abs(rep.deviation[:, held]) * (1 / error[held]).astype(np.float32)
    return max(float(np.quantile(scaled.max(1), 1 - level)) * widen, alone)


def curve(
    rep: Replicates, values: Floats, level: float, interval: Literal["percentile", "bca"] = "percentile"
) -> Curve:
    """Pointwise intervals and max-t band of means of `values` in [0, 1], (M, K), in rates.

    rep: `bootstrap` of the same values. Where fewer than FEW problems (or clusters) differ from the column's
    median (floor, ceiling), interval and band also cover the Clopper-Pearson interval of the mean: never of
    width zero. Source: max-t bands, Montiel Olea and Plagborg-Møller (2019).
    """
    checked_level(level)
    few = few_differ(values, rep.cluster)
    solved = rep.estimate[few] * rep.units

    def exact(level: float) -> tuple[Floats, Floats]:
        return clopper_pearson(solved.clip(0, rep.units), rep.units, level)

    return _curve(rep, level, interval, few, exact, 0.0)


def difference(
    rep: Replicates, values: Floats, level: float, interval: Literal["percentile", "bca"] = "percentile"
) -> Curve:
    """Pointwise intervals and max-t band of means of paired differences `values` in [-1, 1], (M, K).

    In rates, as `curve`; where few problems differ from the median (most often 0: no change), interval and
    band also cover that of `paired_rates`: never of width zero.
    """
    checked_level(level)
    few = few_differ(values, rep.cluster)

    def exact(level: float) -> tuple[Floats, Floats]:
        return _paired(values[:, few], rep.units, level)

    return _curve(rep, level, interval, few, exact, -1.0)


def widened(
    low: Floats, high: Floats, values: Floats, units: int, level: float, cluster: Ints | None = None
) -> tuple[Floats, Floats]:
    """Intervals (C,) of mean differences that cover `paired_rates`, `exact_rates` where few problems differ.

    values: (M, C) differences in [-1, 1]; units: problems or clusters; cluster: (M,) codes or None.
    """
    few = few_differ(values, cluster)
    low, high = low.copy(), high.copy()
    for rates in (paired_rates, exact_rates):
        least, most = _paired(values[:, few], units, level, rates)
        low[few], high[few] = np.minimum(low[few], least), np.maximum(high[few], most)
    return low, high


def few_differ(values: Floats, cluster: Ints | None) -> NDArray[np.bool_]:
    """Columns (C,) in which fewer than FEW problems, or clusters with such, are off the median of all."""
    off = np.abs(values - np.median(values, axis=0)) > ROUNDING
    if cluster is not None:
        off = unit_sums(off.astype(float), cluster) > 0
    return np.asarray(off.sum(0) < FEW)


def _paired(
    values: Floats, units: int, level: float, rates: Callable[..., tuple[Floats, Floats]] = paired_rates
) -> tuple[Floats, Floats]:
    share = units / len(values)  # with clusters, as many pairs as there are independent units
    return rates(values.clip(0).sum(0) * share, (-values).clip(0).sum(0) * share, units, level)


def _curve(
    rep: Replicates,
    level: float,
    interval: str,
    few: NDArray[np.bool_],
    exact: Callable[[float], tuple[Floats, Floats]],
    floor: float,
) -> Curve:
    low, high = (bca if interval == "bca" else percentile)(rep, level)
    crit = max_t(rep, level)
    band_low, band_high = rep.estimate - crit * rep.error, rep.estimate + crit * rep.error
    if few.any():
        for lower, upper, alpha in ((low, high, level), (band_low, band_high, _pointwise(crit))):
            exact_low, exact_high = exact(alpha)
            lower[few], upper[few] = np.minimum(lower[few], exact_low), np.maximum(upper[few], exact_high)
    low, high, band_low, band_high = (x.clip(floor, 1) for x in (low, high, band_low, band_high))
    return Curve(rep.estimate, low, high, np.minimum(band_low, low), np.maximum(band_high, high))


def _pointwise(crit: float) -> float:
    """The pointwise level of ± crit standard errors under the normal distribution."""
    from scipy.special import ndtr

    return float(max(2 * ndtr(-crit), 1e-12))
