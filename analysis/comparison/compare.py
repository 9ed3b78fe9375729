"""The comparison of two checkpoints on counts: curves, difference, crossover, support, verdict, checks."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from analysis.arguments import Floats
from analysis.comparison.checks import checks
from analysis.comparison.crossover import crossover, over_k, slope
from analysis.comparison.joint import (
    readings_of,
    resampled,
    sampling_variance,
    sure_over_k,
    units_of,
    would_settle,
)
from analysis.comparison.options import Options, declared_ks, k_grid
from analysis.comparison.planning import detectable
from analysis.comparison.support import support_report
from analysis.comparison.tries import Tries, tries
from analysis.comparison.verdict import Reading, standing, verdict
from analysis.counts import PairedCounts
from analysis.difficulty.npmle import Mixture
from analysis.difficulty.smooth import smooth_mixture
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import Curve, curve, difference
from analysis.inference.bootstrap import Replicates
from analysis.inference.intervals import normal_quantile
from analysis.problems.changes import Changes, changes
from analysis.problems.origin import expected_origin, origin
from analysis.problems.resplit import moved


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two checkpoints' counts say. All rates lie in [0, 1]; lists run over k.

    passk_a, passk_b, delta: curves with pointwise intervals and simultaneous bands (bootstrap over problems).
    null_spread: (K,) standard deviation of Δpass@k between two draws of A. fixed: (K,) standard error of Δ
    for this fixed set of problems (within-problem noise alone). verdict: what the two numbers say; also: the
    verdicts at further declared K. detectable: the changes of the two numbers that 80% power would find.
    over_k: from which k to which k B is above, below, equal (`crossover.over_k`). tries: how many of A's
    tries one of B's is worth. changes: which problems' rates changed. moved: whether problems moved although
    the mean did not (`resplit.moved`). origin: B's solved problems by where they come from, with what one
    model drawn twice would give. aside: problems set aside for their few samples. crossover, slope, support,
    checks: see `to_dict`.
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
    also: list[dict[str, Any]]
    detectable: dict[str, float]
    over_k: list[dict[str, Any]]
    tries: Tries
    changes: Changes
    moved: dict[str, Any]
    origin: dict[str, dict[str, float]]
    crossover: dict[str, int | None]
    slope: dict[str, float]
    support: dict[str, Any]
    checks: list[dict[str, Any]]
    aside: list[Any]

    @property
    def headline(self) -> dict[str, Any]:
        """The verdict that stands: undetermined, with the reason, where a check takes it away."""
        failed = [c for c in self.checks if c["passed"] is False and c.get("voids")]
        return standing(self.verdict, [(c["name"], c["detail"]) for c in failed])

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types without NaN or infinity (None stands for what does not exist)."""
        z = normal_quantile(1 - self.options.level / 2)
        null = {"null_low": (-z * self.null_spread).tolist(), "null_high": (z * self.null_spread).tolist()}
        fixed = {
            "fixed_low": (self.delta.estimate - z * self.fixed).tolist(),
            "fixed_high": (self.delta.estimate + z * self.fixed).tolist(),
        }
        kept = [
            *("verdict", "headline", "also", "detectable", "over_k", "moved", "origin", "aside"),
            *("crossover", "slope", "support", "checks"),
        ]
        return _plain(
            {
                "problems": self.pair.M,
                "n": self.pair.n,
                "k": self.k,
                "passk": {"a": self.passk_a.to_dict(), "b": self.passk_b.to_dict()},
                "delta": self.delta.to_dict() | null | fixed,
                "tries": self.tries.to_dict() | {"sentence": self.tries.sentence()},
                "changes": self.changes.to_dict(),
                **{name: getattr(self, name) for name in kept},
                "options": asdict(self.options) | {"K": self.K, "K_declared": self.options.K is not None},
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
    kept, aside = pair.without_short()
    pair = kept.in_order()
    n, level = pair.n, options.level
    declared = declared_ks(n, options)
    K = declared[1]
    ks = k_grid(n, K, tuple({*options.k, *options.also}) if options.k else None)
    ks = sorted({*ks, *declared})
    passk, multiplier, delta, values = _curves(pair, ks, K, options)
    if (sure := sure_over_k(pair, ks, options)) is not None and not sure[0]:
        multiplier = replace(multiplier, enough=False)
    equal = pair if pair.equal_n else pair.thinned(n, options.seed)
    mixtures = smooth_mixture(pair.n_a, pair.c_a), smooth_mixture(pair.n_b, pair.c_b)
    null = sampling_variance(pair, ks, (mixtures[0], mixtures[0]))
    gap = difference(delta, values, level, options.interval)
    within = sampling_variance(pair, ks, mixtures)
    columns = [ks.index(k) for k in declared]
    two, d = delta.columns(columns), values[:, columns]
    readings, signs = readings_of(pair, declared, two, d, options, within[columns])
    verdicts = _verdicts(pair, options, readings, signs, two, within[columns])
    if verdicts[0]["outcome"] == "expansion":
        verdicts[0]["sentence"] += f" {multiplier.sentence()}"
    return Comparison(
        pair=pair,
        options=options,
        K=K,
        k=ks,
        passk_a=passk[0],
        passk_b=passk[1],
        delta=gap,
        null_spread=np.sqrt(null),
        fixed=np.sqrt(within),
        verdict=verdicts[0],
        also=verdicts[1:],
        detectable={f"pass@{r.k}": detectable(r, level, units_of(two, options)) for r in readings[:2]},
        over_k=over_k(ks, gap, options.margin, sure),
        tries=multiplier,
        changes=changes(pair, equal=equal),
        moved=moved(pair, seed=options.seed),
        origin=_origin(pair, mixtures[0], K, level),
        crossover=crossover(pair, ks, delta, values, gap, level),
        slope=slope(ks, delta, values, level),
        support=support_report(equal, mixtures[0], level),
        checks=checks(pair, K, options, aside),
        aside=aside,
    )


def _curves(
    pair: PairedCounts, ks: list[int], K: int, options: Options
) -> tuple[list[Curve], Tries, Replicates, Floats]:
    """Curves of both checkpoints, the try multiplier, and replicates and values (M, C) of the difference.

    The largest arrays of a comparison, values and influences of both sides at every k, end here.
    """
    left, right = slice(0, len(ks)), slice(len(ks), None)
    both = np.empty((pair.M, 2 * len(ks)))
    both[:, left] = pass_at_k(pair.n_a, pair.c_a, ks)
    both[:, right] = pass_at_k(pair.n_b, pair.c_b, ks)
    rep = resampled(both, pair, options)
    a, b = rep.columns(left), rep.columns(right)
    curves = [curve(r, both[:, side], options.level, options.interval) for r, side in ((a, left), (b, right))]
    multiplier = tries(pair, ks, K, a, b, options.level)
    return curves, multiplier, b.minus(a), both[:, right] - both[:, left]


def _verdicts(
    pair: PairedCounts,
    options: Options,
    readings: tuple[Reading, ...],
    gaps: list[int],
    two: Replicates,
    within: Floats,
) -> list[dict[str, Any]]:
    """The verdict at K with what would settle it, then those at the further declared K.

    within: (C,) variances of the means from sampling.
    """
    level, margin = options.level, options.margin
    ask = would_settle(pair, readings, two, within, options)
    asked = [ask, *(None for _ in readings[2:])]
    return [
        verdict(readings[0], r, level=level, margin=margin, gap=g, needed=ask, target=options.target)
        for r, g, ask in zip(readings[1:], gaps, asked, strict=True)
    ]


def _origin(pair: PairedCounts, mixture: Mixture, K: int, level: float) -> dict[str, dict[str, float]]:
    """B's solved problems by origin, observed and as one model drawn twice would give."""
    came = origin(pair.n_a, pair.c_a, pair.n_b, pair.c_b, K, level).tolist()
    expected = expected_origin(pair, mixture, K, level)
    return {"observed": {kind: float(came.count(kind)) for kind in expected}, "expected": expected}


def _plain(value: Any) -> Any:
    """Plain Python types; a number that is not finite becomes None."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
