"""Nulls: no change in truth, and how often the verdict claims one. Rows 1, 2, 7, 12, 13, 14 of the review."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from analysis.comparison.compare import compare
from analysis.comparison.joint import verdict_on_counts
from analysis.comparison.options import Options
from analysis.comparison.verdict import standing
from analysis.counts import PairedCounts
from analysis.difficulty.simulation import BASE, draw_pair, with_difference
from analysis.families.pairs import adjusted
from analysis.problems.copies import copies
from analysis.problems.selection import select_on_half, selection
from analysis.validity.calibration import QUIET
from analysis.validity.nulls import SELECTIONS, Rng, chosen, copied, floored, templates, twice

Found = Callable[[int, int], str]  # from runs and seed
Row = tuple[str, str, Found]  # what is simulated, what is wanted, the simulation
BAR = "at most 5%"


def share(hit: Callable[[Rng], object]) -> Found:
    """The share of runs, each with its own generator, in which `hit` is true (or its mean)."""

    def found(runs: int, seed: int) -> str:
        hits = [hit(np.random.default_rng([seed, 0x7F, i])) for i in range(runs)]
        return f"{np.mean(hits):.4f}"  # type: ignore[arg-type]

    return found


def quick(rng: Rng, replicates: int = 500) -> Options:
    """Options of one run: a seed of its own, because an error of the resamples shared by all would stay."""
    return Options(replicates=replicates, seed=int(rng.integers(1 << 30)))


def claimed(pair: PairedCounts, options: Options) -> bool:
    """Whether the headline claims a change: the verdict, unless the counts look chosen."""
    found = verdict_on_counts(pair, options)
    if found["outcome"] in QUIET:
        return False
    passed, text, _ = selection(pair)
    return standing(found, [] if passed is not False else [("selection", text)])["outcome"] not in QUIET


def chosen_problems() -> Iterator[Row]:
    """Row 1: problems chosen by A's own counts; and chosen rightly, on half of A's samples."""
    for name, *which in SELECTIONS:

        def on_all(r: Rng, which: list[int] = which) -> bool:
            return claimed(chosen(r, *which), quick(r))

        yield name, BAR, share(on_all)
    for least, most in ((0.0, 0.0), (0.01, 0.99), (0.25, 1.0)):

        def on_half(r: Rng, least: float = least, most: float = most) -> bool:
            return claimed(select_on_half(twice(r, 1319, 64, 64), least, most), quick(r))

        yield f"--select {least:g} to {most:g} on half of A's samples", BAR, share(on_half)
    honest = share(lambda r: selection(twice(r, 300, 64, 64))[0] is False)
    yield "honest counts called chosen", "at most 1%", honest


def grouped_problems() -> Iterator[Row]:
    """Row 2: problems of templates that change together."""
    for many, size in ((20, 10), (50, 20)):
        for i, what in enumerate(("not declared", "declared")):

            def wrong(r: Rng, many: int = many, size: int = size, i: int = i) -> bool:
                return claimed(templates(r, many, size)[i], quick(r))

            yield f"{many} templates of {size}, {what}", BAR if i else "(shown)", share(wrong)


def many_pairs() -> Iterator[Row]:
    """Row 7: pass@1 up in every pair, pass@K in none: false claims about pass@K; power at 561 pairs."""
    trained = with_difference(BASE, 0.06, 0.0, 32)
    for many in (10, 30, 90):

        def wrong(r: Rng, many: int = many) -> bool:
            pairs = [draw_pair(BASE, trained, 300, 64, r) for _ in range(many)]
            return any(v["states"]["pass@K"] in ("up", "down") for v in adjusted(pairs, quick(r)))

        yield f"false pass@K claims, {many} pairs", BAR, share(wrong)
    up = with_difference(BASE, 0.2, 0.1, 32)

    def seen(r: Rng) -> bool:
        one = draw_pair(BASE, up, 300, 64, r)
        rest = [twice(r, 300, 64, 64) for _ in range(20)]
        p = adjusted([one, *rest], quick(r))[0]["p"]
        return p[0] * 561 / 21 <= 0.05

    yield "+20 points at pass@1 found among 561 pairs", "at least 95%", share(seen)


def unequal() -> Iterator[Row]:
    """Row 12: n = 16 and 1,024 at the floor; and what held before with unequal n."""
    floor = share(lambda r: claimed(floored(r), replace(quick(r), K=16)))
    yield "M = 30, p = .005, n = 16 and 1,024, K = 16", BAR, floor
    yield "M = 200, n = 32 and 128", BAR, share(lambda r: claimed(twice(r, 200, 32, 128), quick(r)))


def copied_samples() -> Iterator[Row]:
    """Row 13: samples that are copies; a claim counts where no copies are seen either."""
    for block in (2, 8, 64):

        def wrong(r: Rng, block: int = block) -> bool:
            grades, ids = copied(r, block)
            problems = np.arange(grades.shape[1])[:, None]
            texts = problems * 1000 + ids[None]
            n = grades.shape[2]
            where, index = np.repeat(problems, n), np.tile(np.arange(n), len(problems))
            seen = [copies(where, texts.ravel(), g.ravel(), index).reason for g in grades]
            c = grades.sum(2)
            return not any(seen) and claimed(PairedCounts.from_arrays(n, c[0], n, c[1]), quick(r))

        yield f"blocks of {block} identical samples", BAR, share(wrong)

    def alarm(r: Rng) -> bool:
        p = BASE.draw(300, r)
        grades = r.random((300, 32)) < p[:, None]
        texts = np.arange(300)[:, None] * 100 + r.geometric(0.3, (300, 32))  # few answers, often repeated
        return copies(np.repeat(np.arange(300), 32), texts.ravel(), grades.ravel()).reason is not None

    yield "honest short answers called copies", "at most 1%", share(alarm)


def looked_at() -> Iterator[Row]:
    """Row 14: K chosen as the one with the largest difference; and the reading over all k."""

    def best_k(r: Rng) -> bool:
        pair, options = twice(r, 200, 64, 64), quick(r)
        return any(claimed(pair, replace(options, K=K)) for K in (2, 4, 8, 16, 32, 64))

    def band(r: Rng) -> bool:
        found = compare(twice(r, 200, 64, 64), quick(r))
        return any(s["state"] in ("above", "below") for s in found.over_k)

    def several(r: Rng) -> bool:
        found = compare(twice(r, 200, 64, 64), replace(quick(r), K=2, also=(8, 32, 64)))
        return any(v["outcome"] not in QUIET for v in (found.verdict, *found.also))

    yield "K chosen after the counts were seen", "(shown)", share(best_k)
    yield "several K declared", BAR, share(several)
    yield "over all k, from the band", BAR, share(band)
