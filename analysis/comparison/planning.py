"""Planning: what can be detected, and what would settle an undetermined verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.arguments import checked_level
from analysis.comparison.verdict import Reading
from analysis.errors import AnalysisError
from analysis.inference.intervals import normal_quantile, t_quantile

POWER = 0.8
FEWEST = 6  # problems below which no claim is possible at 5%: 2 · 2^-5 is more
MOST = 10_000_000  # more problems or samples than this is not a plan
TIMES = 4096  # largest factor on the samples that is tried


def minimum_detectable_effect(
    problems: int, *, discordant: float = 0.1, power: float = POWER, level: float = 0.05
) -> float:
    """Smallest difference of paired rates found with this power: (z_{1-α/2} + z_power) √(discordant / M).

    discordant: expected share of problems on which the two differ (variance of one paired difference).
    In rates. Source: normal approximation of McNemar's test (Connor 1987). Raises AnalysisError for fewer
    than two problems and shares, powers and levels outside their range.
    """
    checked_level(level)
    if not problems >= 2 or not 0 < discordant <= 1:
        raise AnalysisError(
            "an effect needs at least two problems and a discordant share above 0 and up to 1"
        )
    if not 0.5 <= power < 1:
        raise AnalysisError(f"a power lies from 0.5 to below 1, got {power}; 0.8 is usual")
    return (normal_quantile(1 - level / 2) + normal_quantile(power)) * math.sqrt(discordant / problems)


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance of one problem's paired difference at one k: in all, and the part from drawing n samples."""

    total: float
    within: float


def needed(
    readings: Sequence[Reading],
    spreads: Sequence[Spread],
    *,
    problems: int,
    n: int,
    level: float,
    margin: float,
    power: float = POWER,
) -> dict[str, int | None]:
    """Problems (at the same n), or samples per problem (same problems), that would settle both numbers.

    Takes the estimates as the truth and asks for `power` on each number: for its direction (Bonferroni over
    the two), for equivalence, or, where the other number has a direction already, for ruling out a gain of
    the margin or more. More samples shrink only the within-problem part, as 1/n. None where no feasible
    number does.
    """
    moved = [r.low > 0 or r.high < 0 for r in readings]
    allowed = [
        _allowed(r, s, other, level, margin, power) * problems
        for r, s, other in zip(readings, spreads, reversed(moved), strict=True)
    ]
    if any(x <= 0 for x in allowed):
        return {"problems": None, "samples": None}
    ratio = max(s.total / x for s, x in zip(spreads, allowed, strict=True))
    more = max(math.ceil(problems * ratio), problems + 1, FEWEST)
    return {"problems": more if more <= MOST else None, "samples": _samples(spreads, allowed, n)}


def detectable(r: Reading, level: float, units: int, power: float = POWER) -> float:
    """The true change that this number's region would have told from 0 with `power`, in rates."""
    error = (r.inner_high - r.inner_low) / 2 / t_quantile(1 - level, units - 1)
    return (r.high - r.low) / 2 + normal_quantile(power) * error


def _allowed(r: Reading, s: Spread, other_moved: bool, level: float, margin: float, power: float) -> float:
    """Largest squared standard error with which this number is settled; the present one where it is."""
    settled = r.low > 0 or r.high < 0 or (-margin < r.inner_low and r.inner_high < margin)
    if settled or (other_moved and r.inner_high < margin):
        return math.inf
    two, one = (normal_quantile(1 - level / x) + normal_quantile(power) for x in (4, 1))
    ways = [abs(r.estimate) / two, (margin - abs(r.estimate)) / one]
    if other_moved:
        ways.append((margin - r.estimate) / one)
    return max(0.0, *ways) ** 2


def _samples(spreads: Sequence[Spread], allowed: list[float], n: int) -> int | None:
    """Samples per problem at which every variance is small enough; None where problems vary too much."""
    factor = 1.0 + 1 / n
    for s, limit in zip(spreads, allowed, strict=True):
        between = max(s.total - s.within, 0.0)
        if s.total <= limit:
            continue
        if between >= limit:
            return None
        factor = max(factor, s.within / (limit - between))
    samples = math.ceil(n * factor)
    return samples if factor <= TIMES and samples <= MOST else None
