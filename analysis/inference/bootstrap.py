"""The bootstrap over problems: one set of indices for both checkpoints and every k."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from analysis.arguments import Floats, Ints, finite
from analysis.errors import AnalysisError

CELLS = 4_000_000  # entries of one block of weights: 16 MB
FEWER = 10  # groups are drawn at once where there are this many times fewer of them than problems
KEPT = 20_000_000  # weights (80 MB) that are kept for the next pair of as many problems
CACHED = 1 << 15  # indices drawn at once: they stay in the cache


@dataclass(frozen=True, eq=False)
class Replicates:
    """Bootstrap of column means.

    estimate: (C,) means over problems. deviation: (R, C) replicate minus estimate, float32. units: number of
    independent units (problems or clusters). influence: (U, C) each unit's centred contribution to the mean,
    times the number of units: their variance over units estimates units × variance of the mean. cluster: (M,)
    codes of the resampled clusters, or None where problems were resampled.
    """

    estimate: Floats
    deviation: NDArray[np.float32]
    units: int
    influence: Floats
    cluster: Ints | None = None

    @property
    def error(self) -> Floats:
        """Standard error of each column mean, (C,), from the spread of the influence values."""
        return np.sqrt((self.influence**2).sum(0) / max(self.units - 1, 1) / self.units)

    def columns(self, which: slice | list[int]) -> Replicates:
        """Only these columns."""
        return replace(
            self,
            estimate=self.estimate[which],
            deviation=self.deviation[:, which],
            influence=self.influence[:, which],
        )

    def minus(self, other: Replicates) -> Replicates:
        """Replicates of the difference of means, problem by problem and replicate by replicate."""
        return replace(
            self,
            estimate=self.estimate - other.estimate,
            deviation=self.deviation - other.deviation,
            influence=self.influence - other.influence,
        )


def bootstrap(
    values: Floats,
    *,
    replicates: int = 10_000,
    seed: int = 0,
    cluster: Ints | None = None,
    stratum: Ints | None = None,
    alike: Ints | None = None,
) -> Replicates:
    """Bootstrap means over problems (Efron 1979), all columns with the same indices.

    values: (M, C). cluster: (M,) codes; whole clusters are resampled and the mean stays one over problems.
    stratum: (M,) codes; units are resampled within their stratum, and spread by √(m/(m-1)) about its mean
    where it has m of them (Rao and Wu 1988), because m values vary less about their own mean than about the
    true one. alike: (M,) codes of problems with equal rows; where these are few, whole groups are drawn at
    once, which is the same distribution and faster. Weights are exact multinomial counts; sums run in single
    precision on centred values (relative error about 1e-6 of the standard error).
    Raises AnalysisError on missing values, fewer than two units in all or in a stratum, and a cluster that
    spans strata.
    """
    values = _checked(values, cluster, stratum, replicates)
    totals, sizes, strata = _units(values, cluster, stratum)
    units = sizes.size
    if units < 2:
        raise AnalysisError("the bootstrap needs at least two problems or clusters; give more")
    mean = totals.sum(0) / sizes.sum()
    influence = -mean * sizes[:, None]  # (U, C) arrays are large: in place, and no more of them than needed
    influence += totals
    if alike is not None and cluster is None and strata is None:
        first, times = np.unique(alike, return_index=True, return_counts=True)[1:]
        if FEWER * first.size < units:
            columns = np.column_stack([influence[first], sizes[first]]).astype(np.float32)
            deviation = _grouped(columns, times, replicates, seed)
            return Replicates(mean, deviation, units, influence)
    rows, bounds = np.empty((units, values.shape[1] + 1), np.float32), None
    if strata is None:
        rows[:, :-1], rows[:, -1] = influence, sizes
    else:
        order, bounds = _strata(strata)
        rows[:] = np.add(*_about_strata(np.column_stack([influence, sizes])[order], bounds))
        influence = _about_strata(influence[order], bounds)[1]
    rng = np.random.Generator(np.random.SFC64([seed, 0xB007, 0]))
    deviation = np.empty((replicates, values.shape[1]), np.float32)
    few = max(1, CACHED // units)
    block = few * max(1, CELLS // units // few)
    for start in range(0, replicates, block):
        stop = min(start + block, replicates)
        if bounds is None and replicates * units <= KEPT:
            weights = _kept_weights(replicates, units, seed, few, block)[start:stop]
        else:
            weights = _weights(rng, stop - start, units, few, bounds)
        sums = weights @ rows
        deviation[start:stop] = sums[:, :-1] / sums[:, -1:]
    influence *= units / sizes.sum()
    return Replicates(mean, deviation, units, influence, cluster)


def _checked(values: Floats, cluster: Ints | None, stratum: Ints | None, replicates: int) -> Floats:
    """The values as floats (M, C), with groups of the same length."""
    values = finite(values, "values")
    if values.ndim != 2 or replicates < 1:
        raise AnalysisError("the bootstrap needs one row per problem, one column per number, and replicates")
    if any(np.shape(g) != (len(values),) for g in (cluster, stratum) if g is not None):
        raise AnalysisError("clusters and strata must have one entry per problem")
    return values


def _strata(strata: Ints) -> tuple[Ints, tuple[Ints, Ints]]:
    """The order that puts units beside those of their stratum, and in it the first and the end of each's."""
    order = np.argsort(strata, kind="stable")
    _, first, size = np.unique(strata[order], return_index=True, return_counts=True)
    if first.size > 1 and size.min() < 2:
        raise AnalysisError("a stratum holds a single problem or cluster; merge it with another stratum")
    return order, (np.repeat(first, size), np.repeat(first + size, size))


