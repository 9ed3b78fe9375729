"""Paired counts from frames: what is refused, in one sentence each, and what is kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis import AnalysisError, Options, PairedCounts
from analysis.comparison.options import declared_K, k_grid


def frame(rows: list[tuple], columns: str = "problem checkpoint n c") -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns.split())


GOOD = [("p", "a", 4, 1), ("q", "a", 4, 2), ("q", "b", 4, 3), ("p", "b", 4, 0)]


def test_problems_are_paired_by_id_whatever_the_order() -> None:
    pair = PairedCounts.from_frame(frame(GOOD), "a", "b")
    assert list(pair.problems) == ["p", "q"]
    assert pair.c_a.tolist() == [1, 2]
    assert pair.c_b.tolist() == [0, 3]
    assert (pair.M, pair.n, pair.equal_n) == (2, 4, True)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (GOOD[:3], "only one of a and b .for example p"),
        ([("p", "a", 4, 1), ("q", "b", 4, 1)], "no problem in common"),
        ([("p", "a", 4, 1), ("p", "b", 4, 1)], "one problem"),
        ([*GOOD, ("p", "a", 4, 1)], "twice"),
        ([("p", "a", 0, 0), *GOOD[1:]], "n = 0"),
        ([("p", "a", 4, 5), *GOOD[1:]], "c = 5 correct of n = 4"),
        ([("p", "a", 4, float("nan")), *GOOD[1:]], "missing"),
        ([("p", "a", 4, 0.5), *GOOD[1:]], "whole"),
        ([("p", "a", 4, -1), *GOOD[1:]], "between"),
        ([("p", "a", 1e12, 1), *GOOD[1:]], "between"),
        ([(None, "a", 4, 1), *GOOD[1:]], "without a problem id"),
        ([("p", "b", 4, 1), ("q", "b", 4, 1)], "no counts of checkpoint 'a'"),
    ],
)
def test_bad_frames_are_refused(rows: list[tuple], says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        PairedCounts.from_frame(frame(rows), "a", "b")


def test_missing_columns_and_equal_names_are_refused() -> None:
    with pytest.raises(AnalysisError, match="no column 'c'"):
        PairedCounts.from_frame(frame(GOOD).drop(columns="c"), "a", "b")
    with pytest.raises(AnalysisError, match="two different names"):
        PairedCounts.from_frame(frame(GOOD), "a", "a")


def test_groups_come_with_the_frame_and_must_agree() -> None:
    grouped = frame([(*r, "s" + r[0]) for r in GOOD], "problem checkpoint n c stratum")
    assert PairedCounts.from_frame(grouped, "a", "b").stratum.tolist() == [0, 1]
    grouped.loc[0, "stratum"] = "other"
    with pytest.raises(AnalysisError, match="agree"):
        PairedCounts.from_frame(grouped, "a", "b")


def test_thinning_is_hypergeometric_and_keyed() -> None:
    pair = PairedCounts.from_arrays([8, 64], [8, 32], [8, 16], [0, 4])
    thin = pair.thinned(8, seed=3)
    assert thin.equal_n
    assert thin.c_a[0] == 8
    assert thin.c_b[0] == 0
    np.testing.assert_array_equal(thin.c_a, pair.thinned(8, seed=3).c_a)
    draws = [pair.thinned(8, seed=s).c_a[1] for s in range(400)]
    assert np.mean(draws) == pytest.approx(4, abs=0.25)
    with pytest.raises(AnalysisError, match="cannot be drawn"):
        pair.thinned(9)


@pytest.mark.parametrize(
    ("n", "K"), [(2, 2), (3, 2), (4, 2), (8, 4), (32, 16), (33, 16), (64, 32), (1000, 256)]
)
def test_default_K_is_the_largest_power_of_two_up_to_half(n: int, K: int) -> None:
    assert declared_K(n, None) == K


def test_K_and_k_outside_the_samples_are_errors() -> None:
    with pytest.raises(AnalysisError, match="one sample"):
        declared_K(1, None)
    with pytest.raises(AnalysisError, match="K = 64"):
        declared_K(32, 64)
    with pytest.raises(AnalysisError, match="k = 33"):
        k_grid(32, 16, (1, 33))


@pytest.mark.parametrize("n", [2, 7, 40, 41, 64, 128, 1000, 1024, 100_000])
def test_grid_holds_1_K_n_and_the_powers(n: int) -> None:
    K = declared_K(n, None)
    ks = k_grid(n, K)
    assert ks == sorted(set(ks))
    assert {1, K, n} | {2**j for j in range(20) if 2**j <= n} <= set(ks)
    assert len(ks) <= 48
    assert k_grid(n, K, (2,)) == sorted({1, 2, K})


@pytest.mark.parametrize(
    "bad",
    [
        {"level": 0},
        {"level": 0.7},
        {"margin": -0.1},
        {"margin": 1},
        {"K": 1},
        {"replicates": 5},
        {"interval": "x"},
        {"level": float("nan")},
        {"margin": float("nan")},
        {"K": 2.5},
        {"K": True},
        {"seed": -1},
        {"seed": 0.5},
        {"replicates": 1e4},
    ],
)
def test_options_out_of_range_are_refused(bad: dict) -> None:
    with pytest.raises(AnalysisError):
        Options(**bad)
