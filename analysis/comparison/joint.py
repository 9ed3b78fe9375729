"""The joint inference on the two numbers that decide: Δpass@1 and Δpass@K."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arguments import Floats, Ints
from analysis.comparison.options import Options, declared_ks
from analysis.comparison.planning import Spread, needed
from analysis.comparison.support import null_spread
from analysis.comparison.verdict import Reading, verdict
from analysis.counts import PairedCounts
from analysis.difficulty.npmle import Mixture
from analysis.difficulty.smooth import smooth_mixture
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import max_t, widened
from analysis.inference.bootstrap import Replicates, bootstrap, unit_sums
from analysis.inference.exact_tests import one_sided, sign_flip
from analysis.inference.intervals import NORMAL, normal_quantile, t_quantile
from analysis.problems.resplit import FLIPS, resplit

TAIL = 20  # draws that lie beyond a level, so that its quantile is resolved


def verdict_on_counts(
    pair: PairedCounts, options: Options | None = None, *, ask: bool = False
) -> dict[str, Any]:
    """The verdict of `compare` alone, without curves; ask: with what it would take to settle it.

    The same bootstrap (same seed, same indices) on the two declared columns only. Errors as in `compare`.
    """
    options = options or Options()
    pair = pair.without_short()[0].in_order()
    ks = declared_ks(pair.n, options)
    d = pass_at_k(pair.n_b, pair.c_b, ks) - pass_at_k(pair.n_a, pair.c_a, ks)
    two = resampled(d, pair, options)
    within = sampling_variance(pair, list(ks)) if ask or options.target == "benchmark" else None
    readings, gaps = readings_of(pair, ks, two, d, options, within)
    more = None if not ask or within is None else would_settle(pair, readings, two, within, options)
    level, margin = options.level, options.margin
    return verdict(*readings[:2], level=level, margin=margin, gap=gaps[0], needed=more, target=options.target)


def resampled(values: Floats, pair: PairedCounts, options: Options) -> Replicates:
    """The bootstrap of values (M, C) of the problems of a pair, by its clusters and strata."""
    groups = {"cluster": pair.cluster, "stratum": pair.stratum, "alike": pair.alike}
    return bootstrap(values, replicates=options.replicates, seed=options.seed, **groups)


def readings_of(
    pair: PairedCounts,
    ks: tuple[int, ...],
    two: Replicates,
    d: Floats,
    options: Options,
    within: Floats | None = None,
) -> tuple[tuple[Reading, ...], list[int]]:
    """The readings of the declared ks, and the sign of the gap of pass@1 to each later one, for the target.

    two: bootstrap of the differences d (M, C). within: (C,) variances of their means from sampling alone, for
    the target "benchmark"; fitted here if None.
    """
    if options.target == "population":
        readings = joint_readings(two, d, ks, options, pair.cluster, exact_p(pair, ks, options))
        return readings, [gap_sign(two.columns([0, j]), options.level) for j in range(1, len(ks))]
    if within is None:
        within = sampling_variance(pair, list(ks))
    return _benchmark(pair, ks, two.estimate, np.sqrt(within), options)


def sampling_variance(
    pair: PairedCounts, ks: list[int], fitted: tuple[Mixture, Mixture] | None = None
) -> Floats:
    """Variance (C,) of the mean differences at ks from sampling alone (`sampling_parts`)."""
    return np.asarray(np.sum(sampling_parts(pair, ks, fitted), axis=0))


def sampling_parts(
    pair: PairedCounts, ks: list[int], fitted: tuple[Mixture, Mixture] | None = None
) -> tuple[Floats, Floats]:
    """Variances (C,) of the means of A and of B at ks from sampling alone, each side with its own samples.

    fitted: the distributions of p over problems behind both sides (default: fitted to each). Where problems
    of one side differ in number of samples, the smallest counts.
    """
    fitted = fitted or (smooth_mixture(pair.n_a, pair.c_a), smooth_mixture(pair.n_b, pair.c_b))
    sides = list(zip(fitted, (int(pair.n_a.min()), int(pair.n_b.min())), strict=True))
    known = {side: null_spread(*side, ks, pair.M) ** 2 / 2 for side in dict.fromkeys(sides)}
    return known[sides[0]], known[sides[1]]


def would_settle(
    pair: PairedCounts, readings: Sequence[Reading], two: Replicates, within: Floats, options: Options
) -> dict[str, int | None]:
    """`analysis.comparison.planning.needed` of the first two readings, at the level that they were made at.

    within: (C,) variances of the means from sampling. A benchmark that is the target has no more problems.
    """
    own, level, margin = options.target == "benchmark", options.level, options.margin
    t = t_quantile(1 - level, units_of(two, options) - 1)
    errors = [(r.inner_high - r.inner_low) / 2 / t for r in readings[:2]]  # never 0, unlike two.error
    total = [error**2 * pair.M for error in errors]
    spreads = [Spread(x, float(min(w * pair.M, x))) for x, w in zip(total, within[:2], strict=True)]
    ask = needed(readings[:2], spreads, problems=pair.M, n=pair.n, level=level, margin=margin)
    return ask | ({"problems": None} if own else {})


def units_of(two: Replicates, options: Options) -> int:
    """Problems or clusters whose number widens intervals; without end where sampling is the only error."""
    return int(NORMAL) if options.target == "benchmark" else two.units


def _benchmark(
    pair: PairedCounts, ks: tuple[int, ...], estimate: Floats, error: Floats, options: Options
) -> tuple[tuple[Reading, ...], list[int]]:
    """Readings of these very problems, with sampling noise alone: normal intervals, Holm, exact re-splits."""
    p = _resplit_p(pair, ks, options)
    joint, one = (normal_quantile(1 - x) for x in (options.level / 2 / len(ks), options.level))
    order = np.argsort(-np.abs(estimate) / error, kind="stable")
    step, left = np.empty(len(ks)), len(ks)
    for j in order:  # the next number is tested alone with those left, while the last one had a direction
        step[j] = normal_quantile(1 - options.level / 2 / left)
        left -= int(left > 1 and abs(estimate[j]) > step[j] * error[j])
    readings = tuple(
        Reading(
            k, e, e - joint * s, e + joint * s, e - one * s, e + one * s, float(p[j]),
            e - float(step[j]) * s, e + float(step[j]) * s,
        )
        for j, (k, e, s) in enumerate(zip(ks, estimate.tolist(), error.tolist(), strict=True))
    )  # fmt: skip
    return readings, sampling_gaps(estimate, error, options.level)


def sampling_gaps(estimate: Floats, error: Floats, level: float) -> list[int]:
    """`gap_sign` of the first number to each other one, with sampling noise as the only error."""
    far = (estimate[0] - estimate[1:]) / np.hypot(error[0], error[1:])
    return [int(np.sign(x)) if abs(x) > normal_quantile(1 - level / 2) else 0 for x in far]


def exact_p(pair: PairedCounts, ks: Sequence[int], options: Options) -> Floats | None:
    """p-values of `resplit` where n differs, so that sign-flips are not exact; None where they are."""
    return None if pair.equal_n else _resplit_p(pair, ks, options)


def sure_over_k(pair: PairedCounts, ks: Sequence[int], options: Options) -> NDArray[np.bool_] | None:
    """Where re-splits tell a direction, of all ks together, (K,); None where n is equal and bands suffice."""
    if pair.equal_n:
        return None
    draws = int(np.ceil(TAIL / options.level))
    return resplit(pair, list(ks), replicates=draws, seed=options.seed) <= options.level


def _resplit_p(pair: PairedCounts, ks: Sequence[int], options: Options) -> Floats:
    draws = max(min(options.replicates, FLIPS), int(np.ceil(TAIL / options.level)))
    return resplit(pair, list(ks), replicates=draws, seed=options.seed)


def joint_readings(
    two: Replicates,
    d: Floats,
    ks: tuple[int, ...],
    options: Options,
    cluster: Ints | None = None,
    exact: Floats | None = None,
) -> tuple[Reading, ...]:
    """Joint region, step-down and equivalence intervals, and p-values of columns of paired differences.

    two: bootstrap of the C means; d: (M, C) the differences; cluster: (M,) codes or None; exact: (C,) further
    p-values that must agree (`exact_p`). The region is ± max-t errors; where few problems differ it also
    covers the interval of `paired_rates`. One reading per column.
    """
    columns = len(ks)
    crit = max_t(two, options.level)
    p = sign_flip(unit_sums(d, cluster), replicates=options.replicates, seed=options.seed)
    p = p if exact is None else np.maximum(p, exact)
    low, high = two.estimate - crit * two.error, two.estimate + crit * two.error
    inner_low, inner_high = one_sided(two.estimate, two.error, two.units, options.level)
    low, high = widened(low, high, d, two.units, options.level / columns, cluster)
    inner_low, inner_high = widened(inner_low, inner_high, d, two.units, 2 * options.level, cluster)
    step_low, step_high = _stepped(two, d, low, high, options.level, cluster)
    ends = (low, high, inner_low, inner_high, p, step_low, step_high)
    return tuple(Reading(k, float(two.estimate[j]), *(float(x[j]) for x in ends)) for j, k in enumerate(ks))


def _stepped(
    two: Replicates, d: Floats, low: Floats, high: Floats, level: float, cluster: Ints | None
) -> tuple[Floats, Floats]:
    """Intervals (C,) of the step-down max-t procedure (Romano and Wolf 2005).

    The numbers in order of their distance from 0 in errors. While the region of those left excludes 0 for the
    first of them, the rest get a region of their own, which is narrower.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        order = np.argsort(-np.nan_to_num(np.abs(two.estimate) / two.error), kind="stable").tolist()
    low, high = low.copy(), high.copy()
    for done in range(1, len(order)):
        if low[order[done - 1]] <= 0 <= high[order[done - 1]]:
            break
        rest = order[done:]
        part = two.columns(rest)
        crit = max_t(part, level)
        ends = part.estimate - crit * part.error, part.estimate + crit * part.error
        low[rest], high[rest] = widened(*ends, d[:, rest], two.units, level / len(rest), cluster)
    return low, high


def gap_sign(two: Replicates, level: float) -> int:
    """1 where Δpass@1 is shown to exceed Δpass@K (two-sided t test at `level`), -1 the reverse, else 0."""
    gap = two.columns([0]).minus(two.columns([1]))
    far = float(gap.estimate[0]) / max(float(gap.error[0]), 1e-12)
    return int(np.sign(far)) if abs(far) > t_quantile(1 - level / 2, two.units - 1) else 0
