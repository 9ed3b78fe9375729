"""Answers: majority vote against brute force, entropy, rarefaction, guessing."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import AnalysisError
from analysis.estimators.answers import (
    answer_entropy,
    distinct_at_k,
    guess_corrected,
    majority_at_k,
    majority_curve,
)

PROBLEM = st.tuples(
    st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=4), st.integers(0, 2)
)


def brute(counts: list[int], correct: list[bool], k: int, missing: int) -> float:
    items = [j for j, m in enumerate(counts) for _ in range(m)] + [None] * missing
    total, draws = Fraction(0), list(combinations(items, k))
    for drawn in draws:
        votes = [x for x in drawn if x is not None]
        top = max((votes.count(x) for x in votes), default=0)
        tied = {x for x in votes if votes.count(x) == top}
        total += Fraction(sum(correct[x] for x in tied), max(len(tied), 1))
    return float(total / len(draws))


@given(PROBLEM)
def test_majority_is_that_of_all_draws(problem: tuple) -> None:
    answers, missing = problem
    counts, correct = [m for m, _ in answers], [x for _, x in answers]
    for k in range(1, sum(counts) + missing + 1):
        assert majority_at_k(counts, correct, k, missing) == pytest.approx(brute(counts, correct, k, missing))


def test_majority_at_1_is_accuracy_and_large_counts_hold() -> None:
    counts = [300, 200, *[5] * 80]
    correct = [False, True, *[False] * 80]
    assert majority_at_k(counts, correct, 1, missing=124) == pytest.approx(200 / 1024)
    assert majority_at_k(counts, correct, 64, missing=124) < 0.2
    rng = np.random.default_rng(0)
    items = np.repeat(np.arange(len(counts)), counts)
    wins = []
    for _ in range(4000):
        votes = np.bincount(rng.choice(items, 16, replace=False), minlength=len(counts))
        wins.append((votes[1] == votes.max()) / (votes == votes.max()).sum())
    assert majority_at_k(counts, correct, 16) == pytest.approx(np.mean(wins), abs=0.02)
    assert majority_at_k([], [], 4, missing=8) == 0


def test_majority_out_of_range_is_an_error() -> None:
    for counts, correct, k in (([2], [True], 3), ([2], [True], 0), ([2], [True, False], 1), ([0], [True], 1)):
        with pytest.raises(AnalysisError):
            majority_at_k(counts, correct, k)


def test_entropy_by_hand_and_its_bias() -> None:
    assert answer_entropy([4], 0) == 0
    assert answer_entropy([2, 2], 4) == pytest.approx(-(2 * 0.25 * log(0.25) + 0.5 * log(0.5)) + 2 / 16)
    assert answer_entropy([1] * 8) == pytest.approx(log(8))  # never above log n
    with pytest.raises(AnalysisError, match="at least one sample"):
        answer_entropy([], 0)
    rng = np.random.default_rng(1)
    p = np.array([0.4, 0.3, 0.2, 0.1])
    draws = rng.multinomial(32, p, 4000)
    plain = [-(x[x > 0] / 32 * np.log(x[x > 0] / 32)).sum() for x in draws]
    truth = -(p * np.log(p)).sum()
    corrected = np.mean([answer_entropy(x) for x in draws])
    assert abs(corrected - truth) < 0.2 * abs(np.mean(plain) - truth)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 3))
def test_rarefaction_counts_distinct_answers_of_all_draws(counts: list[int], missing: int) -> None:
    items = [j for j, m in enumerate(counts) for _ in range(m)] + [None] * missing
    for k in range(1, min(len(items), 5) + 1):
        draws = [len(set(d) - {None}) for d in combinations(items, k)]
        assert distinct_at_k(counts, k, missing)[0] == pytest.approx(np.mean(draws))


def test_guessing_is_taken_out() -> None:
    assert guess_corrected([0.2, 0.6, 0.1], 0.2) == pytest.approx([0, 0.5, -0.125])
    with pytest.raises(AnalysisError):
        guess_corrected(0.5, 1.0)


def test_counts_that_are_none_are_refused() -> None:
    for call in (
        lambda: answer_entropy([3, -2]),
        lambda: answer_entropy([3, float("nan")]),
        lambda: majority_at_k([3], [True], 2, missing=-1),
        lambda: distinct_at_k([3], 2, missing=-1),
        lambda: guess_corrected(float("nan"), 0.1),
        lambda: guess_corrected(0.5, float("nan")),
    ):
        with pytest.raises(AnalysisError):
            call()


def test_the_circle_of_samples_gives_the_majority_without_bias():
    """Equal to the exact value at k = 1 and n; between them the mean over orders is, ties and silence too."""
    labels, right = np.array([0, 0, 0, 1, 1, 1, 2, -1, -1, 3]), np.array([False, True, False, True])
    exact = [majority_at_k([3, 3, 1, 1], right, k, missing=2) for k in (1, 2, 4, 7, 10)]
    rng = np.random.default_rng(0)
    drawn = np.array([majority_curve(labels, right, [1, 2, 4, 7, 10], rng) for _ in range(800)])
    assert drawn[:, [0, 4]] == pytest.approx(np.tile([exact[0], exact[4]], (800, 1)))
    error = drawn.std(0) / 800**0.5
    assert (abs(drawn.mean(0) - exact) <= 4 * error + 1e-9).all()
    assert majority_curve([-1, -1], np.zeros(0, bool), [1, 2], rng).tolist() == [0, 0]
    with pytest.raises(AnalysisError, match="lower k"):
        majority_curve(labels, right, [11], rng)
