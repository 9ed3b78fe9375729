"""The comparison of two checkpoints on counts: curves, difference, crossover, support, verdict, checks."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from analysis.arguments import Floats
from analysis.comparison.checks import checks
from analysis.comparison.counts import PairedCounts
from analysis.comparison.crossover import crossover, slope
from analysis.comparison.joint import joint_readings
from analysis.comparison.options import Options, declared_K, k_grid
from analysis.comparison.planning import Spread, needed
from analysis.comparison.support import null_spread, support_report
from analysis.comparison.verdict import verdict
from analysis.difficulty.smooth import smooth_mixture
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import Curve, curve, difference
from analysis.inference.bootstrap import Replicates, bootstrap
from analysis.inference.intervals import normal_quantile, t_quantile


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two checkpoints' counts say. All rates lie in [0, 1]; lists run over k.

    passk_a, passk_b, delta: curves with pointwise intervals and simultaneous bands (bootstrap over problems).
    null_spread: (K,) standard deviation of Δpass@k between two draws of A. fixed: (K,) standard error of Δ
    for this fixed set of problems (within-problem noise alone). verdict, crossover, slope, support, checks:
    see `to_dict`.
    """

    pair: PairedCounts
    options: Options
    K: int
    k: list[int]
    passk_a: Curve
    passk_b: Curve
    delta: Curve
    null_spread: Floats
    fixed: Floats
    verdict: dict[str, Any]
    crossover: dict[str, int | None]
    slope: dict[str, float]
    support: dict[str, Any]
    checks: list[dict[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types without NaN or infinity (None stands for what does not exist)."""
        z = normal_quantile(1 - self.options.level / 2)
        null = {"null_low": (-z * self.null_spread).tolist(), "null_high": (z * self.null_spread).tolist()}
        fixed = {
            "fixed_low": (self.delta.estimate - z * self.fixed).tolist(),
            "fixed_high": (self.delta.estimate + z * self.fixed).tolist(),
        }
        return _plain(
            {
                "problems": self.pair.M,
                "n": self.pair.n,
                "k": self.k,
                "passk": {"a": self.passk_a.to_dict(), "b": self.passk_b.to_dict()},
                "delta": self.delta.to_dict() | null | fixed,
                "verdict": self.verdict,
                "crossover": self.crossover,
                "slope": self.slope,
                "support": self.support,
                "options": asdict(self.options) | {"K": self.K, "K_declared": self.options.K is not None},
                "checks": self.checks,
            }
        )


def compare(pair: PairedCounts, options: Options | None = None) -> Comparison:
    """Compare two checkpoints by their counts, paired by problem.

    One bootstrap over problems (the same indices for both checkpoints and every k) gives the intervals, the
    simultaneous bands over k, the interval of k*, and the joint region of (Δpass@1, Δpass@K) on which the
    verdict rests. The same-model expectations come from the distribution of p fitted to A. The order of the
    problems does not matter. Raises AnalysisError where K or a k exceeds the smallest n, or n = 1.
    """
    options = options or Options()
    pair = pair.in_order()
    n = pair.n
    K = declared_K(n, options.K)
    ks = k_grid(n, K, options.k)
    a, b = pass_at_k(pair.n_a, pair.c_a, ks), pass_at_k(pair.n_b, pair.c_b, ks)
    rep = bootstrap(
        np.hstack([a, b]),
        replicates=options.replicates,
        seed=options.seed,
        cluster=pair.cluster,
        stratum=pair.stratum,
        alike=pair.alike,
    )
    rep_a, rep_b = rep.columns(slice(0, len(ks))), rep.columns(slice(len(ks), None))
    delta = rep_b.minus(rep_a)
    equal = pair if pair.equal_n else pair.thinned(n, options.seed)
    mixtures = smooth_mixture(pair.n_a, pair.c_a), smooth_mixture(pair.n_b, pair.c_b)
    two = [ks.index(1), ks.index(K)]
    spread = null_spread(mixtures[0], n, ks, pair.M)
    gap = difference(delta, b - a, options.level, options.interval)
    within = (spread**2 + null_spread(mixtures[1], n, ks, pair.M) ** 2) / 2
    return Comparison(
        pair=pair,
        options=options,
        K=K,
        k=ks,
        passk_a=curve(rep_a, a, options.level, options.interval),
        passk_b=curve(rep_b, b, options.level, options.interval),
        delta=gap,
        null_spread=spread,
        fixed=np.sqrt(within),
        verdict=_verdict(pair, options, K, delta.columns(two), (b - a)[:, two], within[two]),
        crossover=crossover(pair, ks, delta, b - a, gap, options.level),
        slope=slope(ks, delta, b - a, options.level),
        support=support_report(equal, mixtures[0], options.level),
        checks=checks(pair, K, options),
    )


def _verdict(
    pair: PairedCounts, options: Options, K: int, two: Replicates, d: Floats, within: Floats
) -> dict[str, Any]:
    """The verdict, with what would settle it; `within`: (2,) variances of the means from sampling."""
    readings = joint_readings(two, d, (1, K), options, pair.cluster)
    t = t_quantile(1 - options.level, two.units - 1)
    errors = [(r.inner_high - r.inner_low) / 2 / t for r in readings]  # never 0, unlike two.error
    total = [error**2 * pair.M for error in errors]
    spreads = [Spread(x, float(min(w * pair.M, x))) for x, w in zip(total, within, strict=True)]
    ask = needed(readings, spreads, problems=pair.M, n=pair.n, level=options.level, margin=options.margin)
    return verdict(*readings, level=options.level, margin=options.margin, needed=ask)


def _plain(value: Any) -> Any:
    """Plain Python types; a number that is not finite becomes None."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
