"""The verdict: every cell of its table, its words, what it would take, and the paper's own numbers."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import (
    OUTCOMES,
    AnalysisError,
    Options,
    PairedCounts,
    compare,
    minimum_detectable_effect,
    verdict_from_rates,
)
from analysis.comparison.joint import verdict_on_counts
from analysis.comparison.planning import Spread, needed
from analysis.comparison.published_rates import verdict_from_changes
from analysis.comparison.verdict import Reading, decide, state, verdict
from analysis.comparison.words import reason_of

STATES = ("up", "down", "same", "not up", "not down", "open")
TABLE = {
    ("up", "up"): ("expansion", None),
    ("up", "down"): ("sharpening", "coverage lost"),
    ("up", "same"): ("sharpening", "coverage equivalent"),
    ("up", "not up"): ("sharpening", "coverage not gained"),
    ("same", "up"): ("coverage-only", "pass@1 equivalent"),
    ("down", "up"): ("coverage-only", "pass@1 lost"),
    ("not up", "up"): ("coverage-only", "pass@1 not gained"),
    ("down", "down"): ("regression", "both lost"),
    ("down", "same"): ("regression", "pass@1 lost"),
    ("down", "not up"): ("regression", "pass@1 lost"),
    ("same", "down"): ("regression", "coverage lost"),
    ("not up", "down"): ("regression", "coverage lost"),
    ("same", "same"): ("no-change", None),
}


@pytest.mark.parametrize("first", STATES)
@pytest.mark.parametrize("large", STATES)
def test_every_cell_of_the_table(first: str, large: str) -> None:
    outcome, kind = decide(first, large, 32)
    assert outcome in OUTCOMES
    if (first, large) in TABLE:
        assert (outcome, kind) == TABLE[first, large]
    else:
        assert outcome == "undetermined"


def reading(k: int, low: float, high: float, p: float | None = 0.001) -> Reading:
    middle, half = (low + high) / 2, 0.8 * (high - low) / 2
    return Reading(k, middle, low, high, middle - half, middle + half, p)


@pytest.mark.parametrize(
    ("low", "high", "p", "expected"),
    [
        (0.01, 0.09, 0.001, "up"),
        (0.01, 0.09, 0.2, "not down"),  # the interval alone is not enough: the exact test must agree
        (-0.09, -0.01, 0.001, "down"),
        (-0.015, 0.015, 0.9, "same"),
        (0.001, 0.015, 0.001, "up"),  # a direction is never taken back; `size` says it is small
        (-0.06, 0.01, 0.2, "not up"),
        (-0.01, 0.06, 0.2, "not down"),
        (-0.06, 0.06, 0.9, "open"),
    ],
)
def test_states_of_one_number(low: float, high: float, p: float, expected: str) -> None:
    assert state(reading(1, low, high, p), 0.05, 0.02) == expected


def test_margin_zero_never_says_the_same() -> None:
    assert state(reading(1, -1e-9, 1e-9), 0.05, 0.0) == "open"


@given(st.tuples(*[st.floats(-0.3, 0.3)] * 4))
def test_verdict_mirrors_when_the_checkpoints_are_swapped(ends: tuple[float, ...]) -> None:
    """Swapping A and B never turns a gain into a gain."""
    first, large = (reading(k, *sorted(ends[i : i + 2])) for k, i in ((1, 0), (32, 2)))
    swapped = [reading(r.k, -r.high, -r.low) for r in (first, large)]
    one = verdict(first, large, level=0.05, margin=0.02)["outcome"]
    other = verdict(*swapped, level=0.05, margin=0.02)["outcome"]
    assert (one == "no-change") == (other == "no-change")
    assert not (one == other == "expansion")
    if one == "expansion":
        assert other == "regression"


def test_words_name_both_numbers_and_what_is_open() -> None:
    found = verdict(reading(1, 0.1, 0.14), reading(16, -0.05, 0.05), level=0.05, margin=0.02)
    assert found["outcome"] == "undetermined"
    assert "pass@1 +12.0 points, pass@16 +0.0 points" in found["sentence"]
    assert "pass@1 up" in found["sentence"]
    assert len(found["reasons"]) == 2
    assert "(p = 0.001)" in found["reasons"][0]


def test_needed_problems_and_samples() -> None:
    """By hand: both open, then one settled (which leaves "no gain beyond the margin" as a third way)."""
    open_, large = reading(1, -0.01, 0.05), reading(16, -0.01, 0.07)
    spreads = (Spread(0.01, 0.005), Spread(0.2, 0.15))
    found = needed((open_, large), spreads, problems=200, n=32, level=0.05, margin=0.02)
    two, one = 2.2414 + 0.8416, 1.6449 + 0.8416
    assert found["problems"] == pytest.approx((two / 0.03) ** 2 * 0.2, rel=0.01)
    assert found["samples"] is None  # the problems alone vary too much
    more = needed((open_, large), spreads, problems=2000, n=32, level=0.05, margin=0.02)
    allowed = 2000 * (0.03 / two) ** 2
    assert more["samples"] == (33 if allowed > 0.2 else pytest.approx(32 * 0.15 / (allowed - 0.05), abs=1))
    up, flat = reading(1, 0.1, 0.14), reading(16, -0.05, 0.05)
    settled = needed((up, flat), spreads, problems=200, n=32, level=0.05, margin=0.02)
    assert settled["problems"] == pytest.approx((one / 0.02) ** 2 * 0.2, rel=0.01)
    down = reading(16, -0.07, 0.03)
    third = needed((up, down), spreads, problems=200, n=32, level=0.05, margin=0.02)
    assert third["problems"] == pytest.approx((one / 0.04) ** 2 * 0.2, rel=0.01)
    none = needed((flat, flat), spreads, problems=200, n=32, level=0.05, margin=0.0)
    assert none == {"problems": None, "samples": None}


@pytest.mark.parametrize("c", [0, 32])
def test_few_problems_at_an_end_are_asked_for_more_of_them(c: int) -> None:
    pair = PairedCounts.from_arrays(32, np.full(30, c), 32, np.full(30, c))
    found = compare(pair, Options(replicates=300)).verdict
    assert found["outcome"] == "undetermined"
    assert 60 < found["needed"]["problems"] < 5000


def test_needed_problems_do_settle_it() -> None:
    """Simulated: with the number of problems asked for, at least 70% of the data sets are decided."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.5, 2.5, 120)
    pair = PairedCounts.from_arrays(32, rng.binomial(32, p), 32, rng.binomial(32, p))
    found = compare(pair, Options(replicates=500)).verdict
    assert found["outcome"] == "undetermined"
    M = found["needed"]["problems"]
    assert M > 120
    rows = rng.integers(0, 120, (20, M))
    settled = [verdict_on_counts(pair.take(r), Options(replicates=300))["outcome"] for r in rows]
    assert np.mean([o != "undetermined" for o in settled]) >= 0.7


