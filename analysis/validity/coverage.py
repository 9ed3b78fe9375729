"""How often intervals and bands contain the truth: `python -m analysis.validity.coverage`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analysis.arguments import Floats
from analysis.comparison.options import Options
from analysis.difficulty.simulation import BASE, Trained, draw_pair, true_difference
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import Curve, curve, difference
from analysis.inference.bootstrap import bootstrap

KS = [1, 8, 16, 32]
TRAINED = Trained(shift=0.75, slope=1.12)  # about +6 points at pass@1, +3 at pass@32


def coverage(
    problems: int = 1319, n: int = 64, *, runs: int = 2000, seed: int = 0, options: Options | None = None
) -> dict[str, Floats]:
    """Shares of simulated data sets whose intervals contain the truth; new problems and samples each time.

    Returns for each of "passk" (of one model) and "delta" an array (len(KS) + 1,): the pointwise interval
    at each k of KS, then the simultaneous band over all of KS.
    """
    options = options or Options(replicates=2000)
    truth_a, truth_d = BASE.pass_at_k(KS), true_difference(BASE, TRAINED, KS)
    hits = {"passk": np.zeros(len(KS) + 1), "delta": np.zeros(len(KS) + 1)}
    for run in range(runs):
        rng = np.random.default_rng([seed, problems, n, run])
        pair = draw_pair(BASE, TRAINED, problems, n, rng)
        a, b = pass_at_k(n, pair.c_a, KS), pass_at_k(n, pair.c_b, KS)
        rep = bootstrap(np.hstack([a, b]), replicates=options.replicates, seed=run)
        rep_a, rep_b = rep.columns(slice(0, len(KS))), rep.columns(slice(len(KS), None))
        hits["passk"] += _hits(curve(rep_a, a, options.level, options.interval), truth_a)
        delta = difference(rep_b.minus(rep_a), b - a, options.level, options.interval)
        hits["delta"] += _hits(delta, truth_d)
    return {name: found / runs for name, found in hits.items()}


def _hits(found: Curve, truth: Floats) -> Floats:
    inside = (found.low <= truth) & (truth <= found.high)
    band = ((found.band_low <= truth) & (truth <= found.band_high)).all()
    return np.append(inside, band).astype(float)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table of coverage; exit code 1 where a share falls outside 93.5-96.5% (bands: below 94%)."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m analysis.validity.coverage", description=__doc__)
    parser.add_argument("--problems", type=int, default=1319)
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--runs", type=int, default=2000, help="simulated data sets (2000)")
    parser.add_argument("--replicates", type=int, default=2000, help="of the bootstrap (2000)")
    parser.add_argument("--interval", choices=["percentile", "bca"], default="percentile")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    options = Options(replicates=given.replicates, interval=given.interval)
    found = coverage(given.problems, given.n, runs=given.runs, seed=given.seed, options=options)
    print(
        "| 95% interval of | " + " | ".join(f"k = {k}" for k in KS) + " | band |\n|---|---|---|---|---|---|"
    )
    for name, shares in found.items():
        print(f"| {name} | " + " | ".join(f"{x:.4f}" for x in shares) + " |")
    pointwise = np.concatenate([x[:-1] for x in found.values()])
    bands = [x[-1] for x in found.values()]
    return int(bool(pointwise.min() < 0.935 or pointwise.max() > 0.965 or min(bands) < 0.94))


if __name__ == "__main__":
    raise SystemExit(main())
