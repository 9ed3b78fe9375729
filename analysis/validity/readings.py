"""What is read beside the verdict, and its words: rows 3 to 6, 8 to 11 and 15 to 17 of the review."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
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
from analysis.validity.false_claims import BAR, Row, quick, share
from analysis.validity.nulls import Rng, guessing, more_tries, swapped, twice
from analysis.validity.power import outcomes

TRUTHS = ((1.5, 1.5), (3, 3), (3, 0), (0, 3), (-3, 0), (3, -3))
RIGHT = ("expansion", "expansion", "sharpening", "coverage-only", "regression", "sharpening")
SIZES = (300, 1319, 5000, 20000)


def coherence() -> Iterator[Row]:
    """Row 4: the share of the right reading rises with M, and no wrong one is above 5% anywhere."""
    for (first, large), right in zip(TRUTHS, RIGHT, strict=True):
        for M in SIZES:

            def counted(runs: int, seed: int, truth=(first, large), M: int = M) -> str:  # type: ignore[no-untyped-def]
                found = outcomes(
                    truth[0] / 100,
                    truth[1] / 100,
                    M,
                    64,
                    pairs=runs,
                    seed=seed,
                    options=Options(replicates=500),
                )
                return ", ".join(f"{o} {many / runs:.4g}" for o, many in found.most_common())

            yield f"{first:+g}/{large:+g}, M = {M:,}", f"{right} rises; any wrong {BAR}", counted


def stepping() -> Iterator[Row]:
    """Row 8: expansion found where step-down gains, and no false claim about pass@K beside it."""
    for first, large, M in ((0.06, 0.04, 300), (0.06, 0.06, 100), (0.06, 0.0, 300)):
        trained = with_difference(BASE, first, large, 32)

        def hit(r: Rng, M: int = M, trained=trained, large: float = large) -> bool:  # type: ignore[no-untyped-def]
            found = verdict_on_counts(draw_pair(BASE, trained, M, 64, r), quick(r))
            return found["outcome"] == "expansion" if large else found["states"]["pass@K"] in ("up", "down")

        what = "expansion found" if large else "false pass@K claims"
        wanted = "more than before" if large else BAR
        yield f"{what}, {100 * first:+g}/{100 * large:+g}, M = {M}", wanted, share(hit)


def created() -> Iterator[Row]:
    """Row 3: problems called created between two draws of one model."""

    def seen(r: Rng) -> float:
        pair = twice(r, 300, 128, 128)
        return float((origin(pair.n_a, pair.c_a, pair.n_b, pair.c_b, 2) == "created").sum())

    def expected(r: Rng) -> float:
        pair = twice(r, 300, 128, 128)
        return expected_origin(pair, smooth_mixture(pair.n_a, pair.c_a), 2)["created"]

    yield "created per pair, M = 300, n = 128, K = 2", "0", share(seen)
    yield "the same-model expectation beside it", "the same", share(expected)


def multiplier() -> Iterator[Row]:
    """Row 5: B is A with two tries; and B that solves what A does not."""
    for name, wanted, reading, make in (
        ("two tries for one: cheaper, not new", "most", "cheaper, not new", more_tries),
        ("two tries for one: new", "at most 2.5%", "new", more_tries),
        ("new solutions (+1/+12): new", "most", "new", _novel),
    ):

        def read(r: Rng, make=make, reading: str = reading) -> bool:  # type: ignore[no-untyped-def]
            return compare(make(r), quick(r)).tries.reading == reading

        yield name, wanted, share(read)


def _novel(rng: Rng) -> PairedCounts:
    """A third of what A never solves is solved one time in ten, and the rest a little better."""
    p = BASE.draw(1319, rng) * (rng.random(1319) < 0.6)
    q = np.where((p == 0) & (rng.random(1319) < 0.35), 0.1, p * 1.05).clip(0, 1)
    return PairedCounts.from_arrays(64, rng.binomial(64, p), 64, rng.binomial(64, q))


def moving() -> Iterator[Row]:
    """Row 6: half gain and half lose, seen by the re-split test; and its level."""

    def told(pair: PairedCounts, r: Rng) -> bool:
        return moved(pair, seed=int(r.integers(1 << 30)))["p"] <= 0.05

    yield "half gain, half lose: moved", "most", share(lambda r: told(swapped(r), r))
    yield "one model twice: moved", BAR, share(lambda r: told(twice(r, 300, 64, 64), r))
    yield "one model twice, n = 16 and 128: moved", BAR, share(lambda r: told(twice(r, 300, 16, 128), r))


def listed() -> Iterator[Row]:
    """Row 9: problems listed as changed between two draws of one model."""

    def any_listed(r: Rng) -> bool:
        found = changes(twice(r, 1319, 64, 64))
        return bool((found.improved | found.worsened).any())

    yield "any problem listed, one model twice", "at most 5% (3 of 60)", share(any_listed)


def short() -> Iterator[Row]:
    """Row 10: one of 1,209 problems has 3 samples."""

    def chosen_K(runs: int, seed: int) -> str:
        rng = np.random.default_rng(seed)
        n = np.where(np.arange(1209) == 7, 3, 64)
        p = BASE.draw(1209, rng)
        return str(
            compare(PairedCounts.from_arrays(n, rng.binomial(n, p), n, rng.binomial(n, p)), quick(rng)).K
        )

    yield "K with one problem of n = 3", "32", chosen_K


def guessed() -> Iterator[Row]:
    """Row 11: floors of accidental credit; headlines that claim what is not so, without correction too."""
    cases = (
        ("10% for both, both rise", 0.1, 0.1, 0.5, ("expansion", *QUIET)),
        ("2% to 6%, no change", 0.02, 0.06, 0.0, QUIET),
    )
    for name, floor_a, floor_b, gain, right in cases:

        def wrong(r: Rng, naive: bool, x=(floor_a, floor_b, gain), right=right) -> bool:  # type: ignore[no-untyped-def]
            pair, options = guessing(r, *x), quick(r)
            found = verdict_on_counts(pair, options)
            if naive:
                return found["outcome"] not in right
            a, b = (Floor(r.binomial(20000, f) / 20000, np.sqrt(f * (1 - f) / 20000)) for f in x[:2])
            without = corrected(pair, a, b, options)
            return (without if turned(found, without) else found)["outcome"] not in right

        yield f"{name}: not corrected", "(shown)", share(partial(wrong, naive=True))
        yield f"{name}: headline", BAR, share(partial(wrong, naive=False))


def beyond() -> Iterator[Row]:
    """Row 15: 95% intervals of pass@k beyond n by the default model, difficulty normal in logits."""
    from scipy.special import expit

    population = expit(np.random.default_rng(1).normal(-2.5, 2, 200_000))
    for times in (4, 16):
        truth = float((1 - (1 - population) ** (32 * times)).mean())

        def held(r: Rng, times: int = times, truth: float = truth) -> bool:
            c = r.binomial(32, expit(r.normal(-2.5, 2, 1319)))
            found = extrapolate(32, c, [32 * times], replicates=100)
            return bool(found.low[0] <= truth <= found.high[0])

        yield f"interval at {times} n holds the truth", "at least 90%", share(held)


def small() -> Iterator[Row]:
    """Row 16: what two problems are told."""

    def asked(runs: int, seed: int) -> str:
        found = compare(PairedCounts.from_arrays(64, [0, 5], 64, [40, 60]), Options(replicates=500))
        return str((found.verdict["needed"] or {}).get("problems"))

    yield "problems asked for at M = 2", "at least 6", asked


def benchmark() -> Iterator[Row]:
    """Row 17: 30 problems that are all there are, pass@1 up on these; and the level of that target."""
    p = BASE.draw(30, np.random.default_rng(5))
    for gain, what in ((0.02, "pass@1 up found"), (0.0, "one model twice")):
        for target in ("population", "benchmark"):

            def up(r: Rng, target: Any = target, q=np.clip(p + gain, 0, 1)) -> bool:  # type: ignore[no-untyped-def]
                pair = PairedCounts.from_arrays(64, r.binomial(64, p), 64, r.binomial(64, q))
                found = verdict_on_counts(pair, replace(quick(r), K=16, target=target))
                return found["states"]["pass@1"] in ("up", "down")

            yield f"{what}, target {target}", "(shown)" if gain else BAR, share(up)


def groups() -> Iterator[Row]:
    """Groups: false claims in any group, and heterogeneity found where there is none."""

    def grouped(r: Rng, fitted: bool) -> dict[str, Any]:
        pair, options = twice(r, 600, 64, 64), quick(r)
        return by_base_difficulty(pair, options) if fitted else by_group(pair, np.arange(600) % 5, options)

    def any_claim(r: Rng, fitted: bool) -> bool:
        return any(n["state"] != "open" for g in grouped(r, fitted)["groups"] for n in g["numbers"])

    def differ(r: Rng, fitted: bool) -> bool:
        return bool(grouped(r, fitted)["heterogeneity"]["pass@1"] <= 0.05)

    for fitted, name in ((False, "five subjects"), (True, "A's difficulty, cross-fitted")):
        yield f"any claim, {name}", BAR, share(partial(any_claim, fitted=fitted))
        yield f"groups differ at pass@1, {name}", BAR, share(partial(differ, fitted=fitted))
