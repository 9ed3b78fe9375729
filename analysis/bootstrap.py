"""The bootstrap over problems: one set of indices for both checkpoints and every k."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.counts import Floats, Ints
from analysis.errors import AnalysisError

CELLS = 4_000_000  # entries of one block of weights: 16 MB
FEWER = 10  # groups are drawn at once where there are this many times fewer of them than problems
CACHED = 1 << 15  # indices drawn at once: they stay in the cache


@dataclass(frozen=True, eq=False)
class Replicates:
    """Bootstrap of column means.

    estimate: (C,) means over problems. deviation: (R, C) replicate minus estimate, float32. units: number of
    independent units (problems or clusters). influence: (U, C) each unit's centred contribution to the mean,
    times the number of units: their variance over units estimates units × variance of the mean.
    """

    estimate: Floats
    deviation: NDArray[np.float32]
    units: int
    influence: Floats

    @property
    def error(self) -> Floats:
        """Standard error of each column mean, (C,), from the spread of the influence values."""
        return np.sqrt((self.influence**2).sum(0) / max(self.units - 1, 1) / self.units)

    def columns(self, which: slice | list[int]) -> Replicates:
        """Only these columns."""
        return Replicates(
            self.estimate[which], self.deviation[:, which], self.units, self.influence[:, which]
        )

    def minus(self, other: Replicates) -> Replicates:
        """Replicates of the difference of means, problem by problem and replicate by replicate."""
        return Replicates(
            self.estimate - other.estimate,
            self.deviation - other.deviation,
            self.units,
            self.influence - other.influence,
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
    stratum: (M,) codes; units are resampled within their stratum. alike: (M,) codes of problems with equal
    rows; where these are few, whole groups are drawn at once, which is the same distribution and faster.
    Weights are exact multinomial counts; sums run in single precision on centred values (relative error about
    1e-6 of the standard error).
    Raises AnalysisError for fewer than two units in all, or a cluster that spans strata.
    """
    totals, sizes, strata = _units(values, cluster, stratum)
    units = sizes.size
    if units < 2:
        raise AnalysisError("the bootstrap needs at least two problems or clusters; give more")
    mean = totals.sum(0) / sizes.sum()
    influence = totals - mean * sizes[:, None]
    columns = np.column_stack([influence, sizes]).astype(np.float32)
    if alike is not None and cluster is None and strata is None:
        first, times = np.unique(alike, return_index=True, return_counts=True)[1:]
        if FEWER * first.size < units:
            deviation = _grouped(columns[first], times, replicates, seed)
            return Replicates(mean, deviation, units, influence)
    strata = np.zeros(units, np.int64) if strata is None else strata
    groups = [np.flatnonzero(strata == s) for s in np.unique(strata)]
    deviation = np.empty((replicates, values.shape[1]), np.float32)
    streams = [np.random.Generator(np.random.SFC64([seed, 0xB007, i])) for i in range(len(groups))]
    few = max(1, CACHED // units)
    block = few * max(1, CELLS // units // few)
    for start in range(0, replicates, block):
        stop = min(start + block, replicates)
        sums = np.zeros((stop - start, columns.shape[1]), np.float32)
        for rng, g in zip(streams, groups, strict=True):
            sums += _weights(rng, stop - start, g.size, few) @ columns[g]
        deviation[start:stop] = sums[:, :-1] / sums[:, -1:]
    for g in groups:  # within a stratum the spread is about the stratum's own mean
        influence[g] -= influence[g].mean(0)
    return Replicates(mean, deviation, units, influence * (units / sizes.sum()))


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


def _weights(rng: np.random.Generator, rows: int, units: int, few: int) -> NDArray[np.float32]:
    """How often each unit is drawn in each of `rows` resamples, (rows, units), drawn `few` rows at a time."""
    small = np.uint16 if units <= 1 << 16 else np.uint32
    weights = np.empty((rows, units), np.float32)
    offset = np.arange(few)[:, None] * units
    for start in range(0, rows, few):
        drawn = rng.integers(0, units, (few, units), dtype=small) + offset
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
