"""Where B's solved problems come from at a budget: created, elicited, or not known; with its own null."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import Floats, Ints, checked
from analysis.counts import PairedCounts
from analysis.difficulty.npmle import Mixture
from analysis.errors import AnalysisError
from analysis.inference.intervals import clopper_pearson

CREATED = 0.05  # created needs p_A below this share of 1/K


def origin(
    n_a: ArrayLike, c_a: ArrayLike, n_b: ArrayLike, c_b: ArrayLike, K: int, level: float = 0.05
) -> NDArray[np.str_]:
    """Where B's solved problems come from at budget K: (M,) of created, elicited, undetermined, unsolved.

    unsolved: B has none correct. created: A's upper bound is below .05/K and B's lower bound at least 1/K.
    elicited: B solves it and A's lower bound is at least 1/K. Else undetermined. Bounds are one-sided
    Clopper-Pearson at level / (problems that B solves), so that with probability 1 - level none of all is
    wrong. Raises AnalysisError on impossible counts, unequal numbers of problems, K < 1, and a level that is
    not below 0.5.
    """
    n_a, c_a = checked(n_a, c_a)
    n_b, c_b = checked(n_b, c_b)
    if c_a.shape != c_b.shape:
        raise AnalysisError("both checkpoints need counts of the same problems; pair them first")
    each = _each(K, level, int((c_b > 0).sum()))
    low, high = clopper_pearson(c_a, n_a, 2 * each)
    sure = clopper_pearson(c_b, n_b, 2 * each)[0] >= 1 / K
    out = np.full(c_a.size, "undetermined", dtype="<U12")
    out[(high < CREATED / K) & sure] = "created"
    out[low >= 1 / K] = "elicited"
    out[c_b == 0] = "unsolved"
    return out


def expected_origin(pair: PairedCounts, mixture: Mixture, K: int, level: float = 0.05) -> dict[str, float]:
    """Numbers of problems of each kind that two draws of one model with these n would give.

    mixture: the distribution of p over problems, fitted to A. The bounds are those of `origin` on this pair.
    """
    each = _each(K, level, int((pair.c_b > 0).sum()))
    sizes, times = np.unique(np.stack([pair.n_a, pair.n_b]), axis=1, return_counts=True)
    (n, m), p = sizes, mixture.p
    none = 1 - _reached(n, _least(n, lambda c: clopper_pearson(c, n, 2 * each)[1] >= CREATED / K), p)
    often = _reached(n, _least(n, lambda c: clopper_pearson(c, n, 2 * each)[0] >= 1 / K), p)
    sure = _reached(m, _least(m, lambda c: clopper_pearson(c, m, 2 * each)[0] >= 1 / K), p)
    solved = _reached(m, np.ones_like(m), p)
    total = np.array([times @ (x @ mixture.weight) for x in (none * sure, often * solved, 1 - solved)])
    counted = dict(zip(("created", "elicited", "unsolved"), total.tolist(), strict=True))
    return {**counted, "undetermined": max(pair.M - float(total.sum()), 0.0)}


def samples_to_certify(K: int, level: float = 0.05, problems: int = 1) -> int:
    """Samples of A, none correct, after which a problem may count as created at budget K.

    The smallest n with 1 - (level/problems)^(1/n) < .05/K: about 60 K at 5% for one problem, with each
    factor e of problems 20 K more. Raises AnalysisError for K < 1.
    """
    each = _each(K, level, problems)
    return int(np.ceil(np.log(each) / np.log1p(-CREATED / K) + 1e-12))


def _least(n: Ints, held: Callable[[Ints], NDArray[np.bool_]]) -> Ints:
    """The smallest count (U,) of n from which on a condition holds; n + 1 where it never does."""
    low, high = np.zeros_like(n), n + 1
    while (unknown := low < high).any():
        middle = (low + high) // 2
        holds = held(np.minimum(middle, n))
        low = np.where(unknown & ~holds, middle + 1, low)
        high = np.where(unknown & holds, middle, high)
    return low


def _reached(n: Ints, least: Ints, p: Floats) -> Floats:
    """Chance (U, G) at each p that a count of n is `least` or more."""
    from scipy.special import bdtrc

    return np.where(least[:, None] > 0, bdtrc(np.maximum(least - 1, 0)[:, None], n[:, None], p), 1.0)


def _each(K: int, level: float, problems: int) -> float:
    if not K >= 1 or not 0 < level < 0.5:
        raise AnalysisError("the budget K must be at least 1, and the level between 0 and 0.5")
    return level / max(problems, 1)
