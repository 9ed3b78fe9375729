"""What is read beside the verdict, and its words: rows 3 to 6, 8 to 11 and 15 to 17 of the review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from analysis.comparison.compare import compare
from analysis.comparison.joint import verdict_on_counts
from analysis.comparison.options import Options
from analysis.counts import PairedCounts
from analysis.difficulty.extrapolation import extrapolate
from analysis.difficulty.simulation import BASE, draw_pair, with_difference
from analysis.difficulty.smooth import smooth_mixture
from analysis.families.groups import by_base_difficulty, by_group
from analysis.families.guessing import Floor, corrected, turned
from analysis.problems.changes import changes
from analysis.problems.origin import expected_origin, origin
from analysis.problems.resplit import moved
from analysis.validity.calibration import QUIET
from analysis.validity.false_claims import BAR, QUICK, Row, share
from analysis.validity.nulls import Rng, guessing, more_tries, swapped, twice

TRUTHS = ((1.5, 1.5), (3, 3), (3, 0), (0, 3), (-3, 0), (3, -3))
RIGHT = ("expansion", "expansion", "sharpening", "coverage-only", "regression", "sharpening")
SIZES = (300, 1319, 5000, 20000)


def coherence(runs: int, seed: int) -> Iterator[Row]:
    """Row 4: the share of the right reading rises with M, and no wrong one is above 5% anywhere."""
    for (first, large), right in zip(TRUTHS, RIGHT, strict=True):
        trained = with_difference(BASE, first / 100, large / 100, 32)
        for M in SIZES:
            counted: Counter[str] = Counter()
            for i in range(runs):
                pair = draw_pair(BASE, trained, M, 64, np.random.default_rng([seed, M, i]))
                counted[verdict_on_counts(pair, replace(QUICK, K=32))["outcome"]] += 1
            wrong = {k: v / runs for k, v in counted.items() if k not in (right, "undetermined")}
            worst = max(wrong, key=wrong.__getitem__) if wrong else "none"
            name = f"{first:+g}/{large:+g}, M = {M:,}: {right}"
            yield name, "rises with M", counted[right] / runs
            yield f"{name}; most frequent wrong reading ({worst})", BAR, wrong.get(worst, 0.0)


def stepping(runs: int, seed: int) -> Iterator[Row]:
    """Row 8: expansion found where step-down gains, and no false claim about pass@K beside it."""
    for first, large, M in ((0.06, 0.04, 300), (0.06, 0.06, 100), (0.06, 0.0, 300)):
        trained = with_difference(BASE, first, large, 32)

        def hit(r: Rng, M: int = M, trained=trained, large: float = large) -> bool:  # type: ignore[no-untyped-def]
            found = verdict_on_counts(draw_pair(BASE, trained, M, 64, r), replace(QUICK, K=32))
            return found["outcome"] == "expansion" if large else found["states"]["pass@K"] in ("up", "down")

        what = "expansion found" if large else "false pass@K claims"
        wanted = "more than before" if large else BAR
        yield f"{what}, {100 * first:+g}/{100 * large:+g}, M = {M}", wanted, share(runs, seed, hit)


def created(runs: int, seed: int) -> Iterator[Row]:
    """Row 3: problems called created between two draws of one model."""
    seen, expected = [], []
    for i in range(max(runs // 4, 20)):
        pair = twice(np.random.default_rng([seed, i]), 300, 128, 128)
        seen.append((origin(pair.n_a, pair.c_a, pair.n_b, pair.c_b, 2) == "created").sum())
        expected.append(expected_origin(pair, smooth_mixture(pair.n_a, pair.c_a), 2)["created"])
    yield "created per pair, M = 300, n = 128, K = 2", "0", float(np.mean(seen))
    yield "the same-model expectation beside it", "the same", float(np.mean(expected))


def multiplier(runs: int, seed: int) -> Iterator[Row]:
    """Row 5: B is A with two tries; and B that solves what A does not."""
    some = max(runs // 8, 20)
    for name, wanted, reading, make in (
        ("two tries for one: cheaper, not new", "most", "cheaper, not new", more_tries),
        ("two tries for one: new", "at most 2.5%", "new", more_tries),
        ("new solutions (+1/+12): new", "most", "new", _novel),
    ):
        yield name, wanted, share(some, seed, lambda r, m=make, x=reading: _tries(m(r)) == x)  # type: ignore[misc]


def _tries(pair: PairedCounts) -> str:
    return compare(pair, QUICK).tries.reading


def _novel(rng: Rng) -> PairedCounts:
    """A third of what A never solves is solved one time in ten, and the rest a little better."""
    p = BASE.draw(1319, rng) * (rng.random(1319) < 0.6)
    q = np.where((p == 0) & (rng.random(1319) < 0.35), 0.1, p * 1.05).clip(0, 1)
    return PairedCounts.from_arrays(64, rng.binomial(64, p), 64, rng.binomial(64, q))


def moving(runs: int, seed: int) -> Iterator[Row]:
    """Row 6: half gain and half lose, seen by the re-split test; and its level."""
    some = max(runs // 2, 20)
    yield "half gain, half lose: moved", "most", share(some, seed, lambda r: moved(swapped(r))["p"] <= 0.05)
    yield (
        "one model twice: moved",
        BAR,
        share(some, seed, lambda r: moved(twice(r, 300, 64, 64))["p"] <= 0.05),
    )
    yield (
        "one model twice, n = 16 and 128: moved",
        BAR,
        share(some, seed, lambda r: moved(twice(r, 300, 16, 128))["p"] <= 0.05),
    )


def listed(runs: int, seed: int) -> Iterator[Row]:
    """Row 9: problems listed as changed between two draws of one model."""

    def any_listed(r: Rng) -> bool:
        found = changes(twice(r, 1319, 64, 64))
        return bool((found.improved | found.worsened).any())

    yield "any problem listed, one model twice", "at most 5% (3 of 60)", share(runs, seed, any_listed)


def short(runs: int, seed: int) -> Iterator[Row]:
    """Row 10: one of 1,209 problems has 3 samples."""
    rng = np.random.default_rng(seed)
    n = np.where(np.arange(1209) == 7, 3, 64)
    p = BASE.draw(1209, rng)
    found = compare(PairedCounts.from_arrays(n, rng.binomial(n, p), n, rng.binomial(n, p)), QUICK)
    yield "K with one problem of n = 3", "32", float(found.K)


def guessed(runs: int, seed: int) -> Iterator[Row]:
    """Row 11: floors of accidental credit; headlines that claim what is not so, without correction too."""
    some = max(runs // 4, 20)
    cases = (
        ("10% for both, both rise", 0.1, 0.1, 0.5, ("expansion", *QUIET)),
        ("2% to 6%, no change", 0.02, 0.06, 0.0, QUIET),
    )
    for name, a, b, gain, right in cases:

        def wrong(r: Rng, x=(a, b, gain), right=right, naive: bool = False) -> bool:  # type: ignore[no-untyped-def]
            pair = guessing(r, *x)
            found = verdict_on_counts(pair, QUICK)
            one, other = (
                Floor(r.binomial(20000, f) / 20000, float(np.sqrt(f * (1 - f) / 20000))) for f in x[:2]
            )
            without = corrected(pair, one, other, QUICK)
            shown = without if turned(found, without) and not naive else found
            return shown["outcome"] not in right

        yield f"{name}: not corrected", "(shown)", share(some, seed, lambda r: wrong(r, naive=True))
        yield f"{name}: headline", BAR, share(some, seed, wrong)


def beyond(runs: int, seed: int) -> Iterator[Row]:
    """Row 15: 95% intervals of pass@k beyond n by the default model, difficulty normal in logits."""
    from scipy.special import expit

    population = expit(np.random.default_rng(1).normal(-2.5, 2, 200_000))
    for times in (4, 16):
        truth = float((1 - (1 - population) ** (32 * times)).mean())

        def held(r: Rng, times: int = times, truth: float = truth) -> bool:
            c = r.binomial(32, expit(r.normal(-2.5, 2, 1319)))
            found = extrapolate(32, c, [32 * times], replicates=100)
            return bool(found.low[0] <= truth <= found.high[0])

        yield f"interval at {times} n holds the truth", "at least 90%", share(max(runs // 8, 20), seed, held)


def small(runs: int, seed: int) -> Iterator[Row]:
    """Row 16: what two problems are told."""
    found = compare(PairedCounts.from_arrays(64, [0, 5], 64, [40, 60]), QUICK)
    yield (
        "problems asked for at M = 2",
        "at least 6",
        float((found.verdict["needed"] or {}).get("problems") or 0),
    )


def benchmark(runs: int, seed: int) -> Iterator[Row]:
    """Row 17: 30 problems that are all there are, pass@1 up on these; and the level of that target."""
    p = BASE.draw(30, np.random.default_rng(5))
    q = np.clip(p + 0.02, 0, 1)
    options = Options(K=16, replicates=500)

    def up(r: Rng, target: Any, q=q) -> bool:  # type: ignore[no-untyped-def]
        pair = PairedCounts.from_arrays(64, r.binomial(64, p), 64, r.binomial(64, q))
        found = verdict_on_counts(pair, replace(options, target=target))
        return bool(found["states"]["pass@1"] in ("up", "down"))

    some = max(runs // 4, 20)
    for target in ("population", "benchmark"):
        yield f"pass@1 up found, target {target}", "(shown)", share(some, seed, lambda r, t=target: up(r, t))  # type: ignore[misc]
        yield f"one model twice, target {target}", BAR, share(some, seed, lambda r, t=target: up(r, t, p))  # type: ignore[misc]


def groups(runs: int, seed: int) -> Iterator[Row]:
    """Groups: false claims in any group, and heterogeneity found where there is none."""
    some = max(runs // 2, 20)

    def any_claim(r: Rng, fitted: bool) -> bool:
        pair = twice(r, 600, 64, 64)
        found = by_base_difficulty(pair, QUICK) if fitted else by_group(pair, np.arange(600) % 5, QUICK)
        return any(n["state"] != "open" for g in found["groups"] for n in g["numbers"])

    def differ(r: Rng, fitted: bool) -> bool:
        pair = twice(r, 600, 64, 64)
        found = by_base_difficulty(pair, QUICK) if fitted else by_group(pair, np.arange(600) % 5, QUICK)
        return bool(found["heterogeneity"]["pass@1"] <= 0.05)

    for fitted, name in ((False, "five subjects"), (True, "A's difficulty, cross-fitted")):
        yield f"any claim, {name}", BAR, share(some, seed, lambda r, f=fitted: any_claim(r, f))  # type: ignore[misc]
        yield f"groups differ at pass@1, {name}", BAR, share(some, seed, lambda r, f=fitted: differ(r, f))  # type: ignore[misc]
