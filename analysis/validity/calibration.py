"""How often two draws of one model are called different: `python -m analysis.validity.calibration`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from analysis.comparison.joint import verdict_on_counts
from analysis.comparison.options import Options
from analysis.comparison.sequential import until_decided
from analysis.counts import PairedCounts
from analysis.difficulty.simulation import KNOWN, Beta, draw_pair

QUIET = ("no-change", "undetermined")
PROBLEMS = (30, 200, 1319)
SAMPLES = (32, 128)
LOOKS = (16, 32, 64, 128, 256)


def outcomes_of_one_model(
    base: Beta, problems: int, n: int, *, pairs: int = 1000, seed: int = 0, options: Options | None = None
) -> Counter[str]:
    """Outcomes of the verdict on `pairs` simulated pairs of draws of one model, counted.

    base: distribution of p; each pair has new problems. Only `no-change` and `undetermined` are right.
    """
    options = options or Options()
    counted: Counter[str] = Counter()
    for i in range(pairs):
        rng = np.random.default_rng([seed, problems, n, i])
        own = replace(options, seed=i)  # an error of the resamples that all runs share would stay
        counted[verdict_on_counts(draw_pair(base, None, problems, n, rng), own)["outcome"]] += 1
    return counted


def outcomes_over_the_path(
    base: Beta, problems: int, *, paths: int = 1000, seed: int = 0, options: Options | None = None
) -> Counter[str]:
    """Final outcomes of the anytime rule on draws of one model, looked at as n grows over LOOKS, counted."""
    options = options or Options(K=8)
    counted: Counter[str] = Counter()
    for i in range(paths):
        rng = np.random.default_rng([seed, problems, i, 0xA11])
        p = base.draw(problems, rng)
        counted[until_decided(_growing(p, rng), replace(options, seed=i))["outcome"]] += 1
    return counted


def _growing(p: np.ndarray, rng: np.random.Generator) -> Iterator[PairedCounts]:
    """Counts of two draws of the model p, topped up to each n of LOOKS."""
    a, b, n = np.zeros(p.size, np.int64), np.zeros(p.size, np.int64), 0
    for wanted in LOOKS:
        a, b = a + rng.binomial(wanted - n, p), b + rng.binomial(wanted - n, p)
        n = wanted
        yield PairedCounts.from_arrays(n, a, n, b)


def wrong_share(counted: Counter[str]) -> float:
    """Share of outcomes that claim a change."""
    return sum(v for o, v in counted.items() if o not in QUIET) / counted.total()


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table of outcomes; exit code 1 if any share of wrong verdicts exceeds the level."""
    import argparse

    parser = argparse.ArgumentParser(prog="python -m analysis.validity.calibration", description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000, help="simulated pairs per row (1000)")
    parser.add_argument("--replicates", type=int, default=2000, help="of the bootstrap and sign-flips (2000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--difficulty", nargs="*", choices=sorted(KNOWN), default=["base"])
    parser.add_argument("--anytime", action="store_true", help="the rule with looks as n grows, instead")
    given = parser.parse_args(argv)
    options = Options(replicates=given.replicates, seed=given.seed, K=8 if given.anytime else None)
    sizes = ["up to 256"] if given.anytime else list(SAMPLES)
    print("| difficulty | M | n | no-change | undetermined | wrong |\n|---|---|---|---|---|---|")
    worst = 0.0
    for name, problems, n in ((d, M, n) for d in given.difficulty for M in PROBLEMS for n in sizes):
        base = KNOWN[name]
        if given.anytime:
            found = outcomes_over_the_path(
                base, problems, paths=given.pairs, seed=given.seed, options=options
            )
        else:
            found = outcomes_of_one_model(
                base, problems, int(n), pairs=given.pairs, seed=given.seed, options=options
            )
        worst = max(worst, wrong_share(found))
        quiet = " | ".join(f"{found[o] / given.pairs:.3f}" for o in QUIET)
        print(f"| {name} | {problems} | {n} | {quiet} | {wrong_share(found):.3f} |", flush=True)
    return int(worst > options.level)


if __name__ == "__main__":
    raise SystemExit(main())
