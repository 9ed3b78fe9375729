"""Seeds as a level: coverage over new seeds and problems, and the small statistics beside it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t as student
from scipy.stats import trim_mean

from analysis import AnalysisError
from analysis.inference.seeds import (
    best_of_bias,
    crossed_interval,
    interquartile_mean,
    seed_difference,
)


@pytest.mark.parametrize(("spread", "seeds"), [(0.05, 3), (0.05, 8), (0.0, 3)])
def test_interval_covers_over_new_seeds_and_new_problems(spread: float, seeds: int) -> None:
    rng, hits, naive = np.random.default_rng(0), 0, 0
    for _ in range(400):
        p = 0.25 + 0.45 * rng.beta(1, 2, 200)
        b = p + 0.03 + spread * rng.standard_normal((seeds, 1)) + 0.1 * rng.uniform(-1, 1, (seeds, 200))
        b = b.clip(0, 1)
        found = seed_difference(p[None], b)
        hits += found["low"] <= 0.03 <= found["high"]
        d = (b - p).mean(0)
        naive += abs(d.mean() - 0.03) <= 1.96 * d.std(ddof=1) / np.sqrt(200)
    assert hits / 400 >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 400)
    if spread:
        assert naive / 400 < 0.6  # problems alone miss the seeds
        assert found["seed_sd"] == pytest.approx(spread, abs=0.05)


def test_shapes_and_what_is_shown() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 50)), rng.random((4, 50))
    found = seed_difference(a, b)
    assert found["seeds"] == [2, 4]
    assert len(found["per_seed"]) == 4
    assert found["estimate"] == pytest.approx(b.mean() - a.mean())
    paired = seed_difference(0.9 * b, 0.9 * b + 0.1, paired=True)
    assert paired["per_seed"] == pytest.approx([0.1] * 4)
    assert paired["low"] < 0.1 < paired["high"]  # 50 problems that all changed alike are no certainty
    single = seed_difference(a[:1], b[:1])
    assert single["seeds_known"] is False
    assert single["seed_sd"] is None
    with pytest.raises(AnalysisError, match="paired"):
        seed_difference(a, b, paired=True)
    with pytest.raises(AnalysisError, match="same problems"):
        seed_difference(a, b[:, :10])
    with pytest.raises(AnalysisError, match="finite"):
        seed_difference(a * np.nan, b)
    with pytest.raises(AnalysisError, match="percentages"):
        seed_difference(100 * a, 100 * b)


def test_problems_of_a_cluster_count_as_one() -> None:
    """Every problem copied 20 times, as a cluster, says no more than once; single ones change nothing."""
    rng = np.random.default_rng(2)
    a, b = rng.random((1, 30)), rng.random((3, 30))
    once = seed_difference(a, b)
    copied = seed_difference(np.repeat(a, 20, 1), np.repeat(b, 20, 1), cluster=np.repeat(np.arange(30), 20))
    single = seed_difference(a, b, cluster=np.arange(30)[::-1])
    for name in ("estimate", "low", "high", "error", "seed_sd"):
        assert copied[name] == pytest.approx(once[name])
        assert single[name] == pytest.approx(once[name])
    unequal = seed_difference(a, b, cluster=np.arange(30) // 2 % 13)
    assert unequal["estimate"] == pytest.approx(once["estimate"])
    with pytest.raises(AnalysisError, match="one cluster code per problem"):
        seed_difference(a, b, cluster=np.zeros(30, int))


@pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
def test_floor_and_ceiling_of_seeds_have_width(a: float, b: float) -> None:
    found = seed_difference(np.full((1, 200), a), np.full((3, 200), b))
    assert found["low"] < found["high"]
    assert found["low"] <= b - a <= found["high"]


def test_iqm_is_that_of_scipy() -> None:
    rng = np.random.default_rng(2)
    x = rng.random((5, 9))
    assert interquartile_mean(x) == pytest.approx(trim_mean(x.ravel(), 0.25))
    for bad in ([], [np.nan]):
        with pytest.raises(AnalysisError):
            interquartile_mean(bad)


def test_best_of_four_is_biased_by_one_seed_sd() -> None:
    assert best_of_bias(4) == pytest.approx(1.03, abs=0.005)
    assert best_of_bias(2) == pytest.approx(1 / np.sqrt(np.pi))
    assert best_of_bias(1) == 0
    with pytest.raises(AnalysisError):
        best_of_bias(0)


@pytest.mark.parametrize("spread", [0.0, 0.03])
def test_crossed_interval_counts_noise_once_and_is_the_narrower(spread: float) -> None:
    rng, hits, ratios = np.random.default_rng(3), 0, []
    for _ in range(400):
        p = 0.3 + 0.2 * rng.beta(1, 2, 150)
        a, b = (
            p + spread * rng.standard_normal((5, 1)) + 0.2 * rng.uniform(-1, 1, (5, 150)) for _ in range(2)
        )
        low, high = crossed_interval(a.clip(0, 1), (b + 0.05).clip(0, 1))
        wide = seed_difference(a.clip(0, 1), (b + 0.05).clip(0, 1))
        hits += low <= 0.05 <= high
        ratios.append((wide["high"] - wide["low"]) / (high - low))
    assert hits / 400 >= 0.93 - 3 * np.sqrt(0.07 * 0.93 / 400)
    assert min(ratios) >= 1 - 1e-9
    assert np.median(ratios) > (1.3 if spread == 0 else 1.0)


def test_crossed_variance_is_that_of_mean_squares() -> None:
    """One side, by hand: (MS_problems + MS_seeds - MS_residual) / (problems · seeds)."""
    x = np.random.default_rng(4).random((4, 30)) * 0.5 + 0.1 * np.arange(4)[:, None]
    rows, columns, every = x.mean(1), x.mean(0), x.mean()
    squares = [30 * ((rows - every) ** 2).sum() / 3, 4 * ((columns - every) ** 2).sum() / 29]
    residual = ((x - rows[:, None] - columns + every) ** 2).sum() / (3 * 29)
    variance = (squares[0] + squares[1] - residual) / 120
    freedom = variance**2 / sum(
        (s / 120) ** 2 / df for s, df in zip((*squares, residual), (3, 29, 87), strict=True)
    )
    low, high = crossed_interval(np.zeros((1, 30)), x)
    assert (high - low) / 2 == pytest.approx(student.ppf(0.975, freedom) * np.sqrt(variance))
    assert (low + high) / 2 == pytest.approx(every)
