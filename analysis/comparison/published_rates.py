"""The verdict from published rates alone: no counts, no pairing, so the widest honest intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analysis.comparison.options import Options
from analysis.comparison.verdict import Reading, verdict
from analysis.errors import AnalysisError
from analysis.inference.intervals import normal_quantile


def verdict_from_rates(
    a: Mapping[int, float],
    b: Mapping[int, float],
    *,
    problems: int,
    n: int,
    correlation: float = 0.0,
    options: Options | None = None,
) -> dict[str, Any]:
    """The verdict from pass@1 and pass@K of two checkpoints, as rates read from a table or a figure.

    a, b: {k: rate in [0, 1]} with k = 1 and K (`options.K`, or the largest common k). problems: M; n: samples
    per problem. correlation: assumed correlation over problems between the two checkpoints' values; 0 unless
    known, and counts would show it (pairing narrows the interval). Nothing is known of the spread over
    problems, so the largest spread that the rates allow is taken: Var ≤ rate (1 - rate), reached at k = n.
    Directions use the joint region (Bonferroni over the two), equivalence the 1 - 2·level interval.
    Returns the dict of `analysis.verdict.verdict` with `assumed` added. Raises AnalysisError on rates
    outside [0, 1] or falling in k, k > n, and where 1 or K is missing.
    """
    for rates in (a, b):
        if any(rates[k] < rates[j] for k in rates for j in rates if j < k):
            raise AnalysisError("a rate falls as k grows, which no pass@k does; check which rate is which")
    return _verdict(a, b, problems, n, correlation, options or Options())


def _verdict(
    a: Mapping[int, float],
    b: Mapping[int, float],
    problems: int,
    n: int,
    correlation: float,
    options: Options,
) -> dict[str, Any]:
    common = sorted(set(a) & set(b))
    K = options.K or (common[-1] if common else 0)
    if 1 not in common or K not in common or K < 2:
        raise AnalysisError("rates at k = 1 and at one larger k are needed for both checkpoints; give them")
    if not problems >= 2 or not 0 <= correlation < 1:
        raise AnalysisError("rates need at least two problems and a correlation from 0 to below 1")
    if not n >= K:
        raise AnalysisError(f"pass@{K} is undefined for n = {n} samples; pass@k needs k ≤ n")
    readings = [_reading(k, a[k], b[k], problems, correlation, options.level) for k in (1, K)]
    found = verdict(readings[0], readings[1], level=options.level, margin=options.margin)
    assumed = f"rates only: {problems} problems, correlation {correlation:g}, largest possible spread"
    return found | {"assumed": assumed, "K_within_half": n >= 2 * K}


def _reading(k: int, a: float, b: float, problems: int, correlation: float, level: float) -> Reading:
    for rate in (a, b):
        if not (math.isfinite(rate) and 0 <= rate <= 1):
            raise AnalysisError(f"pass@{k} of {rate} is no rate from 0 to 1; divide percentages by 100")
    v, w = (variance(rate, problems) for rate in (a, b))
    error = math.sqrt((v + w - 2 * correlation * math.sqrt(v * w)) / problems)
    joint, inner = normal_quantile(1 - level / 4) * error, normal_quantile(1 - level) * error
    d = b - a
    return Reading(k, d, d - joint, d + joint, d - inner, d + inner)


def variance(rate: float, problems: int) -> float:
    """rate (1 - rate), with one success and one failure added so that it is not 0 at the floor or ceiling."""
    drawn = (rate * problems + 1) / (problems + 2)
    return drawn * (1 - drawn)


def verdict_from_changes(
    change: Mapping[int, float], *, problems: int, n: int, options: Options | None = None
) -> dict[str, Any]:
    """The verdict where only the changes {k: Δ} were published: as `verdict_from_rates` at rates about 1/2.

    change: differences of rates. Rates about 1/2 have the largest spread, so a direction that holds here
    holds whatever the rates were. Errors as there, and on changes outside [-1, 1].
    """
    for k, d in change.items():
        if not (math.isfinite(d) and -1 <= d <= 1):
            raise AnalysisError(
                f"a change of pass@{k} by {d} is no difference of rates; divide points by 100"
            )
    a = {k: 0.5 - d / 2 for k, d in change.items()}
    b = {k: 0.5 + d / 2 for k, d in change.items()}
    return _verdict(a, b, problems, n, 0.0, options or Options())
