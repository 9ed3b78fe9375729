"""Fitted distributions of p: against scipy, published numbers, planted truths, and their own optimality."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import betabinom, binom

from analysis import AnalysisError, PairedCounts, pass_at_k
from analysis.difficulty.beta_binomial import BetaBinomial, fit_beta_binomial
from analysis.difficulty.extrapolation import back_test, extrapolate, power_law
from analysis.difficulty.flow import flow, histogram
from analysis.difficulty.npmle import GAP, Mixture, binomial_mean, binomial_table, grid, likelihood, npmle
from analysis.difficulty.posterior import cover
from analysis.difficulty.simulation import (
    BASE,
    KNOWN,
    Trained,
    draw_pair,
    true_difference,
    with_difference,
)
from analysis.difficulty.smooth import smooth_mixture

GSM8K_1B = np.repeat(
    np.arange(9), [722, 250, 145, 86, 52, 29, 24, 8, 3]
)  # correct of 8, base 1B at 44B tokens


def test_real_base_model_gives_the_published_fit() -> None:
    fit = fit_beta_binomial(8, GSM8K_1B)
    assert (fit.alpha, fit.beta) == (pytest.approx(0.425, abs=0.002), pytest.approx(2.83, abs=0.01))
    assert fit.zero == 0
    assert fit.pass_at_k(32)[0] == pytest.approx(0.669, abs=0.0005)
    assert fit.log_likelihood == pytest.approx(betabinom.logpmf(GSM8K_1B, 8, fit.alpha, fit.beta).sum())


def test_likelihood_is_at_a_maximum() -> None:
    fit = fit_beta_binomial(8, GSM8K_1B)
    for a, b in ((1.02, 1), (0.98, 1), (1, 1.02), (1, 0.98)):
        assert betabinom.logpmf(GSM8K_1B, 8, fit.alpha * a, fit.beta * b).sum() < fit.log_likelihood


def test_mass_at_zero_is_found_where_there_is_one_and_only_there() -> None:
    rng = np.random.default_rng(0)
    p = np.where(rng.random(4000) < 0.3, 0.0, rng.beta(1.5, 3, 4000))
    fit = fit_beta_binomial(64, rng.binomial(64, p))
    assert fit.zero == pytest.approx(0.3, abs=0.03)
    assert fit_beta_binomial(64, rng.binomial(64, rng.beta(1.5, 3, 4000))).zero < 0.01
    assert fit_beta_binomial(16, np.zeros(50, int)).zero == 1
    with pytest.raises(AnalysisError, match="nothing is solved"):
        fit_beta_binomial(16, np.zeros(50, int), zero=False)
    assert np.isfinite(fit_beta_binomial(16, np.full(50, 16)).pass_at_k([1, 16])).all()


def test_problems_with_different_n_fit_together() -> None:
    rng = np.random.default_rng(1)
    n = rng.choice([8, 32, 100], 6000)
    fit = fit_beta_binomial(n, rng.binomial(n, rng.beta(0.8, 2.0, 6000)))
    assert (fit.alpha, fit.beta) == (pytest.approx(0.8, rel=0.1), pytest.approx(2.0, rel=0.1))


def test_npmle_meets_its_optimality_condition() -> None:
    """Kiefer-Wolfowitz: no candidate atom has a gradient above 1, and the fit beats the true distribution."""
    rng = np.random.default_rng(2)
    p = rng.choice([0.0, 0.1, 0.7], 900, p=[0.3, 0.5, 0.2])
    c = rng.binomial(32, p)
    fit = npmle(32, c)
    values, count = np.unique(c, return_counts=True)
    share = count / count.sum()
    points = grid(32)
    n = np.full(values.size, 32)
    mix = likelihood(n, values, fit.p) @ fit.weight
    scale = likelihood(n, values, np.append(fit.p, points))[:, fit.p.size :]
    own = np.stack([binom.pmf(values, 32, q) for q in fit.p], 1) @ fit.weight
    gradient = share @ (np.stack([binom.pmf(values, 32, q) for q in points], 1) / own[:, None])
    assert gradient.max() <= 1 + 1e3 * GAP
    truth = sum(w * binom.pmf(values, 32, q) for q, w in ((0.0, 0.3), (0.1, 0.5), (0.7, 0.2)))
    assert share @ np.log(own) >= share @ np.log(truth)
    assert mix.min() > 0
    assert np.isfinite(scale).all()


@pytest.mark.parametrize("fitted", [npmle, smooth_mixture])
@pytest.mark.parametrize("c", [np.zeros(40, int), np.full(40, 16), np.arange(17), np.array([0, 16])])
def test_fits_are_distributions_that_reproduce_pass_at_1(fitted, c: np.ndarray) -> None:
    fit = fitted(16, c)
    assert fit.weight.sum() == pytest.approx(1)
    assert fit.weight.min() >= 0
    assert ((fit.p >= 0) & (fit.p <= 1)).all()
    assert fit.pass_at_k(1)[0] == pytest.approx(c.mean() / 16, abs=0.02)


def test_deconvolved_histogram_is_nearer_the_truth_than_c_over_n() -> None:
    rng = np.random.default_rng(3)
    p = rng.choice([0.005, 0.3, 0.9], 3000, p=[0.4, 0.4, 0.2])
    edges = [0, 0.02, 0.2, 0.4, 0.8, 1]
    truth = np.array([0.4, 0, 0.4, 0, 0.2])
    c = rng.binomial(8, p)
    raw = np.histogram(c / 8, edges)[0] / 3000
    found = histogram(npmle(8, c), edges)
    assert found.sum() == pytest.approx(1)
    assert np.abs(found - truth).sum() < 0.5 * np.abs(raw - truth).sum()
    with pytest.raises(AnalysisError, match="edges"):
        histogram(npmle(8, c), [0, 0.5, 0.4, 1])


def test_flow_of_one_model_stays_on_the_diagonal() -> None:
    rng = np.random.default_rng(4)
    p = rng.choice([0.1, 0.5, 0.9], 1200)
    pair = PairedCounts.from_arrays(16, rng.binomial(16, p), 16, rng.binomial(16, p))
    found = flow(pair, [0, 0.3, 0.7, 1])
    for table in (found.deconvolved, found.raw, found.same_model):
        assert table.sum() == pytest.approx(1)
    assert np.trace(found.deconvolved) > 0.97
    assert np.trace(found.raw) < 0.95
    np.testing.assert_allclose(found.raw, found.same_model, atol=0.03)


def test_flow_finds_the_problems_that_moved() -> None:
    rng = np.random.default_rng(5)
    p = rng.choice([0.1, 0.5], 1500)
    q = np.where((p == 0.1) & (rng.random(1500) < 0.5), 0.9, p)
    found = flow(PairedCounts.from_arrays(24, rng.binomial(24, p), 32, rng.binomial(32, q)), [0, 0.3, 0.7, 1])
    np.testing.assert_allclose(found.deconvolved, [[0.25, 0, 0.25], [0, 0.5, 0], [0, 0, 0]], atol=0.04)


def test_cover_integrates_to_pass_at_k() -> None:
    mixture = Mixture(np.array([0.0, 0.2, 0.75]), np.array([0.3, 0.5, 0.2]))
    tau = (np.arange(200_000) + 0.5) / 200_000
    for k in (1, 4, 32):
        integral = (k * (1 - tau) ** (k - 1) * cover(mixture, tau)).mean()
        assert integral == pytest.approx(mixture.pass_at_k(k)[0], abs=1e-4)
    with pytest.raises(AnalysisError):
        cover(mixture, 1.5)


def test_both_fits_give_a_histogram_and_cover() -> None:
    fit = BetaBinomial(0.3, 0.5, 2.0)
    draws = fit.draw(200_000, np.random.default_rng(0))
    edges = np.array([0, 0.01, 0.2, 0.5, 1])
    np.testing.assert_allclose(histogram(fit, edges), np.histogram(draws, edges)[0] / 200_000, atol=0.004)
    np.testing.assert_allclose(cover(fit, edges), [(draws >= t).mean() for t in edges], atol=0.004)
    np.testing.assert_allclose(histogram(fit), histogram(fit.as_mixture(50_000)), atol=1e-4)
    with pytest.raises(AnalysisError, match="finite"):
        cover(fit, float("nan"))


@pytest.mark.parametrize("model", ["npmle", "beta-binomial"])
@pytest.mark.parametrize("c", [0, 8])
def test_extrapolation_at_floor_and_ceiling_has_width(model: str, c: int) -> None:
    found = extrapolate(8, np.full(60, c), [1, 4, 8, 32], model=model, replicates=10)
    assert np.isfinite([found.low, found.high]).all()
    assert (found.high - found.low > 0.01).all()
    assert (found.low <= found.estimate).all()
    assert (found.estimate <= found.high).all()
    if c == 0:  # 0 of 60 solved in 8 samples; in 32 at most four times as many
        assert found.high[3] == pytest.approx(4 * found.high[2])


def test_extrapolation_refuses_options_that_make_no_interval() -> None:
    for bad in ({"level": 3.0}, {"replicates": 0}, {"seed": -1}):
        with pytest.raises(AnalysisError):
            extrapolate(8, [1, 2, 3], 4, **bad)
    for k, rates in (([1, 2], [float("nan"), 0.5]), ([0, 2], [0.1, 0.5]), ([1, 2], [0.1, 0.2, 0.3])):
        with pytest.raises(AnalysisError):
            power_law(k, rates)
    with pytest.raises(AnalysisError, match="back-test"):
        back_test(8, [1, 2], share=float("nan"))


def test_means_over_many_samples_are_those_over_every_count(monkeypatch: pytest.MonkeyPatch) -> None:
    p = np.concatenate([[0.0, 1.0, 1e-7], np.geomspace(1e-5, 0.5, 9), 1 - np.geomspace(1e-5, 0.3, 5)])

    def values(c: np.ndarray) -> np.ndarray:
        return pass_at_k(20_000, c, [1, 100, 20_000])

    quick = binomial_mean(20_000, p, values)
    monkeypatch.setattr("analysis.difficulty.npmle.EXACT", 20_000)
    np.testing.assert_allclose(quick, binomial_mean(20_000, p, values), atol=2e-4)
    np.testing.assert_allclose(quick, 1 - (1 - p[:, None]) ** np.array([1, 100, 20_000]), atol=2e-4)


def test_binomial_table_is_scipys() -> None:
    p = np.array([0, 0.01, 0.5, 1])
    np.testing.assert_allclose(binomial_table(50, p), binom.pmf(np.arange(51)[:, None], 50, p), atol=1e-12)


@pytest.mark.parametrize("model", ["npmle", "beta-binomial"])
def test_extrapolation_is_labelled_and_brackets_the_truth(model: str) -> None:
    rng = np.random.default_rng(6)
    c = rng.binomial(32, BASE.draw(1000, rng))
    found = extrapolate(32, c, [1, 32, 64, 128], model=model, replicates=60)
    wide = extrapolate(
        32, np.repeat(c, 9), [64], model=model, replicates=60, cluster=np.repeat(np.arange(c.size), 9)
    )
    assert wide.high[0] - wide.low[0] == pytest.approx(found.high[2] - found.low[2], rel=0.4)
    assert found.extrapolated.tolist() == [False, False, True, True]
    truth = BASE.pass_at_k([1, 32, 64, 128])
    assert (found.low[:3] <= truth[:3]).all()
    assert (truth[:3] <= found.high[:3]).all()
    np.testing.assert_allclose(found.estimate[:2], pass_at_k(32, c, [1, 32]).mean(0), atol=0.015)


def test_back_test_predicts_what_was_held_out() -> None:
    rng = np.random.default_rng(7)
    c = rng.binomial(128, BASE.draw(1319, rng))
    found = back_test(128, c, model="beta-binomial")
    assert found["k"] == [32, 64, 128]
    assert np.abs(found["error"]).max() < 0.03
    with pytest.raises(AnalysisError, match="back-test"):
        back_test(3, [1, 2])
    with pytest.raises(AnalysisError, match="not known"):
        extrapolate(4, [1, 2], 8, model="magic")


def test_power_law_recovers_its_parameters() -> None:
    k = np.array([1, 4, 16, 64])
    a, b = power_law(k, np.exp(-1.7 * k**-0.4))
    assert (a, b) == (pytest.approx(1.7), pytest.approx(0.4))
    with pytest.raises(AnalysisError):
        power_law([1], [0.5])


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_known_distributions_agree_with_their_formula(name: str) -> None:
    known = KNOWN[name]
    np.testing.assert_allclose(
        known.as_mixture(20_000).pass_at_k([1, 8, 32]), known.pass_at_k([1, 8, 32]), atol=1e-3
    )
    same = BetaBinomial(0.0, known.alpha, known.beta)
    np.testing.assert_allclose(same.pass_at_k([1, 8]), known.pass_at_k([1, 8]))


def test_planted_changes_are_what_they_say() -> None:
    trained = with_difference(BASE, 0.06, -0.03, 32)
    np.testing.assert_allclose(true_difference(BASE, trained, [1, 32]), [0.06, -0.03], atol=1e-5)
    pair = draw_pair(BASE, trained, 200_000, 64, np.random.default_rng(8))
    measured = pass_at_k(64, pair.c_b, [1, 32]).mean(0) - pass_at_k(64, pair.c_a, [1, 32]).mean(0)
    np.testing.assert_allclose(measured, [0.06, -0.03], atol=0.004)
    np.testing.assert_allclose(true_difference(BASE, Trained(0, 1, 0), [1, 8]), 0, atol=1e-3)
    with pytest.raises(AnalysisError, match="no training"):
        with_difference(BASE, 0.9, -0.5, 32)
