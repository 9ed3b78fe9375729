"""Several pairs: Holm over both numbers of all of them, with p-values that follow the level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.arguments import Floats
from analysis.comparison.joint import gap_sign, resampled, sampling_gaps, sampling_variance
from analysis.comparison.options import Options, declared_ks
from analysis.comparison.verdict import Reading, verdict
from analysis.counts import PairedCounts
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import max_t, widened
from analysis.inference.bootstrap import Replicates, unit_sums
from analysis.inference.exact_tests import holm, sign_flip, sign_flip_tail
from analysis.inference.intervals import NORMAL, t_quantile
from analysis.problems.resplit import FLIPS, resplit, resplit_tail

REPLICATES = 4000  # of each pair: the tails beyond are computed
RESOLVED = 20  # draws at or beyond what was seen, below which the tail is computed instead of counted


@dataclass(frozen=True, eq=False)
class _Numbers:
    """The two numbers of one pair: differences (M, 2), their errors with degrees of freedom, p-values.

    widen: (2,) what the bootstrap adds to the quantiles of t. p, same: (2,) for direction and equivalence.
    """

    pair: PairedCounts
    ks: tuple[int, ...]
    two: Replicates
    d: Floats
    error: Floats
    freedom: float
    widen: Floats
    p: Floats
    same: Floats


def adjusted(pairs: Sequence[PairedCounts], options: Options) -> list[dict[str, Any]]:
    """The verdict of every pair, adjusted for all of them together (Holm 1979), for the declared target.

    Directions: Holm over all 2m p-values, so that with probability 1 - level no direction of any number of
    any pair is wrong, whichever pairs changed. Equivalence: Holm over the 2m p-values of the two one-sided
    tests. A p-value is the larger of the sign-flip test's, the bootstrap's, and where n differs that of
    `resplit`; of the target "benchmark" the larger of that of `resplit` and the normal one of sampling
    noise. Counted p-values give way to saddlepoint tails where fewer than RESOLVED draws reach what was seen,
    so that they can fall as low as any number of pairs asks. Returns verdicts as `compare` gives them, each
    number with its adjusted p, and {"pairs": m, "p", "levels"} (the level of each number's step). Errors as
    in `compare`.
    """
    if not pairs:
        return []
    options = replace(options, replicates=min(options.replicates, REPLICATES))
    numbers = [_numbers(pair, options) for pair in pairs]
    p = np.concatenate([x.p for x in numbers])
    direct, same = (
        _levels(p, options.level),
        _levels(np.concatenate([x.same for x in numbers]), options.level),
    )
    after = holm(p)
    out = []
    for i, x in enumerate(numbers):
        at = slice(2 * i, 2 * i + 2)
        readings = _readings(x, after[at], direct[at], same[at], options.target)
        found = verdict(*readings, level=options.level, margin=options.margin, target=options.target,
                        gap=_gap(x, options.level / len(numbers), options.target))  # fmt: skip
        shared = {"pairs": len(numbers), "p": after[at].tolist(), "levels": direct[at].tolist()}
        out.append(found | shared)
    return out


def _levels(p: Floats, level: float) -> Floats:
    """The level at which Holm's procedure tests each hypothesis; those after the first failure share its."""
    order = np.argsort(p, kind="stable")
    steps = level / (p.size - np.arange(p.size))
    failed = np.flatnonzero(p[order] > steps)
    if failed.size:
        steps[failed[0] :] = steps[failed[0]]
    out = np.empty(p.size)
    out[order] = steps
    return out


def _numbers(pair: PairedCounts, options: Options) -> _Numbers:
    from scipy.special import stdtr

    pair = pair.without_short()[0].in_order()
    ks = declared_ks(pair.n, options)[:2]
    d = pass_at_k(pair.n_b, pair.c_b, ks) - pass_at_k(pair.n_a, pair.c_a, ks)
    two = resampled(d, pair, options)
    if options.target == "benchmark":
        error, freedom, widen = np.sqrt(sampling_variance(pair, list(ks))), NORMAL, np.ones(2)
        p = _exact(pair, ks, options)
    else:
        error, freedom = two.error, two.units - 1
        alone = t_quantile(1 - options.level / 2, freedom)
        widen = np.array([max_t(two.columns([j]), options.level) for j in (0, 1)]) / alone
        sums = unit_sums(d, pair.cluster)
        p = np.array([_sign_p(sums[:, [j]], options) for j in (0, 1)])
        p = p if pair.equal_n else np.maximum(p, _exact(pair, ks, options))
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.nan_to_num(np.abs(two.estimate) / error, posinf=0.0)
        inside = (np.abs(two.estimate) - options.margin) / error
    p = np.maximum(p, np.minimum(1.0, 2 * stdtr(freedom, -far / widen)))
    same = np.where(error > 0, stdtr(freedom, np.nan_to_num(inside, posinf=0.0, neginf=0.0)), 1.0)
    return _Numbers(pair, ks, two, d, error, freedom, widen, p, same)


def _sign_p(sums: Floats, options: Options) -> float:
    """Sign-flip p-value of one number, its tail by saddlepoint where the flips do not resolve it."""
    p = float(sign_flip(sums, replicates=options.replicates, seed=options.seed)[0])
    return p if p * (options.replicates + 1) > RESOLVED else sign_flip_tail(sums[:, 0])


def _exact(pair: PairedCounts, ks: Sequence[int], options: Options) -> Floats:
    """p-values (2,) of re-splits, each number by itself; the tail by saddlepoint, as of `_sign_p`."""
    p = np.array([resplit(pair, [k], seed=options.seed)[0] for k in ks])
    few = [j for j in range(len(ks)) if p[j] * (FLIPS + 1) <= RESOLVED]
    p[few] = [resplit_tail(pair, ks[j], float(p[j])) for j in few]
    return p


def _gap(x: _Numbers, level: float, target: str) -> int:
    """Whether pass@1 is shown to have gained more than pass@K (`analysis.comparison.verdict.decide`)."""
    if target == "benchmark":
        return sampling_gaps(x.two.estimate, x.error, level)[0]
    return gap_sign(x.two, level)


def _readings(x: _Numbers, p: Floats, direct: Floats, same: Floats, target: str) -> list[Reading]:
    """The two readings at the levels that Holm gives each number."""
    out = []
    for j, k in enumerate(x.ks):
        middle, column = x.two.estimate[[j]], x.d[:, [j]]
        half = t_quantile(1 - direct[j] / 2, x.freedom) * float(x.widen[j] * x.error[j])
        narrow = t_quantile(1 - same[j], x.freedom) * float(x.error[j])
        pairs = [(middle - half, middle + half), (middle - narrow, middle + narrow)]
        if target != "benchmark":
            levels = float(direct[j]), 2 * float(same[j])
            pairs = [
                widened(*two, column, x.two.units, level, x.pair.cluster)
                for two, level in zip(pairs, levels, strict=True)
            ]
        low, high, inner_low, inner_high = (float(e[0]) for two in pairs for e in two)
        out.append(Reading(k, float(middle[0]), low, high, inner_low, inner_high, float(p[j])))
    return out
