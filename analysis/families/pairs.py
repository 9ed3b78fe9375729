"""Several pairs: Holm over both numbers of all of them, with p-values that follow the level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.arguments import Floats
from analysis.comparison.joint import exact_p, gap_sign, resampled
from analysis.comparison.options import Options, declared_ks
from analysis.comparison.verdict import Reading, verdict
from analysis.counts import PairedCounts
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import max_t, widened
from analysis.inference.bootstrap import Replicates, unit_sums
from analysis.inference.exact_tests import holm, one_sided, sign_flip, sign_flip_tail
from analysis.inference.intervals import t_quantile

REPLICATES = 4000  # of each pair: the tails beyond are computed
RESOLVED = 20  # flips at or beyond what was seen, below which the tail is computed instead of counted


@dataclass(frozen=True, eq=False)
class _Numbers:
    """The two numbers of one pair: bootstrap, differences (M, 2), p-values for direction and equivalence."""

    pair: PairedCounts
    ks: tuple[int, ...]
    two: Replicates
    d: Floats
    widen: Floats
    p: Floats
    same: Floats


def adjusted(pairs: Sequence[PairedCounts], options: Options) -> list[dict[str, Any]]:
    """The verdict of every pair, adjusted for all of them together (Holm 1979).

    Directions: Holm over all 2m p-values, so that with probability 1 - level no direction of any number of
    any pair is wrong, whichever pairs changed. Equivalence: Holm over the 2m p-values of the two one-sided
    tests. A p-value is the larger of the sign-flip test's (counted, or the saddlepoint tail where fewer than
    RESOLVED flips reach it, so that it can fall as low as any number of pairs asks), the bootstrap's, and
    where n differs that of `resplit`. Returns verdicts as `compare` gives them, each number with its
    adjusted p, and {"pairs": m, "p", "levels"} (the level of each number's step). Errors as in `compare`.
    """
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
        readings = _readings(x, after[at], direct[at], same[at])
        gap = gap_sign(x.two, options.level / len(numbers))
        found = verdict(*readings, level=options.level, margin=options.margin, gap=gap)
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
    df = two.units - 1
    alone = t_quantile(1 - options.level / 2, df)
    widen = np.array([max_t(two.columns([j]), options.level) for j in (0, 1)]) / alone
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.nan_to_num(np.abs(two.estimate) / two.error, posinf=0.0)
        inside = (np.abs(two.estimate) - options.margin) / two.error
    sums = unit_sums(d, pair.cluster)
    signs = np.array([_sign_p(sums[:, [j]], options) for j in (0, 1)])
    p = np.maximum(signs, np.minimum(1.0, 2 * stdtr(df, -far / widen)))
    exact = exact_p(pair, ks, options)
    same = np.where(two.error > 0, stdtr(df, np.nan_to_num(inside, posinf=0.0, neginf=0.0)), 1.0)
    return _Numbers(pair, ks, two, d, widen, p if exact is None else np.maximum(p, exact), same)


def _sign_p(sums: Floats, options: Options) -> float:
    """Sign-flip p-value of one number, its tail by saddlepoint where the flips do not resolve it."""
    p = float(sign_flip(sums, replicates=options.replicates, seed=options.seed)[0])
    return p if p * (options.replicates + 1) > RESOLVED else sign_flip_tail(sums[:, 0])


def _readings(x: _Numbers, p: Floats, direct: Floats, same: Floats) -> list[Reading]:
    """The two readings at the levels that Holm gives each number."""
    two, units, out = x.two, x.two.units, []
    for j, k in enumerate(x.ks):
        half = t_quantile(1 - direct[j] / 2, units - 1) * float(x.widen[j] * two.error[j])
        middle, column = two.estimate[[j]], x.d[:, [j]]
        low, high = widened(middle - half, middle + half, column, units, float(direct[j]), x.pair.cluster)
        limits = one_sided(middle, two.error[[j]], units, float(same[j]))
        inner = widened(*limits, column, units, 2 * float(same[j]), x.pair.cluster)
        ends = [float(e[0]) for e in (low, high, *inner)]
        out.append(Reading(k, float(middle[0]), ends[0], ends[1], ends[2], ends[3], float(p[j])))
    return out
