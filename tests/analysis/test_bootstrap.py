"""The bootstrap and its intervals, against scipy's and against theory; floors, ceilings, groups."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.stats

from analysis import AnalysisError, bootstrap, curve, difference
from analysis.inference.bands import bca, max_t, percentile


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.beta(0.4, 1.6, (120, 3)) * [1, 0.5, 1]


def test_spread_and_correlation_of_replicates_are_those_of_the_mean(values: np.ndarray) -> None:
    rep = bootstrap(values, replicates=20_000, seed=1)
    np.testing.assert_allclose(rep.estimate, values.mean(0))
    np.testing.assert_allclose(rep.error, values.std(0, ddof=1) / np.sqrt(120))
    expected = np.cov(values.T, ddof=0) / 120
    np.testing.assert_allclose(np.cov(rep.deviation.T), expected, rtol=0.1, atol=2e-5)


def test_intervals_are_scipys_up_to_simulation_noise(values: np.ndarray) -> None:
    rep = bootstrap(values, replicates=20_000, seed=2)
    for method, ours in (("BCa", bca(rep, 0.05)), ("percentile", percentile(rep, 0.05))):
        for j in range(3):
            found = scipy.stats.bootstrap(
                (values[:, j],), np.mean, n_resamples=20_000, method=method, rng=np.random.default_rng(j)
            ).confidence_interval
            width = found.high - found.low
            assert abs(ours[0][j] - found.low) < 0.04 * width
            assert abs(ours[1][j] - found.high) < 0.04 * width


def test_same_seed_same_bytes_and_columns_share_indices(values: np.ndarray) -> None:
    rep = bootstrap(np.hstack([values, values]), replicates=300, seed=3)
    again = bootstrap(np.hstack([values, values]), replicates=300, seed=3)
    assert rep.deviation.tobytes() == again.deviation.tobytes()
    np.testing.assert_allclose(rep.deviation[:, :3], rep.deviation[:, 3:], atol=1e-7)
    zero = rep.columns(slice(0, 3)).minus(rep.columns(slice(3, 6)))
    assert np.abs(zero.deviation).max() < 1e-7
    assert not zero.error.any()


def test_blocks_do_not_change_the_answer(values: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap(values, replicates=500, seed=4)
    monkeypatch.setattr(sys.modules["analysis.inference.bootstrap"], "CELLS", 120 * 100)
    np.testing.assert_allclose(
        bootstrap(values, replicates=500, seed=4).deviation, whole.deviation, atol=1e-7
    )


def test_clusters_are_resampled_whole() -> None:
    """Each value copied eight times under one cluster: the error is that of the originals, not the copies."""
    rng = np.random.default_rng(5)
    x = rng.random((60, 1))
    copies, cluster = np.repeat(x, 8, axis=0), np.repeat(np.arange(60), 8)
    grouped = bootstrap(copies, replicates=8000, seed=6, cluster=cluster)
    assert grouped.units == 60
    assert grouped.error[0] == pytest.approx(x.std(ddof=1) / np.sqrt(60))
    assert grouped.deviation.std() == pytest.approx(grouped.error[0], rel=0.05)
    naive = bootstrap(copies, replicates=2000, seed=6)
    assert naive.error[0] < 0.5 * grouped.error[0]


def test_clusters_of_unequal_size_keep_the_mean_over_problems() -> None:
    rng = np.random.default_rng(6)
    cluster = np.repeat(np.arange(80), rng.integers(1, 6, 80))
    x = (rng.random(80)[cluster] + 0.1 * rng.random(cluster.size))[:, None]
    rep = bootstrap(x, replicates=8000, seed=7, cluster=cluster)
    assert rep.estimate[0] == pytest.approx(x.mean())
    assert rep.deviation.std() == pytest.approx(rep.error[0], rel=0.06)


def test_strata_take_out_the_spread_between_them() -> None:
    rng = np.random.default_rng(7)
    stratum = np.repeat([0, 1, 2], 50)
    x = (np.array([0.1, 0.5, 0.9])[stratum] + 0.05 * rng.standard_normal(150))[:, None]
    rep = bootstrap(x, replicates=8000, seed=8, stratum=stratum)
    within = np.sqrt(sum(x[stratum == s].var(ddof=0) / 50 for s in range(3)) / 9)
    assert rep.deviation.std() == pytest.approx(within, rel=0.05)
    assert rep.error[0] == pytest.approx(within, rel=0.05)
    assert bootstrap(x, replicates=100, seed=8).error[0] > 4 * rep.error[0]


@pytest.mark.parametrize("size", [2, 3])
def test_many_small_strata_are_not_taken_for_certain(size: int) -> None:
    """Planted fault: without the factor √(m/(m-1)) pairs cover about 80% and triples about 89%."""
    centre = np.linspace(0.1, 0.9, 120)
    stratum, hits = np.repeat(np.arange(120), size), 0
    for i in range(200):
        rng = np.random.default_rng([i, size])
        x = (centre[stratum] + 0.1 * rng.uniform(-1, 1, stratum.size))[:, None]
        found = curve(bootstrap(x, replicates=400, seed=i, stratum=stratum), x, 0.05)
        hits += int(found.low[0] <= 0.5 <= found.high[0])
    assert hits / 200 >= 0.95 - 2.5 * np.sqrt(0.05 * 0.95 / 200)


def test_error_of_strata_is_the_unbiased_one() -> None:
    rng = np.random.default_rng(12)
    x, stratum = rng.random((90, 1)), np.repeat(np.arange(30), 3)
    rep = bootstrap(x, replicates=20_000, seed=1, stratum=stratum)
    expected = np.sqrt(sum(x[stratum == s].var(ddof=1) / 3 for s in range(30)) / 30**2)
    assert rep.error[0] == pytest.approx(expected)
    assert rep.deviation.std() == pytest.approx(expected, rel=0.03)


def test_few_clusters_off_the_common_value_are_few_however_many_problems_they_hold() -> None:
    """Twenty gained problems of one cluster are one unit: the interval reaches beyond the bootstrap's."""
    cluster = np.repeat(np.arange(40), 20)
    values = (cluster == 3).astype(float)[:, None]
    rep = bootstrap(values, replicates=1000, seed=1, cluster=cluster)
    found = difference(rep, values, 0.05)
    assert found.low[0] < 0 < found.high[0]
    alone = bootstrap(values, replicates=1000, seed=1)
    assert difference(alone, values, 0.05).low[0] > 0


