"""pass@k and its relatives against rational arithmetic, brute force and published values."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import ceil, comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from analysis import AnalysisError, pass_at_k
from analysis.estimators.passk import g_pass_at_k, mg_pass_at_k, pass_at_k_variance, pass_hat_k

EXACT = {"rtol": 1e-12, "atol": 1e-15}


def failure(n: int, c: int, k: int) -> Fraction:
    return Fraction(comb(n - c, k), comb(n, k))


@pytest.mark.parametrize("n", range(1, 41))
def test_every_value_up_to_n_40_is_the_rational_one(n: int) -> None:
    ks = np.arange(1, n + 1)
    c = np.arange(n + 1)
    exact = [[float(1 - failure(n, int(x), int(k))) for k in ks] for x in c]
    np.testing.assert_allclose(pass_at_k(n, c, ks), exact, **EXACT)
    every = [[float(Fraction(comb(int(x), int(k)), comb(n, int(k)))) for k in ks] for x in c]
    np.testing.assert_allclose(pass_hat_k(n, c, ks), every, **EXACT)
    if n >= 2:
        half = np.arange(1, n // 2 + 1)
        var = [
            [float(failure(n, int(x), int(k)) ** 2 - failure(n, int(x), int(2 * k))) for k in half] for x in c
        ]
        np.testing.assert_allclose(pass_at_k_variance(n, c, half), var, rtol=1e-9, atol=1e-14)


@given(st.data())
def test_problems_with_different_n_are_each_their_own(data: st.DataObject) -> None:
    n = data.draw(st.lists(st.integers(3, 40), min_size=1, max_size=8))
    c = [data.draw(st.integers(0, x)) for x in n]
    ks = data.draw(st.lists(st.integers(1, min(n)), min_size=1, max_size=4))
    found = pass_at_k(n, c, ks)
    exact = [[float(1 - failure(m, x, k)) for k in ks] for m, x in zip(n, c, strict=True)]
    np.testing.assert_allclose(found, exact, **EXACT)


@given(n=st.integers(1, 40), tau=st.sampled_from([0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 1.0]), data=st.data())
@settings(deadline=None)
def test_g_pass_counts_combinations(n: int, tau: float, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    need = ceil(Fraction(str(tau)) * k)
    ways = sum(comb(c, j) * comb(n - c, k - j) for j in range(need, min(c, k) + 1))
    assert g_pass_at_k(n, c, k, tau)[0, 0] == pytest.approx(float(Fraction(ways, comb(n, k))), abs=1e-12)
    assert g_pass_at_k(n, c, k, 1.0)[0, 0] == pytest.approx(pass_hat_k(n, c, k)[0, 0], abs=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(16, 9, 8), (16, 9, 7), (8, 8, 8), (8, 0, 4), (30, 20, 1)])
def test_mg_pass_is_its_sum_over_i(n: int, c: int, k: int) -> None:
    terms = [hypergeom.sf(i - 1, n, c, k) for i in range(ceil(k / 2) + 1, k + 1)]
    assert mg_pass_at_k(n, c, k)[0, 0] == pytest.approx(2 / k * sum(terms), abs=1e-12)


def test_large_n_keeps_its_digits() -> None:
    n = 100_000
    cases = [
        (1, 1),
        (1, n),
        (3, 50_000),
        (10, 10),
        (1000, 100),
        (99_999, 1),
        (50_000, 3),
        (0, 7),
        (2, 99_999),
    ]
    c, k = np.array(cases).T
    found = pass_at_k(n, c, np.unique(k))
    for row, (x, j) in enumerate(cases):
        exact = float(1 - failure(n, x, j))
        assert found[row, list(np.unique(k)).index(j)] == pytest.approx(exact, rel=1e-11)


def test_variance_is_unbiased_over_all_draws() -> None:
    """Planted fault: with C(n, 2k) replaced by C(n-1, 2k) this fails."""
    n, k, p = 6, 2, Fraction(1, 3)
    mean, square, estimate = Fraction(0), Fraction(0), Fraction(0)
    for c in range(n + 1):
        mass = comb(n, c) * p**c * (1 - p) ** (n - c)
        value = 1 - failure(n, c, k)
        mean, square = mean + mass * value, square + mass * value**2
        estimate += mass * Fraction(float(pass_at_k_variance(n, c, k)[0, 0])).limit_denominator(10**9)
    assert float(estimate) == pytest.approx(float(square - mean**2), abs=1e-9)
    assert float(mean) == pytest.approx(float(1 - (1 - p) ** k))


def test_brute_force_over_all_subsets() -> None:
    samples = [1, 0, 0, 1, 0, 0, 0]
    for k in range(1, 8):
        hits = [any(samples[i] for i in chosen) for chosen in combinations(range(7), k)]
        assert pass_at_k(7, 2, k)[0, 0] == pytest.approx(np.mean(hits))


@given(st.integers(2, 60), st.data())
def test_monotone_in_k_and_in_c_and_within_0_and_1(n: int, data: st.DataObject) -> None:
    table = pass_at_k(n, np.arange(n + 1), np.arange(1, n + 1))
    assert (np.diff(table, axis=0) >= -1e-15).all()
    assert (np.diff(table, axis=1) >= -1e-15).all()
    assert table.min() >= 0
    assert table.max() <= 1
    shuffled = data.draw(st.permutations(range(n + 1)))
    np.testing.assert_array_equal(pass_at_k(n, shuffled, [1, n]), table[shuffled][:, [0, n - 1]])


@pytest.mark.parametrize(
    ("n", "c", "k", "says"),
    [
        (4, 2, 5, "k > n"),
        ([4, 8], [1, 1], 8, "k > n"),
        (4, 2, 0, "at least 1"),
        (0, 0, 1, "n = 0"),
        (4, 5, 1, "cannot exceed"),
        (4, -1, 1, "between 0 and"),
        (4, float("nan"), 1, "missing"),
        (4, 1.5, 1, "whole"),
        (4, "x", 1, "whole"),
        ([4, 4], [1, 1, 1], 1, "entries"),
        (4, [], 1, "no problems"),
        (4, 1, [], "at least 1"),
        (4, None, 1, "missing"),
    ],
)
@pytest.mark.parametrize("function", [pass_at_k, pass_hat_k, mg_pass_at_k, pass_at_k_variance])
def test_bad_input_is_an_error_never_a_number(function, n, c, k, says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        function(n, c, k)


def test_variance_needs_twice_the_samples() -> None:
    with pytest.raises(AnalysisError, match="needs 10 samples"):
        pass_at_k_variance(8, 3, 5)


def test_tau_outside_its_range_is_an_error() -> None:
    with pytest.raises(AnalysisError, match="tau"):
        g_pass_at_k(8, 3, 2, 0.0)


def test_many_samples_are_summed_over_the_shorter_side() -> None:
    n, c, ks = 100_000, np.array([0, 1, 7, 50_000, 99_990, 100_000]), np.array([50_000, 1, 12, 100_000])
    log = [sum(np.log1p(-k / np.arange(n, n - x, -1.0)[: max(n - k, 0)])) for x in c[:3] for k in ks[:3]]
    expected = -np.expm1(np.array(log).reshape(3, 3))
    np.testing.assert_allclose(pass_at_k(n, c, ks)[:3, :3], expected, rtol=1e-9)
    np.testing.assert_array_equal(pass_at_k(n, c, ks)[3:, [0, 3]], 1)
    whole = np.arange(1, n + 1, 7)  # by the counts: fewer than these k
    few = pass_at_k(n, c, whole)
    np.testing.assert_allclose(few[:, :30], pass_at_k(n, c, whole[:30]), rtol=1e-9)
