"""Tests and intervals against scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, permutation_test
from statsmodels.stats.contingency_tables import mcnemar as sm_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.weightstats import DescrStatsW

from analysis import AnalysisError
from analysis.inference.bands import widened
from analysis.inference.exact_tests import equivalence, holm, mcnemar, sign_flip
from analysis.inference.intervals import clopper_pearson, exact_rates, paired_rates, wilson


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_is_statsmodels_exact(gained: int, lost: int) -> None:
    if gained + lost:
        table = [[5, lost], [gained, 7]]
        assert mcnemar(gained, lost) == pytest.approx(sm_mcnemar(table, exact=True).pvalue, abs=1e-12)
    assert mcnemar(gained, lost) == mcnemar(lost, gained)


def test_mcnemar_without_discordant_problems_is_1() -> None:
    assert mcnemar(0, 0) == 1.0
    with pytest.raises(AnalysisError):
        mcnemar(-1, 2)


@given(st.integers(1, 500), st.data())
def test_rate_intervals_are_statsmodels(trials: int, data: st.DataObject) -> None:
    x = data.draw(st.integers(0, trials))
    for ours, method in (
        (clopper_pearson(x, trials), "beta"),
        (wilson(x / trials, trials), "wilson"),
    ):
        np.testing.assert_allclose(np.ravel(ours), proportion_confint(x, trials, 0.05, method), atol=1e-10)
        assert ours[1] > ours[0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels(p: list[float]) -> None:
    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], atol=1e-12)


def test_holm_refuses_what_is_no_p_value() -> None:
    with pytest.raises(AnalysisError):
        holm([0.1, float("nan")])


def test_equivalence_is_statsmodels_tost() -> None:
    rng = np.random.default_rng(1)
    for shift in (0.0, 0.01, 0.05):
        d = rng.normal(shift, 0.1, 80)
        expected = DescrStatsW(d).ttost_mean(-0.03, 0.03)[0]
        ours = equivalence(d.mean(), d.std(ddof=1) / np.sqrt(80), 80, 0.03)
        assert float(ours) == pytest.approx(expected, abs=1e-10)


def test_equivalence_without_spread_is_no_certainty() -> None:
    assert float(equivalence(0.0, 0.0, 30, 0.02)) > 0.05
    assert float(equivalence(0.0, 0.0, 1000, 0.02)) < 0.001


NAN = float("nan")


@pytest.mark.parametrize(
    "call",
    [
        lambda: clopper_pearson(NAN, 5),
        lambda: clopper_pearson(6, 5),
        lambda: clopper_pearson(2, 5, level=2.0),
        lambda: wilson(NAN, 5),
        lambda: wilson(1.5, 5),
        lambda: wilson(0.5, 0),
        lambda: paired_rates(NAN, 0, 5),
        lambda: paired_rates(5, 5, 5),
        lambda: paired_rates(-1, 0, 5),
        lambda: paired_rates(0, 0, 0),
        lambda: mcnemar(1.5, 2),
        lambda: mcnemar(NAN, 2),
        lambda: sign_flip(np.array([[NAN], [1.0]])),
        lambda: sign_flip(np.array([1.0, 2.0])),
        lambda: equivalence(NAN, 0.1, 30, 0.02),
        lambda: equivalence(0.0, -0.1, 30, 0.02),
        lambda: equivalence(0.0, 0.1, 1, 0.02),
        lambda: equivalence(2.0, 0.1, 30, 0.02),
    ],
)
def test_bad_input_is_an_error_never_a_number(call) -> None:
    with pytest.raises(AnalysisError):
        call()


def test_sign_flip_on_few_problems_is_the_enumerated_test() -> None:
    rng = np.random.default_rng(2)
    d = rng.normal(0.3, 0.5, (9, 1))
    exact = permutation_test(
        (d[:, 0],), np.sum, permutation_type="samples", n_resamples=np.inf, alternative="two-sided"
    ).pvalue
    assert sign_flip(d, replicates=40_000, seed=1)[0] == pytest.approx(exact, abs=0.01)


def test_sign_flip_is_joint_and_symmetric() -> None:
    rng = np.random.default_rng(3)
    d = rng.normal(0.1, 1, (200, 2))
    both = sign_flip(d, seed=5)
    alone = np.array([sign_flip(d[:, [j]], seed=5)[0] for j in (0, 1)])
    assert (both >= alone - 1e-12).all()
    np.testing.assert_array_equal(both, sign_flip(-d, seed=5))
    np.testing.assert_array_equal(sign_flip(np.zeros((20, 2))), [1, 1])


def test_sign_flip_holds_its_level_on_coarse_differences() -> None:
    """30 problems, differences in {-1, 0, 1}: at most 5% of 2,000 (with four standard errors to spare)."""
    rng = np.random.default_rng(4)
    hits = 0
    for i in range(2000):
        p = rng.beta(0.4, 2, 30)
        d = rng.binomial(1, p) - rng.binomial(1, p)
        hits += sign_flip(np.stack([d, d * rng.random(30)], 1), replicates=200, seed=i).min() <= 0.05
    assert hits / 2000 <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize(("gained", "lost", "trials"), [(0, 0, 30), (30, 0, 30), (0, 30, 30), (3, 1, 30)])
def test_paired_interval_has_width_at_the_ends(gained: int, lost: int, trials: int) -> None:
    low, high = paired_rates(gained, lost, trials)
    assert -1 <= low < high <= 1
    assert low <= (gained - lost) / trials <= high


def test_paired_interval_covers_small_tables() -> None:
    """Bonett and Price report coverage near or above 95%: checked by exact enumeration at M = 25."""
    from scipy.stats import multinomial

    m, worst = 25, 1.0
    cells = [(e, s) for e in range(m + 1) for s in range(m + 1 - e)]
    for up, down in ((0.05, 0.05), (0.2, 0.1), (0.02, 0.3), (0.4, 0.4)):
        hit = 0.0
        for e, s in cells:
            low, high = paired_rates(e, s, m)
            if low <= up - down <= high:
                hit += multinomial.pmf([e, s, m - e - s], m, [up, down, 1 - up - down])
        worst = min(worst, hit)
    assert worst >= 0.93


@pytest.mark.parametrize("trials", [120, 200, 300, 500])
def test_few_losses_do_not_show_that_fewer_were_lost_than_the_margin(trials: int) -> None:
    """Exactly: of problems of which 2% are lost in truth, at most 5% of samples show that less than 2% are.

    Fails with Bonett and Price's interval alone: 9.5% at 200 problems.
    """
    x = np.arange(10)
    values = -(np.arange(trials)[:, None] < x).astype(float)
    low, _ = widened(values.mean(0), values.mean(0), values, trials, 0.1)
    assert binom.pmf(x, trials, 0.02) @ (low > -0.02) <= 0.05
    ends = exact_rates(0, x, trials, 0.1)
    np.testing.assert_allclose(-ends[0], clopper_pearson(x, trials, 0.1)[1])
