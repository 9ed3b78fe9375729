"""The verdict without lucky guesses: pass@k corrected for a guess floor that was itself measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints
from analysis.comparison.joint import gap_sign, sampling_gaps, sampling_parts
from analysis.comparison.options import Options, declared_K
from analysis.comparison.verdict import Reading, verdict
from analysis.counts import PairedCounts
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import max_t, widened
from analysis.inference.bootstrap import Replicates, bootstrap
from analysis.inference.intervals import NORMAL, normal_quantile, t_quantile


@dataclass(frozen=True, slots=True)
class Floor:
    """The rate at which a wrong solution is graded right, and the standard error of that rate."""

    rate: float
    error: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1 or not self.error >= 0:
            raise AnalysisError("a guess floor is a rate from 0 to below 1, with an error of at least 0")


def floor_of(guessed: ArrayLike, n: ArrayLike) -> Floor:
    """The floor from counts per problem: of n samples, how many were right for another problem's answer.

    guessed, n: (M,). The error is that of a mean over problems, with one guess added so that it is never 0.
    """
    g, m = np.asarray(guessed, float), np.asarray(n, float)
    rate = float(g.sum() / m.sum())
    spread = float(((g / m - rate) ** 2).mean() / max(g.size - 1, 1))
    return Floor(rate, float(np.sqrt(spread + ((rate + 1 / m.sum()) / m.sum()))))


def corrected(pair: PairedCounts, a: Floor, b: Floor, options: Options | None = None) -> dict[str, Any]:
    """The verdict on what is solved without guessing, each checkpoint with its own floor.

    If a sample is a solution with rate s and else graded right with rate φ, all of k samples are wrong with
    probability (1-s)^k (1-φ)^k: the unbiased failure C(n-c, k)/C(n, k), divided by (1-φ)^k, estimates that
    of solutions alone (Abbott 1925 at k = 1). The errors of both floors are added to that of the problems
    (delta method). Noise is amplified by (1-φ)^-k, so K is lowered to where that is at most 2
    (`resolved_K`); the readings name it. Of the target "benchmark" sampling is the only other error. Returns
    the verdict with "floors". Errors as in `compare`.
    """
    options = options or Options()
    pair = pair.without_short()[0].in_order()
    K = resolved_K(declared_K(pair.n, options.K), max(a.rate, b.rate))
    ks = np.array([1, K])
    fail_a, fail_b = (
        (1 - pass_at_k(n, c, ks)) / (1 - f.rate) ** ks
        for n, c, f in ((pair.n_a, pair.c_a, a), (pair.n_b, pair.c_b, b))
    )
    d = fail_a - fail_b
    two = bootstrap(
        d, replicates=options.replicates, seed=options.seed, cluster=pair.cluster, stratum=pair.stratum
    )
    parts = [ks * fail.mean(0) / (1 - f.rate) * f.error for fail, f in ((fail_a, a), (fail_b, b))]
    own, level, margin = options.target == "benchmark", options.level, options.margin
    noise = two.error**2
    if own:
        sides = zip(sampling_parts(pair, ks.tolist()), (a, b), strict=True)
        noise = np.sum([part / (1 - f.rate) ** (2 * ks) for part, f in sides], axis=0)
    error = np.sqrt(noise + parts[0] ** 2 + parts[1] ** 2)
    ends = _of_benchmark(two, error, level) if own else _ends(two, d, error, options, pair.cluster)
    freedom = NORMAL if own else two.units - 1
    readings = [_reading(int(k), float(two.estimate[j]), float(error[j]), freedom, ends[:, j])
                for j, k in enumerate(ks)]  # fmt: skip
    wider = replace(two, influence=two.influence * (error / np.maximum(two.error, 1e-12)))
    gap = sampling_gaps(two.estimate, error, level)[0] if own else gap_sign(wider, level)
    found = verdict(*readings, level=level, margin=margin, gap=gap, target=options.target)
    return found | {"floors": {"a": [a.rate, a.error], "b": [b.rate, b.error]}}


def resolved_K(K: int, floor: float) -> int:
    """K, halved until guesses alone leave half of all problems unsolved: (1-φ)^K ≥ 1/2; at least 2."""
    while K > 2 and (1 - floor) ** K < 0.5:
        K = max(K // 2, 2)
    return K


def _ends(two: Replicates, d: Floats, error: Floats, options: Options, cluster: Ints | None) -> Floats:
    """Joint region and equivalence interval, (4, C); where few problems differ they cover `paired_rates`."""
    far = float(max_t(two, options.level)) * error, t_quantile(1 - options.level, two.units - 1) * error
    levels = options.level / len(error), 2 * options.level
    rates = d.clip(-1, 1)
    return np.concatenate([
        widened(two.estimate - half, two.estimate + half, rates, two.units, level, cluster)
        for half, level in zip(far, levels, strict=True)
    ])  # fmt: skip


def _of_benchmark(two: Replicates, error: Floats, level: float) -> Floats:
    """The same of these very problems, of which sampling and the floors are the only errors."""
    far, narrow = (normal_quantile(1 - x) * error for x in (level / 2 / len(error), level))
    return np.stack([two.estimate + x for x in (-far, far, -narrow, narrow)])


def _reading(k: int, d: float, error: float, freedom: float, ends: Floats) -> Reading:
    from scipy.special import stdtr

    p = float(2 * stdtr(freedom, -abs(d) / max(error, 1e-12)))
    low, high, inner_low, inner_high = ends.tolist()
    return Reading(k, d, low, high, inner_low, inner_high, p)


def turned(found: dict[str, Any], without: dict[str, Any]) -> tuple[str, str] | None:
    """(name, reason) to withhold a headline that guessing turns, for `standing`; None where it stays."""
    if found["outcome"] == without["outcome"]:
        return None
    floors: Floats = np.array([without["floors"][side][0] for side in "ab"])
    text = f"corrected for guess floors of {floors[0]:.1%} and {floors[1]:.1%} it is {without['outcome']}"
    return "guess floor", text
