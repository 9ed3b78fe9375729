"""The distribution of p over problems, smooth: a beta-binomial fit bent towards the counts."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import checked
from analysis.difficulty.beta_binomial import fit_grouped
from analysis.difficulty.npmle import Mixture, likelihood

POINTS = 400
STEPS = 100


def smooth_mixture(n: ArrayLike, c: ArrayLike, steps: int = STEPS) -> Mixture:
    """EM for the NPMLE from the beta-binomial fit, stopped early (smoothing by roughening, Laird 1978).

    n, c: (M,); problems may have different n. Between the two fits: right where a Beta is wrong (two groups
    of problems), and less noisy than the NPMLE, which piles unsolved problems on single points near 0.
    """
    n, c = checked(n, c)
    pairs, count = np.unique(np.stack([n, c]), axis=1, return_counts=True)
    return _fitted(pairs.tobytes(), count.tobytes(), steps)


@lru_cache(maxsize=64)
def _fitted(paired: bytes, counted: bytes, steps: int) -> Mixture:
    """The fit of distinct (n, c) and how many problems have each; kept, because many pairs share a side."""
    count = np.frombuffer(counted, np.int64)
    pairs = np.frombuffer(paired, np.int64).reshape(2, -1)
    start = fit_grouped(pairs[0], pairs[1], count).as_mixture(POINTS)
    table = likelihood(pairs[0], pairs[1], start.p)
    share, weight = count / count.sum(), start.weight
    for _ in range(steps):
        weight = weight * ((share / np.maximum(table @ weight, 1e-300)) @ table)
    return Mixture(start.p, weight / weight.sum())
