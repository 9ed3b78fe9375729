"""Looking while sampling goes on: a verdict at every look, wrong at most `level` of the time in all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import checked_level, finite
from analysis.comparison.joint import verdict_on_counts
from analysis.comparison.options import Options
from analysis.counts import PairedCounts
from analysis.errors import AnalysisError


def spent_level(level: float, look: int) -> float:
    """Error level of look 1, 2, 3, …: level / (look (look + 1)), which sum to `level` over any looks.

    Source: union bound (Robbins 1970). Raises AnalysisError for a look below 1.
    """
    checked_level(level)
    if not look >= 1:
        raise AnalysisError("looks are numbered from 1")
    return level / (look * (look + 1))


def anytime_verdict(pair: PairedCounts, look: int, options: Options | None = None) -> dict[str, Any]:
    """The verdict at one look of a growing set of samples (or problems); stop at any look, for any reason.

    pair: all counts up to now. look: 1, 2, 3, … in the order of looking, each number used once. Joint
    regions and equivalence intervals at `spent_level` form a confidence sequence (union bound, Robbins 1970):
    over all looks together they miss the truth with probability at most `options.level` each, and two draws
    of one model give a verdict other than no-change or undetermined with probability at most `options.level`
    over the whole path. K must be the same at every look: declare it. Best with few looks, n doubling between
    them. Returns the verdict dict with look, level (of the path) and spent_level added. Raises AnalysisError
    without a declared K, and as `compare`.
    """
    options = options or Options()
    if options.K is None:
        raise AnalysisError("looking more than once needs a declared K, the same at every look; set K")
    spent = spent_level(options.level, look)
    wanted = max(options.replicates, int(np.ceil(20 / spent)))  # so that the tail is resolved
    found = verdict_on_counts(pair, replace(options, level=spent, replicates=wanted))
    return found | {"look": look, "level": options.level, "spent_level": spent}


def decided(verdict: dict[str, Any]) -> bool:
    """Whether sampling may stop: the verdict is anything but undetermined."""
    return bool(verdict["outcome"] != "undetermined")


def until_decided(looks: Iterable[PairedCounts], options: Options) -> dict[str, Any]:
    """The first decided verdict among counts that grow from look to look, or the last one.

    `looks` is consumed lazily: a generator may sample more between looks. Raises AnalysisError without looks
    and without a declared K.
    """
    found: dict[str, Any] | None = None
    for number, pair in enumerate(looks, 1):
        found = anytime_verdict(pair, number, options)
        if decided(found):
            break
    if found is None:
        raise AnalysisError("there was nothing to look at; give at least one set of counts")
    return found


def e_process(differences: ArrayLike, scale: float = 0.1) -> np.ndarray:
    """E-values against "two draws of one model" after each difference, (T,): reject at α where one is ≥ 1/α.

    differences: (T,) in the order in which they were drawn: per problem, per look or both, B minus A on new
    samples alone, so that under the null each is symmetric about 0 given the past. A mixture over normal λ
    (standard deviation 1/`scale` per unit of difference) of exp(λS - λ²V/2), S = Σd, V = Σd² (de la Peña
    1999): e = √(ρ/(ρ+V)) exp(S²/(2(ρ+V))), ρ = scale². By Ville's inequality the chance that it ever
    reaches 1/α is at most α, whenever one stops. Raises AnalysisError on missing values.
    """
    d = finite(differences, "differences").ravel()
    if not scale > 0:
        raise AnalysisError("the scale of an e-process must be positive; 0.1 suits differences of rates")
    S, V, rho = np.cumsum(d), np.cumsum(d**2), scale**2
    with np.errstate(over="ignore"):
        return np.sqrt(rho / (rho + V)) * np.exp(np.minimum(S**2 / (2 * (rho + V)), 700.0))
