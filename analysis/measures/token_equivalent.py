"""What RL is worth in pre-training tokens: how many the base would need to reach RL's pass@1, and its pass@K.

A large equivalent at k = 1 beside a small one at K is sharpening, said in a unit that everyone knows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints, checked_level, finite
from analysis.errors import AnalysisError
from analysis.inference.bootstrap import bootstrap
from analysis.measures.ratios import Interval, expanded


@dataclass(frozen=True, slots=True)
class TokenEquivalent:
    """tokens: at which the base's curve reaches the trained model's value, inf beyond its last checkpoint.

    multiple: tokens as a multiple of those that the trained model started from; 1 is no gain. A value below
    the base's first checkpoint counts as that checkpoint's tokens, a lower bound of nothing: `below` says so.
    """

    tokens: Interval
    multiple: Interval
    below: bool


def token_equivalent(
    tokens: ArrayLike, base: ArrayLike, trained: ArrayLike, start: float, *, level: float = 0.05,
    replicates: int = 4000, seed: int = 0, cluster: Ints | None = None,
) -> TokenEquivalent:  # fmt: skip
    """Where the base's curve reaches the trained model's mean.

    tokens: (T,) increasing. base: (T, M) values (pass@k) per problem of every checkpoint. trained: (M,), from
    the checkpoint at `start` tokens. The base's means are made monotone (isotonic regression) and read on
    log tokens; problems (or clusters) are resampled together. AnalysisError where shapes do not fit or start
    is unknown.
    """
    at, values, other = (
        finite(tokens, "tokens"),
        finite(base, "base values"),
        finite(trained, "trained values"),
    )
    if values.ndim != 2 or values.shape != (at.size, other.size) or at.size < 2 or (np.diff(at) <= 0).any():
        raise AnalysisError("a token equivalent needs increasing tokens and one row of base values for each")
    if start not in at:
        raise AnalysisError(
            f"the base has no checkpoint at {start:g} tokens; give the one training started from"
        )
    checked_level(level)
    rep = bootstrap(np.vstack([values, other]).T, replicates=replicates, seed=seed, cluster=cluster)
    drawn = rep.estimate + rep.deviation.astype(float)
    estimate = reached(at, rep.estimate[:-1], rep.estimate[-1])
    replicated = np.array([reached(at, row[:-1], row[-1]) for row in drawn])
    tail, rest = expanded(rep.units, level)
    ordered = np.sort(replicated)
    low, high = ordered[int(tail * (replicates - 1))], ordered[int(np.ceil(rest * (replicates - 1)))]
    found = Interval(estimate, float(low), float(high))
    multiple = Interval(estimate / start, float(low / start), float(high / start))
    return TokenEquivalent(found, multiple, bool(rep.estimate[-1] < monotone(rep.estimate[:-1])[0]))


def reached(tokens: Floats, means: Floats, value: float) -> float:
    """The tokens at which the monotone curve reaches the value; inf where it never does."""
    curve = monotone(means)
    if value <= curve[0]:
        return float(tokens[0])
    if value > curve[-1]:
        return float("inf")
    j = int(np.searchsorted(curve, value))  # curve[j - 1] < value <= curve[j]
    weight = (value - curve[j - 1]) / (curve[j] - curve[j - 1])
    return float(np.exp(np.log(tokens[j - 1]) + weight * (np.log(tokens[j]) - np.log(tokens[j - 1]))))


def monotone(means: Floats) -> Floats:
    """The nearest non-decreasing sequence in least squares (isotonic regression)."""
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(means).x, float)
