"""What one problem's samples say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binom

from analysis import AnalysisError, PairedCounts
from analysis.difficulty.beta_binomial import BetaBinomial
from analysis.difficulty.posterior import (
    k_to_solve,
    posterior_pass_at_k,
    support_threshold,
)
from analysis.difficulty.smooth import smooth_mixture
from analysis.problems.origin import expected_origin, origin, samples_to_certify


@pytest.mark.parametrize(("n", "c", "k"), [(10, 0, 4), (10, 3, 10), (10, 10, 100), (64, 1, 512)])
def test_posterior_is_the_integral(n: int, c: int, k: int) -> None:
    found, extrapolated = posterior_pass_at_k(n, c, k, (0.7, 2.0))
    p = (np.arange(200_000) + 0.5) / 200_000
    density = beta.pdf(p, 0.7 + c, 2.0 + n - c)
    assert found[0, 0] == pytest.approx((density * (1 - (1 - p) ** k)).mean() / density.mean(), abs=2e-3)
    assert extrapolated[0, 0] == (k > n)


def test_mass_at_zero_enters_the_posterior() -> None:
    prior = BetaBinomial(0.4, 1.0, 1.0)
    found, _ = posterior_pass_at_k([5, 5], [0, 1], 5, prior)
    plain, _ = posterior_pass_at_k([5, 5], [0, 1], 5, (1.0, 1.0))
    alive = 0.6 / 6 / (0.6 / 6 + 0.4)  # P(c = 0 | not zero) = 1/6 under a uniform prior
    assert found[0, 0] == pytest.approx(alive * plain[0, 0])
    assert found[1, 0] == pytest.approx(plain[1, 0])
    for bad in ((0.0, 1.0), (1.0, -1.0)):
        with pytest.raises(AnalysisError, match="prior"):
            posterior_pass_at_k(5, 1, 1, bad)
    with pytest.raises(AnalysisError, match="at least 1"):
        posterior_pass_at_k(5, 1, 0)


def test_k_to_solve_has_bounds_and_infinity_where_nothing_is_known() -> None:
    estimate, low, high = k_to_solve([64, 64, 64], [0, 4, 64])
    assert estimate.tolist() == [np.inf, 16, 1]
    assert np.isinf(high[0])
    assert 1 / low[0] == pytest.approx(1 - 0.025 ** (1 / 64))
    assert low[1] < 16 < high[1]


def test_created_needs_sixty_K_samples_without_success() -> None:
    """And B certified above 1/K, at a level shared by the problems that B solves."""
    K = 32
    wanted = samples_to_certify(K, problems=4)
    assert samples_to_certify(K) == pytest.approx(60 * K, rel=0.01)
    n = [wanted, wanted - 1, 64, 64, 64, wanted]
    found = origin(n, [0, 0, 0, 30, 30, 0], 64, [64, 64, 1, 2, 0, 0], K)
    assert found.tolist() == ["created", "undetermined", "undetermined", "elicited", "unsolved", "unsolved"]
    with pytest.raises(AnalysisError, match="budget"):
        origin(8, [1], 8, [1], 0)
    with pytest.raises(AnalysisError, match="same problems"):
        origin(8, [1, 2], 8, [1], 4)


@pytest.mark.parametrize("p", [0.0, 1e-4, 1 / 32, 0.3])
def test_origin_is_wrong_at_most_at_its_level(p: float) -> None:
    """Exact over all c: created with p ≥ .05/K, or elicited with p < 1/K, at most 5%."""
    n, K = 2000, 32
    c = np.arange(n + 1)
    mass = binom.pmf(c, n, p)
    found = np.array([origin(n, [x], 64, [64], K)[0] for x in range(0, n + 1, 1)][:400] + ["elicited"] * 1601)
    if p >= 0.05 / K:
        assert mass[found == "created"].sum() <= 0.05
    if p < 1 / K:
        assert mass[found == "elicited"].sum() <= 0.05


def test_created_is_not_found_between_two_draws_of_one_model() -> None:
    """With the bound on A alone, 16 of 102 problems that B solves counted as created."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.425, 2.83, 300)
    pair = PairedCounts.from_arrays(128, rng.binomial(128, p), 128, rng.binomial(128, p))
    came = origin(128, pair.c_a, 128, pair.c_b, 2)
    expected = expected_origin(pair, smooth_mixture(128, pair.c_a), 2)
    assert (came == "created").sum() == 0
    assert expected["created"] < 0.05
    assert expected["elicited"] == pytest.approx((came == "elicited").sum(), abs=12)
    assert sum(expected.values()) == pytest.approx(300)


def test_support_threshold() -> None:
    assert support_threshold(1024, 0.05) == pytest.approx(-np.log(0.05) / 1024)
    with pytest.raises(AnalysisError):
        support_threshold(0)
