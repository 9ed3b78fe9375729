"""What would find a change of a given size: problems, samples of each, seeds, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.comparison.joint import sampling_variance
from analysis.comparison.options import Options, declared_K
from analysis.comparison.planning import FEWEST, POWER
from analysis.comparison.support import null_spread
from analysis.counts import PairedCounts
from analysis.difficulty.npmle import Mixture
from analysis.difficulty.smooth import smooth_mixture
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k
from analysis.inference.intervals import normal_quantile

SIZES = (4, 8, 16, 32, 64, 128, 256, 512, 1024)


def plan(
    pilot: PairedCounts,
    effect: float,
    options: Options | None = None,
    *,
    power: float = POWER,
    seeds: Sequence[int] = (1,),
    seed_sd: float = 0.0,
    most: int | None = None,
) -> dict[str, Any]:
    """Numbers of problems and samples that find a true change of `effect` of pass@1 and of pass@K.

    pilot: counts of both checkpoints at any n ≥ 2 (of one alone, give it on both sides: the problems then
    count as changed by nothing but the mean). The variance of a paired difference is split into sampling,
    which falls with n and is computed from the fitted distribution of p, and problems, which does not. A
    direction is tested at level/2 per number (the joint region). seeds: training seeds of each side, whose
    spread in rates is `seed_sd`; each draws its own n samples of the same problems, so that sampling is
    divided by their number and problems is not. most: problems that there are. Returns {"effect", "K",
    "power", "rows", "best"}: a row has n, seeds, problems, samples (2 · problems · n · seeds) and feasible;
    best is the cheapest feasible row or None. K is the declared one, or that of each n. Raises AnalysisError
    for an effect or power outside (0, 1).
    """
    options = options or Options()
    if not 0 < effect < 1 or not 0.5 <= power < 1:
        raise AnalysisError("a plan needs an effect between 0 and 1 (0.03 is 3 points) and a power from 0.5")
    mixtures = smooth_mixture(pilot.n_a, pilot.c_a), smooth_mixture(pilot.n_b, pilot.c_b)
    quantile = normal_quantile(1 - options.level / 4) + normal_quantile(power)
    rows = []
    for n in SIZES:
        if options.K is not None and n < options.K:
            continue
        K = declared_K(n, options.K)
        sampling = np.mean([null_spread(m, n, [1, K], pilot.M) ** 2 * pilot.M for m in mixtures], axis=0)
        between = _between(pilot, min(K, pilot.n), mixtures)
        for many in seeds:
            variance = float((between + sampling / many).max())
            allowed = (effect / quantile) ** 2 - 2 * seed_sd**2 / many
            problems = max(FEWEST, math.ceil(variance / allowed)) if allowed > 0 else None
            feasible = problems is not None and (most is None or problems <= most)
            cost = None if problems is None else 2 * problems * n * many
            row = {"n": n, "K": K, "seeds": many, "problems": problems, "samples": cost, "feasible": feasible}
            rows.append(row)
    good = [row for row in rows if row["feasible"]]
    best = min(good, key=lambda row: row["samples"]) if good else None  # type: ignore[arg-type, return-value]
    return {"effect": effect, "K": options.K, "power": power, "rows": rows, "best": best}


def _between(pilot: PairedCounts, K: int, mixtures: tuple[Mixture, Mixture]) -> np.ndarray:
    """Variance (2,) over problems of the true change at 1 and K: the pilot's less its sampling noise."""
    if np.ptp(pilot.n_a) or np.ptp(pilot.n_b):
        pilot = pilot.thinned(pilot.n)
    d = pass_at_k(pilot.n_b, pilot.c_b, [1, K]) - pass_at_k(pilot.n_a, pilot.c_a, [1, K])
    noise = sampling_variance(pilot, [1, K], mixtures) * pilot.M
    return np.maximum(d.var(0, ddof=1) - noise, 0.0)
