"""How often the verdict finds a true change, on a grid of them: `python -m analysis.validity.power`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis.comparison.joint import verdict_on_counts
from analysis.comparison.options import Options, declared_K
from analysis.comparison.verdict import OUTCOMES
from analysis.difficulty.simulation import BASE, Beta, draw_pair, with_difference
from analysis.errors import AnalysisError

FIRST = (-0.03, 0.0, 0.03, 0.06, 0.12)
LARGE = (-0.06, -0.03, 0.0, 0.03, 0.06)


def outcomes(
    first: float, large: float, problems: int, n: int, *, base: Beta = BASE, pairs: int = 200, seed: int = 0,
    options: Options | None = None,
) -> Counter[str]:  # fmt: skip
    """Outcomes of the verdict on simulated pairs whose true Δpass@1 and Δpass@K are `first` and `large`.

    The later model's p is a shift and slope of the earlier one's in logits, with noise per problem
    (`analysis.difficulty.simulation.Trained`); the changes hold over the population of problems.
    """
    options = options or Options(replicates=1000)
    K = declared_K(n, options.K)
    trained = with_difference(base, first, large, K)
    counted: Counter[str] = Counter()
    for i in range(pairs):
        rng = np.random.default_rng([seed, problems, n, i])
        own = replace(options, seed=i)  # an error of the resamples that all runs share would stay
        counted[verdict_on_counts(draw_pair(base, trained, problems, n, rng), own)["outcome"]] += 1
    return counted


def main(argv: Sequence[str] | None = None) -> int:
    """Print the share of each outcome on the grid, one row per pair of true changes."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m analysis.validity.power", description=__doc__)
    parser.add_argument("--problems", type=int, default=1319)
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--pairs", type=int, default=200, help="simulated pairs per row (200)")
    parser.add_argument("--replicates", type=int, default=1000, help="of the bootstrap and sign-flips (1000)")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    options = Options(replicates=given.replicates, seed=given.seed)
    K = declared_K(given.n, None)
    print(f"M = {given.problems}, n = {given.n}, {given.pairs} pairs per row\n")
    print(f"| true Δpass@1 | true Δpass@{K} | " + " | ".join(OUTCOMES) + " |")
    print("|---" * (2 + len(OUTCOMES)) + "|")
    for first in FIRST:
        for large in LARGE:
            try:
                found = outcomes(
                    first, large, given.problems, given.n, pairs=given.pairs, seed=given.seed, options=options
                )
                shares = " | ".join(f"{found[o] / given.pairs:.2f}" for o in OUTCOMES)
            except AnalysisError:  # no training of the simulated kind changes the two like this
                shares = " | ".join("-" for _ in OUTCOMES)
            print(f"| {100 * first:+.0f} | {100 * large:+.0f} | {shares} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
