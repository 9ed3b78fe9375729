"""Coverage and error of all that stands beside the curves: `python -m analysis.validity beside`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from analysis.arguments import Floats, Ints
from analysis.comparison.compare import compare
from analysis.comparison.joint import verdict_on_counts
from analysis.comparison.options import Options
from analysis.comparison.support import expected_support, support_table
from analysis.counts import PairedCounts
from analysis.difficulty.simulation import BASE, draw_pair, true_difference, with_difference
from analysis.difficulty.smooth import smooth_mixture
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import difference
from analysis.inference.bootstrap import bootstrap
from analysis.validity.coverage import TRAINED
from analysis.validity.false_claims import BAR, Row, quick, share

KS = [1, 8, 32]
GROUPS = (("cluster", 15, 10), ("cluster", 40, 8), ("stratum", 100, 2), ("stratum", 100, 3))
Hit = Callable[[np.random.Generator], bool]


def fixed_interval(k: int) -> Hit:
    """Whether `fixed_low` to `fixed_high` holds the difference on these very 200 problems, n = 64."""
    rng = np.random.default_rng(1)
    p = BASE.draw(200, rng)
    q = TRAINED.apply(p, rng)
    truth = ((1 - p) ** k - (1 - q) ** k).mean()

    def hit(rng: np.random.Generator) -> bool:
        pair = PairedCounts.from_arrays(64, rng.binomial(64, p), 64, rng.binomial(64, q))
        found = compare(pair, Options(replicates=100, k=(1, k), K=32)).to_dict()
        i = found["k"].index(k)
        return bool(found["delta"]["fixed_low"][i] <= truth <= found["delta"]["fixed_high"][i])

    return hit


def crossover_interval(problems: int) -> Hit:
    """Whether the interval of k* holds the true one: Δpass@1 = +6, Δpass@32 = -3, n = 64."""
    trained = with_difference(BASE, 0.06, -0.03, 32)
    truth = int(np.argmax(true_difference(BASE, trained, list(range(1, 65))) <= 0)) + 1

    def hit(rng: np.random.Generator) -> bool:
        found = compare(draw_pair(BASE, trained, problems, 64, rng), quick(rng)).crossover
        low, high = (int(found[x] or 65) for x in ("low", "high"))
        return low <= truth <= high

    return hit


def wrongly_same(first: float, large: float) -> Hit:
    """Whether a change as large as the margin is called the same, M = 1319, n = 64."""
    trained = with_difference(BASE, first, large, 32)
    which = "pass@1" if first else "pass@K"

    def hit(rng: np.random.Generator) -> bool:
        found = verdict_on_counts(draw_pair(BASE, trained, 1319, 64, rng), quick(rng))
        return bool(found["states"][which] == "same")

    return hit


def grouped_interval(kind: str, groups: int, size: int, band: bool) -> Hit:
    """Whether the interval at k = 32 (or the band over KS) of the difference holds the truth, n = 64.

    clusters: problems of a cluster share difficulty and change; strata: fixed levels of difficulty.
    """
    code = np.arange(groups).repeat(size)
    rng = np.random.default_rng(0)
    truth = np.mean([_change(*_grouped(kind, code, rng)) for _ in range(1000)], axis=0)

    def hit(rng: np.random.Generator) -> bool:
        a, b = (pass_at_k(64, rng.binomial(64, p), KS) for p in _grouped(kind, code, rng))
        rep = bootstrap(b - a, replicates=500, seed=int(rng.integers(1 << 30)), **{kind: code})
        found = difference(rep, b - a, 0.05)
        if band:
            return bool(((found.band_low <= truth) & (truth <= found.band_high)).all())
        return bool(found.low[-1] <= truth[-1] <= found.high[-1])

    return hit


def _grouped(kind: str, code: Ints, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Success rates of both models on problems in groups."""
    from scipy.special import expit

    groups = int(code[-1]) + 1
    centre = np.linspace(-5, 2, groups) if kind == "stratum" else rng.normal(-2, 1.5, groups)
    moved = 0.6 * np.sin(centre) if kind == "stratum" else rng.normal(0.6, 0.6, groups)
    logit = centre[code] + 0.8 * rng.standard_normal(code.size)
    return expit(logit), expit(logit + moved[code] + 0.5 * rng.standard_normal(code.size))


def _change(p: Floats, q: Floats) -> Floats:
    return ((1 - p[:, None]) ** KS - (1 - q[:, None]) ** KS).mean(0)


def expected_interval(cell: str, problems: int, n: int) -> Hit:
    """Whether a count of a second draw lies in the interval expected from the first."""

    def hit(rng: np.random.Generator) -> bool:
        pair = draw_pair(BASE, None, problems, n, rng)
        expected = expected_support(smooth_mixture(n, pair.c_a), n, problems)[cell]
        return bool(expected["low"] <= support_table(pair)[cell] <= expected["high"])

    return hit


def rows() -> Iterator[Row]:
    """Row beside: all that stands beside the curves."""
    held = "95%"
    for k in KS:
        yield f"interval for these problems, k = {k}", held, share(fixed_interval(k))
    for m in (300, 1319):
        yield f"interval of k*, M = {m}", held, share(crossover_interval(m))
    for band, what in ((False, "k = 32"), (True, "band")):
        for g, m, s in GROUPS:
            yield f"{g} of {m} × {s}, {what}", held, share(grouped_interval(g, m, s, band))
    for c in "PESO":
        yield f"expected {c}, M = 200, n = 32", held, share(expected_interval(c, 200, 32))
    yield "+2 points at pass@1 called the same", BAR, share(wrongly_same(0.02, 0.0))
    yield "+2 points at pass@32 called the same", BAR, share(wrongly_same(0.0, 0.02))