@pytest.mark.parametrize(("problems", "points"), [(30, 16), (500, 4.0), (1319, 2.4), (5000, 1.25)])
def test_minimum_detectable_effects_are_the_published_ones(problems: int, points: float) -> None:
    assert 100 * minimum_detectable_effect(problems) == pytest.approx(points, rel=0.02)


def series(path: Path) -> dict:
    found: dict = {}
    with path.open(newline="") as stream:
        for row in csv.DictReader(stream):
            key = row["figure"], row["series"], row["metric"]
            found.setdefault(key, {})[row["x"]] = float(row["y"]) / 100
    return found


def outcome(points: dict, figure: str, a: str, b: str, x: str, problems: int) -> tuple[str, str | None]:
    rates = [{k: points[figure, s, f"pass@{k}"][x] for k in (1, 32)} for s in (a, b)]
    found = verdict_from_rates(*rates, problems=problems, n=32)
    return found["outcome"], found["kind"]


def test_the_papers_points_are_read_as_a_careful_reader_reads_them(paper_figures: Path) -> None:
    points = series(paper_figures)
    for name in ("1B/50B", "4B/50B"):  # direct RL on MATH at 10B tokens: sharpening by the paper's definition
        change = {k: points["math_data_vs_scale", name, f"delta_pass@{k}"]["10"] for k in (1, 32)}
        found = verdict_from_changes(change, problems=5000, n=32)
        assert (found["outcome"], found["kind"]) == ("sharpening", "coverage lost")
    for x in ("6", "10", "14", "28"):  # expansion after SFT-Gold on MATH
        assert outcome(points, "math_passatk", "sft-gold", "sft-gold-rl", x, 5000) == ("expansion", None)
    gsm8k = outcome(points, "fig2_gsm8k_single_sft", "sft", "sft-rl", "44", 1319)
    assert gsm8k[0] == "sharpening"
    for x in points["fig3_gsm8k_sft_gold", "sft-gold-rl", "pass@32"]:
        found = outcome(points, "fig3_gsm8k_sft_gold", "sft-gold", "sft-gold-rl", x, 1319)
        assert found == ("sharpening", "coverage lost")
    shots = [points["a4_base_shots", s, "pass@32"]["44"] for s in ("0-shot", "8-shot", "1-shot")]
    assert shots == sorted(shots)
    prompt = outcome(points, "a4_base_shots", "0-shot", "1-shot", "44", 1319)
    assert prompt == (
        "expansion",
        None,
    )  # a change of prompt alone reads as expansion: why the card checks it


