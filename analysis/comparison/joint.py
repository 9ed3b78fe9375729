"""The joint inference on the two numbers that decide: Δpass@1 and Δpass@K."""

from __future__ import annotations

from typing import Any

from analysis.arguments import Floats, Ints
from analysis.comparison.counts import PairedCounts
from analysis.comparison.options import Options, declared_K
from analysis.comparison.verdict import Reading, verdict
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import max_t, widened
from analysis.inference.bootstrap import Replicates, bootstrap, unit_sums
from analysis.inference.exact_tests import one_sided, sign_flip


def verdict_on_counts(pair: PairedCounts, options: Options | None = None) -> dict[str, Any]:
    """The verdict of `compare` alone, without curves and without what it would take to settle it.

    The same bootstrap (same seed, same indices) on the two declared columns only. Errors as in `compare`.
    """
    options = options or Options()
    pair = pair.in_order()
    K = declared_K(pair.n, options.K)
    d = pass_at_k(pair.n_b, pair.c_b, [1, K]) - pass_at_k(pair.n_a, pair.c_a, [1, K])
    two = bootstrap(
        d,
        replicates=options.replicates,
        seed=options.seed,
        cluster=pair.cluster,
        stratum=pair.stratum,
        alike=pair.alike,
    )
    readings = joint_readings(two, d, (1, K), options, pair.cluster)
    return verdict(*readings, level=options.level, margin=options.margin)


def joint_readings(
    two: Replicates, d: Floats, ks: tuple[int, int], options: Options, cluster: Ints | None = None
) -> tuple[Reading, Reading]:
    """Joint region, equivalence interval and sign-flip p-values of two columns of paired differences.

    two: bootstrap of the two means; d: (M, 2) the differences; cluster: (M,) codes or None. The region is
    ± max-t errors; where few problems differ it also covers the interval of `paired_rates`.
    """
    crit = max_t(two, options.level)
    p = sign_flip(unit_sums(d, cluster), replicates=options.replicates, seed=options.seed)
    low, high = two.estimate - crit * two.error, two.estimate + crit * two.error
    inner_low, inner_high = one_sided(two.estimate, two.error, two.units, options.level)
    low, high = widened(low, high, d, two.units, options.level / 2, cluster)
    inner_low, inner_high = widened(inner_low, inner_high, d, two.units, 2 * options.level, cluster)
    first, large = (
        Reading(k, *(float(x[j]) for x in (two.estimate, low, high, inner_low, inner_high, p)))
        for j, k in enumerate(ks)
    )
    return first, large