def test_rounding_is_no_difference() -> None:
    """All differ by .1, up to the last bit: that is one common value, so the interval has a width."""
    values = np.arange(50)[:, None] / 100 + 0.1 - np.arange(50)[:, None] / 100
    assert np.unique(values).size > 1
    found = difference(bootstrap(values, replicates=200), values, 0.05)
    assert found.high[0] - found.low[0] > 0.01


def test_values_that_are_no_table_of_numbers_are_refused() -> None:
    for bad in (np.array([[np.nan], [1.0]]), np.array([1.0, 2.0])):
        with pytest.raises(AnalysisError):
            bootstrap(bad)
    with pytest.raises(AnalysisError, match="one entry per problem"):
        bootstrap(np.ones((4, 1)), cluster=np.array([0, 1]))
    with pytest.raises(AnalysisError, match="replicates"):
        bootstrap(np.ones((4, 1)), replicates=0)


def test_units_that_cannot_be_resampled_are_refused() -> None:
    x = np.ones((4, 1))
    with pytest.raises(AnalysisError, match="two strata"):
        bootstrap(x, cluster=np.array([0, 0, 1, 1]), stratum=np.array([0, 1, 1, 1]))
    with pytest.raises(AnalysisError, match="at least two"):
        bootstrap(x, cluster=np.zeros(4, int))
    with pytest.raises(AnalysisError, match="merge it"):
        bootstrap(x, stratum=np.array([0, 0, 0, 1]))


@pytest.mark.parametrize("interval", ["percentile", "bca"])
@pytest.mark.parametrize("problems", [2, 30, 1319])
def test_floor_and_ceiling_have_no_nan_and_no_zero_width(problems: int, interval: str) -> None:
    columns = [np.zeros(problems), np.ones(problems), np.full(problems, 0.5), np.eye(1, problems)[0]]
    values = np.stack([*columns, 1 - columns[-1]], 1)
    rep = bootstrap(values, replicates=500, seed=1)
    delta = rep.minus(rep.columns([1, 0, 2, 4, 3]))
    pair = (
        curve(rep, values, 0.05, interval),
        difference(delta, values - values[:, [1, 0, 2, 4, 3]], 0.05, interval),
    )
    for found in pair:
        for low, high in ((found.low, found.high), (found.band_low, found.band_high)):
            assert np.isfinite([low, high]).all()
            assert (low <= found.estimate + 1e-12).all()
            assert (high >= found.estimate - 1e-12).all()
            assert ((high - low)[[0, 1, 3, 4]] > 0).all()
        assert (found.band_low <= found.low).all()
        assert (found.band_high >= found.high).all()


def test_band_is_wider_than_the_interval_and_narrower_than_bonferroni() -> None:
    rng = np.random.default_rng(9)
    common = rng.standard_normal((500, 1))
    values = 0.9 * common + 0.4 * rng.standard_normal((500, 20))
    crit = max_t(bootstrap(values, replicates=8000, seed=1), 0.05)
    assert 1.97 < crit < scipy.stats.norm.ppf(1 - 0.05 / 40) * 1.01


def test_groups_of_equal_problems_are_the_same_bootstrap() -> None:
    """Drawn at once or one by one: the same spread, and the same values of the estimate."""
    rng = np.random.default_rng(11)
    codes = rng.integers(0, 6, 600)
    values = rng.random((6, 2))[codes]
    one = bootstrap(values, replicates=6000, seed=1)
    other = bootstrap(values, replicates=6000, seed=1, alike=codes)
    np.testing.assert_allclose(one.estimate, other.estimate)
    np.testing.assert_allclose(one.error, other.error)
    np.testing.assert_allclose(np.cov(one.deviation.T), np.cov(other.deviation.T), rtol=0.08)
    np.testing.assert_allclose(
        np.quantile(one.deviation, [0.025, 0.5, 0.975], axis=0),
        np.quantile(other.deviation, [0.025, 0.5, 0.975], axis=0),
        atol=0.05 * np.ptp(one.deviation),
    )
