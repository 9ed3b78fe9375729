"""The target "benchmark": these very problems, of which sampling is the only error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis import Options, PairedCounts, compare
from analysis.comparison.joint import verdict_on_counts
from analysis.difficulty.simulation import BASE
from analysis.families.guessing import Floor, corrected


def test_without_floors_the_benchmark_is_judged_as_it_is_without_correction() -> None:
    """Fails where the correction takes thirty problems for a sample of others."""
    rng, options = np.random.default_rng(3), Options(target="benchmark", replicates=300)
    p = BASE.draw(30, rng)
    q = np.clip(p + 0.05 + rng.normal(0, 0.25, 30) * (p > 0.02), 0, 1)
    pair = PairedCounts.from_arrays(64, rng.binomial(64, p), 32, rng.binomial(32, q))
    plain, found = verdict_on_counts(pair, options), corrected(pair, Floor(0), Floor(0), options)
    assert found["target"] == "benchmark"
    for one, other in zip(found["numbers"], plain["numbers"], strict=True):
        for end in ("low", "high", "inner_low", "inner_high"):
            assert one[end] == pytest.approx(other[end], abs=1e-6)


def test_a_benchmark_is_not_told_to_grow() -> None:
    """Nor are the changes that it would find widened as those of few problems."""
    rng = np.random.default_rng(3)
    p = BASE.draw(30, rng)
    pair = PairedCounts.from_arrays(16, rng.binomial(16, p), 16, rng.binomial(16, np.minimum(p + 0.01, 1)))
    found = compare(pair, Options(target="benchmark", replicates=200))
    assert found.verdict["outcome"] == "undetermined"
    assert found.verdict["needed"]["problems"] is None
    assert found.verdict["needed"]["samples"] > 16
    error = found.fixed[0]
    expected = (stats.norm.ppf(1 - 0.05 / 4) + stats.norm.ppf(0.8)) * error
    assert found.detectable["pass@1"] == pytest.approx(expected)
