"""The support table and what one model drawn twice gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binomtest

from analysis import AnalysisError, PairedCounts
from analysis.comparison.support import (
    detection_limit,
    expected_support,
    half_support,
    null_spread,
    predicted_count,
    split_support,
    support_rates,
    support_report,
    support_table,
)
from analysis.difficulty.beta_binomial import BetaBinomial, fit_beta_binomial
from analysis.difficulty.npmle import Mixture
from analysis.difficulty.simulation import BASE, draw_pair
from analysis.difficulty.smooth import smooth_mixture
from analysis.estimators.passk import pass_at_k_variance


@pytest.mark.parametrize(
    ("n", "ndr", "srr", "jaccard", "E"),
    [(32, 0.122, 0.878, 0.78, 108), (128, 0.059, 0.942, 0.89, 63), (1024, 0.024, 0.976, 0.95, 29)],
)
def test_same_model_expectations_are_the_published_ones(
    n: int, ndr: float, srr: float, jaccard: float, E: float
) -> None:
    """Beta-binomial fitted to a real base model on GSM8K, M = 1319 (published from a simulation)."""
    found = expected_support(BASE.as_mixture(20_000), n, 1319)
    assert found["E"]["mean"] == found["S"]["mean"] == pytest.approx(E, rel=0.1)
    assert found["rates"]["NDR"] == pytest.approx(ndr, abs=0.004)
    assert found["rates"]["SRR"] == pytest.approx(srr, abs=0.004)
    assert found["rates"]["jaccard"] == pytest.approx(jaccard, abs=0.01)
    assert sum(found[c]["mean"] for c in "PESO") == pytest.approx(1319)


def test_prediction_interval_is_the_beta_binomial_one_and_covers_the_table() -> None:
    assert predicted_count(40, 500) == tuple(betabinom.ppf([0.025, 0.975], 500, 40.5, 460.5))
    assert predicted_count(0, 50)[0] == 0
    assert predicted_count(50, 50)[1] == 50
    hits = np.zeros(4)
    for i in range(40):
        pair = draw_pair(BASE, None, 500, 32, np.random.default_rng(i))
        expected, seen = expected_support(smooth_mixture(32, pair.c_a), 32, 500), support_table(pair)
        hits += [expected[c]["low"] <= seen[c] <= expected[c]["high"] for c in "PESO"]
    assert (hits / 40 >= 0.85).all()  # 95% less three standard errors


def test_smooth_fit_gives_the_expectation_where_a_beta_is_wrong() -> None:
    """Two groups of problems: the beta-binomial alone is off by a factor, the smooth fit is not."""
    rng = np.random.default_rng(0)
    group, low, high = rng.random(4000), rng.beta(1, 8, 4000), rng.beta(8, 2, 4000)
    p = np.select([group < 0.3, group < 0.8], [high, low], 0.0)
    q = (1 - p) ** 128
    truth, c = (q * (1 - q)).sum(), rng.binomial(128, p)
    smooth, plain = (
        expected_support(fit, 128, 4000)["E"]["mean"]
        for fit in (smooth_mixture(128, c), fit_beta_binomial(128, c).as_mixture())
    )
    assert abs(smooth - truth) < 0.35 * abs(plain - truth)


def test_split_halves_are_the_mean_over_all_splits() -> None:
    from itertools import combinations

    n, c = 6, np.array([0, 1, 2, 6])
    E = np.zeros(4)
    splits = list(combinations(range(6), 3))
    for i, x in enumerate(c):
        E[i] = np.mean([(0 not in [s < x for s in chosen]) for chosen in splits])  # all of one half solved
    found = split_support(n, c)
    expected = 0.0
    for x in c:
        one = [any(s < x for s in chosen) for chosen in splits]
        other = [any(s < x for s in set(range(6)) - set(chosen)) for chosen in splits]
        expected += np.mean([not a and b for a, b in zip(one, other, strict=True)])
    assert found["E"] == pytest.approx(expected)
    assert found["P"] + found["E"] + found["S"] + found["O"] == pytest.approx(4)
    with pytest.raises(AnalysisError, match="two samples"):
        split_support(1, [0, 1])


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_rates_follow_their_definitions(P: int, E: int, S: int) -> None:
    found = support_rates(P, E, S)
    if P + E + S:
        assert found["NSCR"] == pytest.approx((E - S) / (P + E + S))
        assert found["jaccard"] == pytest.approx(P / (P + E + S))
    else:
        assert found["NSCR"] is found["jaccard"] is None
    if P and E:
        srr, ndr = P / (P + S), E / (P + E)
        assert found["SDS"] == pytest.approx(2 / (1 / srr + 1 / ndr))


def test_table_needs_equal_samples() -> None:
    with pytest.raises(AnalysisError, match="same number"):
        support_table(PairedCounts.from_arrays([8, 4], [1, 1], 8, [1, 1]))


def test_numbers_of_problems_and_samples_that_are_none_are_refused() -> None:
    mixture = Mixture(np.array([0.1]), np.array([1.0]))
    for call in (
        lambda: support_rates(-1, 2, 3),
        lambda: support_rates(float("nan"), 2, 3),
        lambda: detection_limit(0),
        lambda: detection_limit(10, level=0),
        lambda: expected_support(mixture, 0, 5),
        lambda: expected_support(mixture, 8, 0),
        lambda: half_support(PairedCounts.from_arrays(1, [0, 1], 1, [1, 1])),
    ):
        with pytest.raises(AnalysisError):
            call()


def test_detection_limit_is_the_rule_of_three() -> None:
    assert detection_limit(1000) == pytest.approx(3 / 1000, rel=0.01)
    assert (1 - detection_limit(20)) ** 20 == pytest.approx(0.05)


def test_null_spread_agrees_with_the_unbiased_estimate() -> None:
    rng = np.random.default_rng(1)
    c = rng.binomial(64, BASE.draw(3000, rng))
    ks = [1, 8, 32]
    direct = np.sqrt(2 * pass_at_k_variance(64, c, ks).mean(0) / 3000)
    np.testing.assert_allclose(null_spread(smooth_mixture(64, c), 64, ks, 3000), direct, rtol=0.05)


def test_null_spread_at_floor_and_ceiling_is_small_and_not_nothing() -> None:
    ends = Mixture(np.array([0.0, 1.0]), np.array([0.5, 0.5]))
    for problems in (30, 3000):
        spread = null_spread(ends, 64, [1, 8, 32], problems)
        assert (spread > 0).all()
        assert (spread < 2 / problems).all()  # less than two problems' worth


def test_no_interval_is_given_for_a_rate_that_does_not_exist() -> None:
    """Nothing solved in either half: SDS is undefined, as SRR and NDR are, and not an interval at 0."""
    found = split_support(8, np.zeros(20, int))
    assert found["rates"]["SDS"] is None
    assert found["rate_intervals"]["SDS"] is None


def test_mass_at_zero_is_never_solved() -> None:
    found = expected_support(BetaBinomial(1.0, 1.0, 1.0).as_mixture(), 32, 100)
    assert found["O"]["mean"] == pytest.approx(100)
    assert found["rates"]["SRR"] is None or found["P"]["mean"] == pytest.approx(0, abs=1e-9)


def test_rates_stand_beside_intervals_that_cover_them() -> None:
    """Two draws of one model: every observed rate lies in the interval expected of it, most of the time."""
    names = ("SRR", "NDR", "SDS", "NSCR", "jaccard")
    hits = np.zeros(len(names))
    for i in range(40):
        pair = draw_pair(BASE, None, 400, 32, np.random.default_rng(100 + i))
        expected = expected_support(smooth_mixture(32, pair.c_a), 32, 400)
        table = support_table(pair)
        seen = support_rates(*(table[x] for x in "PES"))
        for j, name in enumerate(names):
            low, high = expected["rate_intervals"][name]
            assert low <= expected["rates"][name] <= high
            hits[j] += low <= seen[name] <= high
    assert (hits / 40 >= 0.85).all()


def test_half_of_a_pair_stands_beside_the_split_of_one_side() -> None:
    rng = np.random.default_rng(3)
    pair = draw_pair(BASE, None, 2000, 64, rng)
    half, split = half_support(pair), split_support(64, pair.c_a)
    assert half["n"] == split["n"] == 32
    for name in "PESO":
        assert split["intervals"][name][0] <= split[name] <= split["intervals"][name][1]
    assert half["E"] == pytest.approx(split["E"], rel=0.2)
    thin = [support_table(pair.thinned(32, seed=s))["E"] for s in range(40)]
    assert half["E"] == pytest.approx(np.mean(thin), rel=0.05)


def test_the_table_and_what_half_of_it_would_show_by_hand() -> None:
    """Of 2 samples: both, only B (two problems), only A, neither; the rarely solved are lost in a half."""
    pair = PairedCounts.from_arrays(2, [2, 0, 0, 1, 0], 2, [1, 1, 2, 0, 0])
    assert support_table(pair) == {"P": 1, "E": 2, "S": 1, "O": 1}
    half = half_support(pair)
    assert [half[name] for name in "PESO"] == pytest.approx([0.5, 1.5, 1.0, 2.0])
    report = support_report(pair, smooth_mixture(pair.n_a, pair.c_a), 0.05)
    ends = binomtest(2, 3).proportion_ci(0.95, method="exact")
    assert report["gained_share"] == pytest.approx([ends.low, ends.high])