@pytest.mark.parametrize(
    "bad",
    [
        {"problems": float("nan")},
        {"problems": 1},
        {"problems": 30, "power": 1.5},
        {"problems": 30, "level": 0},
        {"problems": 30, "discordant": 0},
    ],
)
def test_plans_that_make_no_sense_are_refused(bad: dict) -> None:
    with pytest.raises(AnalysisError):
        minimum_detectable_effect(**bad)


def test_rates_that_make_no_sense_are_refused() -> None:
    good = {1: 0.2, 32: 0.6}
    for a, b, options, says in (
        ({1: 20.0, 32: 60.0}, good, None, "divide percentages"),
        ({1: 0.2}, good, None, "one larger k"),
        (good, good, Options(K=8), "one larger k"),
        ({1: float("nan"), 32: 0.5}, good, None, "no rate"),
        ({1: 0.5, 32: 0.2}, good, None, "falls as k grows"),
    ):
        with pytest.raises(AnalysisError, match=says):
            verdict_from_rates(a, b, problems=100, n=32, options=options)
    with pytest.raises(AnalysisError, match="undefined"):
        verdict_from_rates(good, good, problems=100, n=16)
    with pytest.raises(AnalysisError, match="undefined"):
        verdict_from_rates(good, good, problems=100, n=float("nan"))
    with pytest.raises(AnalysisError, match="two problems"):
        verdict_from_rates(good, good, problems=1, n=32)
    with pytest.raises(AnalysisError, match="divide points"):
        verdict_from_changes({1: 2.9, 32: -3.4}, problems=100, n=32)


def test_rates_without_counts_are_read_more_cautiously_than_counts(changed: PairedCounts) -> None:
    counts = verdict_on_counts(changed)
    a, b = (
        {n["k"]: 0.4 for n in counts["numbers"]},
        {n["k"]: 0.4 + n["estimate"] for n in counts["numbers"]},
    )
    rates = verdict_from_rates(a, b, problems=changed.M, n=32)
    for one, other in zip(counts["numbers"], rates["numbers"], strict=True):
        assert other["high"] - other["low"] > one["high"] - one["low"]


def test_a_small_level_is_not_called_certain() -> None:
    """The fourth look of a path at 5% is at 0.25%: "the joint 100% region" promised too much."""
    up = Reading(8, 0.1, 0.05, 0.15, 0.06, 0.14, 0.001)
    assert "joint 99.75% region" in reason_of(up, "up", 0.0025, 0.02)
    same = Reading(8, 0.0, -0.01, 0.01, -0.01, 0.01, 1.0)
    assert "its 99.5% interval" in reason_of(same, "same", 0.0025, 0.02)
    assert "joint 95% region" in reason_of(up, "up", 0.05, 0.02)
