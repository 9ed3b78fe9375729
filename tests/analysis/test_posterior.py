"""What one problem's samples say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta, binom

from analysis import AnalysisError
from analysis.difficulty.beta_binomial import BetaBinomial
from analysis.difficulty.posterior import (
    k_to_solve,
    origin,
    posterior_pass_at_k,
    samples_to_certify,
    support_threshold,
)


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
    K = 32
    wanted = samples_to_certify(K)
    assert wanted == pytest.approx(60 * K, rel=0.01)
    n = [wanted, wanted - 1, 64, 64, 64]
    found = origin(n, [0, 0, 0, 30, 30], 64, [1, 1, 1, 2, 0], K)
    assert found.tolist() == ["created", "undetermined", "undetermined", "elicited", "unsolved"]
    with pytest.raises(AnalysisError, match="budget"):
        origin(8, [1], 8, [1], 0)
    with pytest.raises(AnalysisError, match="same problems"):
        origin(8, [1, 2], 8, [1], 4)


@pytest.mark.parametrize("p", [0.0, 1e-4, 1 / 32, 0.3])
def test_origin_is_wrong_at_most_at_its_level(p: float) -> None:
    """Exact over all c: created with p ≥ .05/K, or elicited with p < 1/K, at most 5%."""
    n, K = 2000, 32
    c = np.arange(n + 1)
    found = origin(n, c, 64, np.ones(n + 1, int), K)
    mass = binom.pmf(c, n, p)
    if p >= 0.05 / K:
        assert mass[found == "created"].sum() <= 0.05
    if p < 1 / K:
        assert mass[found == "elicited"].sum() <= 0.05


def test_support_threshold() -> None:
    assert support_threshold(1024, 0.05) == pytest.approx(-np.log(0.05) / 1024)
    with pytest.raises(AnalysisError):
        support_threshold(0)