def _about_strata(x: Floats, bounds: tuple[Ints, Ints]) -> tuple[Floats, Floats]:
    """Mean of each unit's stratum, and the widened distance from it, both (U, C).

    The factor √((U-1)/U) leaves for `percentile` the widening that it gives to one stratum of all units.
    """
    first, end = bounds
    size, units = (end - first)[:, None], len(x)
    means = np.add.reduceat(x, np.unique(first))[np.unique(first, return_inverse=True)[1]] / size
    return means, np.sqrt(size / (size - 1) * (units - 1) / units) * (x - means)


def _grouped(rows: NDArray[np.float32], times: Ints, replicates: int, seed: int) -> NDArray[np.float32]:
    """Deviations from groups of equal rows (G, C + 1), the last column ones: multinomial numbers of each."""
    rng = np.random.Generator(np.random.SFC64([seed, 0xB007]))
    units = int(times.sum())
    block = max(1, CELLS // times.size)
    out = np.empty((replicates, rows.shape[1] - 1), np.float32)
    for start in range(0, replicates, block):
        many = min(block, replicates - start)
        drawn = rng.multinomial(units, times / units, size=many).astype(np.float32)
        out[start : start + many] = drawn @ rows[:, :-1] / np.float32(units)
    return out


@lru_cache(maxsize=1)
def _kept_weights(replicates: int, units: int, seed: int, few: int, block: int) -> NDArray[np.float32]:
    """The weights of all resamples: many pairs of the same problems draw the same ones."""
    rng = np.random.Generator(np.random.SFC64([seed, 0xB007, 0]))
    out = np.empty((replicates, units), np.float32)
    for start in range(0, replicates, block):
        stop = min(start + block, replicates)
        out[start:stop] = _weights(rng, stop - start, units, few, None)
    return out


def _weights(
    rng: np.random.Generator, rows: int, units: int, few: int, bounds: tuple[Ints, Ints] | None
) -> NDArray[np.float32]:
    """How often each unit is drawn in each of `rows` resamples, (rows, units), drawn `few` rows at a time.

    bounds: (U,) first and end of the units of each one's stratum, or None to draw from all.
    """
    small = np.uint16 if units <= 1 << 16 else np.uint32
    weights = np.empty((rows, units), np.float32)
    offset = np.arange(few)[:, None] * units
    for start in range(0, rows, few):
        if bounds is None:
            drawn = rng.integers(0, units, (few, units), dtype=small) + offset
        else:
            drawn = rng.integers(*bounds, (few, units)) + offset
        counted = np.bincount(drawn.ravel(), minlength=few * units).reshape(few, units)
        weights[start : start + few] = counted[: rows - start]
    return weights


def _units(values: Floats, cluster: Ints | None, stratum: Ints | None) -> tuple[Floats, Floats, Ints | None]:
    """Sums of the values, numbers of problems and strata of the units that are resampled."""
    if cluster is None:
        return values, np.ones(len(values)), stratum
    _, codes = np.unique(cluster, return_inverse=True)
    sizes = np.bincount(codes).astype(float)
    totals = np.zeros((sizes.size, values.shape[1]))
    np.add.at(totals, codes, values)
    if stratum is None:
        return totals, sizes, None
    first = np.zeros(sizes.size, np.int64)
    first[codes] = stratum
    if (first[codes] != stratum).any():
        raise AnalysisError("a cluster lies in two strata; let every cluster lie in one")
    return totals, sizes, first


def unit_sums(values: Floats, cluster: Ints | None) -> Floats:
    """Sums of the values over each cluster, (U, C); the values themselves without clusters."""
    return _units(values, cluster, None)[0]
