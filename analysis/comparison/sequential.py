"""Looking while sampling goes on: a verdict at every look, wrong at most `level` of the time in all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.arguments import checked_level
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
    them. Returns the verdict dict, with what would settle it at the spent level, and look, level (of the
    path) and spent_level added. Raises AnalysisError without a declared K, and as `compare`.
    """
    options = options or Options()
    if options.K is None:
        raise AnalysisError("looking more than once needs a declared K, the same at every look; set K")
    spent = spent_level(options.level, look)
    wanted = max(options.replicates, int(np.ceil(20 / spent)))  # so that the tail is resolved
    found = verdict_on_counts(pair, replace(options, level=spent, replicates=wanted), ask=True)
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
