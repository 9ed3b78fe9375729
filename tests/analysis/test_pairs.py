"""Many pairs at once: the declared target, unequal numbers of samples, p-values far out in the tail."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from analysis import Options, PairedCounts
from analysis.comparison.joint import verdict_on_counts
from analysis.difficulty.simulation import BASE
from analysis.families.pairs import adjusted
from analysis.problems.resplit import resplit, resplit_tail

QUICK = Options(replicates=300)


def test_many_pairs_keep_the_declared_target() -> None:
    """Fails where three pairs of one benchmark are judged as samples of all problems."""
    rng = np.random.default_rng(3)
    p = BASE.draw(30, rng)
    c_a = rng.binomial(64, p)
    pairs = [
        PairedCounts.from_arrays(64, c_a, 64, rng.binomial(64, np.minimum(p + 0.08, 1))) for _ in range(3)
    ]
    options = Options(target="benchmark", replicates=500)
    for pair, found in zip(pairs, adjusted(pairs, options), strict=True):
        alone = verdict_on_counts(pair, options)
        assert (found["target"], found["outcome"]) == ("benchmark", alone["outcome"])
        for one, other in zip(found["numbers"], alone["numbers"], strict=True):
            assert one["high"] - one["low"] == pytest.approx(other["high"] - other["low"], rel=0.2)


def test_a_large_change_is_found_among_many_pairs_of_unequal_n() -> None:
    """p-values of re-splits, too, follow the number of pairs: at 60 pairs all were undetermined."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 1.5, 200)
    c_a, c_b = rng.binomial(32, p), rng.binomial(16, np.minimum(p + 0.2, 1))
    (found, *_) = adjusted([PairedCounts.from_arrays(32, c_a, 16, c_b)] * 2, QUICK)
    assert max(found["p"]) < 1e-6


def test_the_tail_of_re_splits_is_the_counted_one() -> None:
    rng = np.random.default_rng(1)
    for problems, shift, k in ((12, 0.3, 1), (60, 0.12, 4), (200, 0.0, 2)):
        p = rng.beta(0.5, 1.5, problems)
        c_a, c_b = rng.binomial(16, p), rng.binomial(8, np.minimum(p + shift, 1))
        pair = PairedCounts.from_arrays(16, c_a, 8, c_b)
        counted = resplit(pair, [k], replicates=10_000)[0]
        assert resplit_tail(pair, k, np.nan) == pytest.approx(counted, rel=0.25, abs=2e-4)
    one = PairedCounts.from_arrays([4, 9], [0, 0], [4, 9], [4, 0])
    assert resplit_tail(one, 1, np.nan) == pytest.approx(2 / 70)
    assert resplit_tail(one, 1, np.nan) == pytest.approx(stats.fisher_exact([[0, 4], [4, 0]]).pvalue)
