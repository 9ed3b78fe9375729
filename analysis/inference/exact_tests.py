"""Exact and resampling tests of paired counts, equivalence, and Holm's adjustment."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, checked_level, finite, whole_numbers
from analysis.errors import AnalysisError
from analysis.inference.intervals import change_error, t_quantile

CELLS = 4_000_000


def mcnemar(gained: int, lost: int) -> float:
    """Exact two-sided McNemar p-value (1947; binomial form) of discordant counts; 1 where there are none.

    gained, lost: problems that only the later, only the earlier checkpoint solved. Raises AnalysisError where
    they are no whole numbers from 0 up.
    """
    from scipy.special import bdtr

    e, s = (int(whole_numbers(x, "discordant problems")[0]) for x in (gained, lost))
    return 1.0 if e + s == 0 else float(min(1.0, 2 * bdtr(min(e, s), e + s, 0.5)))


def sign_flip(differences: Floats, *, replicates: int = 10_000, seed: int = 0) -> Floats:
    """Joint sign-flip test of paired differences: p-values (C,) adjusted over columns, step-down.

    differences: (U, C), one row per problem or cluster. If the two sides are exchangeable within a problem
    (two draws of one model, equal n), the test is exact at any number of problems: the probability of any
    p ≤ α is at most α, and for the columns without a change alone too (Westfall and Young 1993, step-down
    max-t; Romano and Wolf 2005). Uses |Σ ±d| / √Σd² and the identity among the flips, so p is at least
    1/(replicates + 1). Raises AnalysisError on missing values and other shapes.
    """
    differences = finite(differences, "differences")
    if differences.ndim != 2 or replicates < 1:
        raise AnalysisError("a sign-flip test needs one row per problem, one column per number, and flips")
    differences = differences[(differences != 0).any(axis=1)]  # a flipped 0 is 0
    if len(differences) == 0:
        return np.ones(differences.shape[1])
    scale = np.sqrt((differences**2).sum(0))
    scaled = (differences / np.where(scale > 0, scale, 1)).astype(np.float32)
    units = len(scaled)
    observed = np.abs(scaled.sum(0))
    rng = np.random.Generator(np.random.SFC64([seed, 0xF11B]))
    exceed = np.ones(differences.shape[1])
    block = max(1, CELLS // units)
    for start in range(0, replicates, block):
        rows = min(block, replicates - start)
        raw = np.frombuffer(rng.bytes(rows * (-(-units // 8))), np.uint8).reshape(rows, -1)
        bits = np.unpackbits(raw, axis=1, count=units).astype(np.float32)
        exceed += exceeding(observed, np.abs(2 * (bits @ scaled) - scaled.sum(0)))
    return step_down(observed, exceed / (replicates + 1))


def sign_flip_tail(differences: Floats) -> float:
    """Two-sided sign-flip p-value of one column (U,) far out in the tail, by the saddlepoint approximation.

    P(|Σ ±d| ≥ |Σ d|) of Rademacher signs: Lugannani and Rice (1980) with K(s) = Σ log cosh(s d); relative
    error of a few percent at any size, so p-values far below one over any number of flips. Where all
    differences have one sign, 2^(1-U) exactly.
    """
    from scipy.optimize import brentq
    from scipy.special import ndtr

    d = np.abs(differences[differences != 0])
    total, seen = float(d.sum()), abs(float(np.sum(differences)))
    if d.size == 0 or seen == 0:
        return 1.0
    if seen >= total * (1 - 1e-9):
        return float(max(2.0 ** (1 - d.size), 1e-300))
    d, seen = d / total * d.size, seen / total * d.size

    def slope(s: float) -> float:
        return float((d * np.tanh(s * d)).sum()) - seen

    top = 1.0
    while slope(top) < 0 and top < 1e6:
        top *= 2
    s = float(brentq(slope, 0.0, top))
    log_cosh = np.logaddexp(s * d, -s * d) - np.log(2)
    w = np.sqrt(max(2 * (s * seen - log_cosh.sum()), 1e-12))
    u = s * np.sqrt(float((d**2 / np.cosh(np.minimum(s * d, 300)) ** 2).sum()))
    density = np.exp(-w * w / 2) / np.sqrt(2 * np.pi)
    tail = ndtr(-w) + density * (1 / max(u, 1e-12) - 1 / w)
    return float(min(1.0, max(2 * tail, 2.0 ** (1 - d.size) if d.size < 1000 else 1e-300)))


def exceeding(observed: Floats, drawn: Floats) -> Floats:
    """How many draws (R, C) reach each observed statistic (C,), by the maximum over it and smaller ones."""
    order = np.argsort(-observed, kind="stable")
    rest = np.maximum.accumulate(drawn[:, order[::-1]], axis=1)[:, ::-1]  # over those still in the race
    out = np.empty(observed.size)
    out[order] = (rest >= observed[order] * (1 - 1e-5)).sum(0)
    return out


def step_down(observed: Floats, p: Floats) -> Floats:
    """p-values of `exceeding` made monotone: none below that of a larger statistic."""
    order = np.argsort(-observed, kind="stable")
    out = np.empty_like(p)
    out[order] = np.maximum.accumulate(p[order])
    return out


def equivalence(estimate: ArrayLike, error: ArrayLike, units: int, margin: float) -> Floats:
    """p-value of two one-sided t tests (Schuirmann 1987) that the difference lies within ± margin.

    estimate, error: (C,) differences of rates and their standard errors; units: problems or clusters.
    Equivalence is shown at level α where p ≤ α, that is, where the 1 - 2α interval lies within the margin.
    An error of 0 (no two problems differ) is no certainty: that of `paired_rates` takes its place.
    Raises AnalysisError on missing values, negative errors, and fewer than two units.
    """
    from scipy.special import stdtr

    d, se = np.broadcast_arrays(finite(estimate, "the estimate"), finite(error, "the error"))
    if units < 2 or (se < 0).any() or (np.abs(d) > 1).any() or not 0 <= margin < 1:
        raise AnalysisError(
            "equivalence needs two units or more, errors of at least 0, and rates for estimate and margin"
        )
    se = np.where(se > 0, se, change_error(d.clip(0) * units, (-d).clip(0) * units, units))
    return np.asarray(stdtr(units - 1, (np.abs(d) - margin) / se))


def one_sided(estimate: ArrayLike, error: ArrayLike, units: int, level: float) -> tuple[Floats, Floats]:
    """One-sided t limits at `level` on either side: the 1 - 2·level interval of the equivalence test.

    estimate, error: (C,) in rates; units: problems or clusters. Returns low, high, (C,) (Schuirmann 1987).
    """
    checked_level(level)
    d, se = np.asarray(estimate, float), np.asarray(error, float)
    t = t_quantile(1 - level, units - 1)
    return d - t * se, d + t * se


def holm(p: ArrayLike) -> Floats:
    """Holm's step-down adjusted p-values (1979), in the order given; (C,). AnalysisError outside [0, 1]."""
    given = np.atleast_1d(np.asarray(p, float))
    if not np.isfinite(given).all() or (given < 0).any() or (given > 1).any():
        raise AnalysisError("p-values lie between 0 and 1; one of those given does not")
    order = np.argsort(given, kind="stable")
    steps = (given.size - np.arange(given.size)) * given[order]
    out = np.empty_like(given)
    out[order] = np.minimum(1, np.maximum.accumulate(steps))
    return out
