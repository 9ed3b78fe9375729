"""Many pairs, groups of problems, guessing, plans, tries: known answers and planted effects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis import AnalysisError, Options, PairedCounts, compare
from analysis.comparison.joint import verdict_on_counts
from analysis.difficulty.simulation import BASE, draw_pair, with_difference
from analysis.estimators.passk import pass_at_k
from analysis.families.groups import by_base_difficulty, by_group
from analysis.families.guessing import Floor, corrected, floor_of, turned
from analysis.families.pairs import adjusted
from analysis.families.plan import plan
from analysis.inference.exact_tests import sign_flip, sign_flip_tail
from analysis.validity.__main__ import ROWS, main
from analysis.validity.nulls import guessing, more_tries, templates, twice

QUICK = Options(replicates=300)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> PairedCounts:
    counts = pd.read_csv(shared_data / "counts" / "one_shot_rlvr_early_late.csv")
    return PairedCounts.from_frame(counts, "visits_1-8", "visits_last8")


def test_tries_of_a_real_run_are_those_of_an_independent_computation(real: PairedCounts) -> None:
    found = compare(real).tries
    at = {k: i for i, k in enumerate(found.k)}
    for k, m in ((1, 2.28), (8, 1.90), (32, 1.52)):
        assert found.estimate[at[k]] == pytest.approx(m, abs=0.006)
        assert found.band_low[at[k]] <= found.low[at[k]] <= m <= found.high[at[k]] <= found.band_high[at[k]]
    assert found.low[at[32]] == pytest.approx(1.28, abs=0.03)
    assert found.high[at[32]] == pytest.approx(1.89, abs=0.04)
    assert found.reading == "cheaper, not new"


def test_twice_the_tries_is_cheaper_not_new() -> None:
    found = compare(more_tries(np.random.default_rng(4)), QUICK)
    assert found.verdict["outcome"] == "expansion"
    assert found.tries.estimate[: found.tries.k.index(16)] == pytest.approx(2.0, abs=0.15)
    assert "cheaper, not new" in found.verdict["sentence"]


def test_solutions_that_A_lacks_are_new() -> None:
    rng = np.random.default_rng(0)
    p = BASE.draw(1319, rng) * (rng.random(1319) < 0.6)
    q = np.where((p == 0) & (rng.random(1319) < 0.5), 0.05, np.minimum(p * 1.1, 1))
    pair = PairedCounts.from_arrays(64, rng.binomial(64, p), 64, rng.binomial(64, q))
    assert compare(pair, QUICK).tries.reading in ("new", "beyond A's tries")


def test_tail_of_the_sign_flips_is_the_counted_one() -> None:
    rng = np.random.default_rng(0)
    for units in (12, 80):
        d = rng.normal(0.2 if units == 80 else 0.7, 1, units)
        counted = sign_flip(d[:, None], replicates=100_000)[0]
        assert sign_flip_tail(d) == pytest.approx(counted, rel=0.35)  # few units: a lattice
    assert sign_flip_tail(np.ones(200)) == pytest.approx(2.0**-199)
    assert sign_flip_tail(np.zeros(3)) == 1.0


def test_a_large_change_is_found_among_many_pairs() -> None:
    """With p-values that cannot fall below 1/10,001, all of 561 pairs were undetermined at +43 points."""
    rng = np.random.default_rng(0)
    p = rng.beta(1, 3, 60)
    up = PairedCounts.from_arrays(16, rng.binomial(16, p), 16, rng.binomial(16, np.minimum(p + 0.43, 1)))
    found = adjusted([up] * 3 + [twice(rng, 60, 16, 16) for _ in range(30)], QUICK)
    assert found[0]["outcome"] == "expansion"
    assert max(found[0]["p"]) * 561 / 33 < 0.05
    assert found[0]["pairs"] == 33
    assert all(v["outcome"] in ("no-change", "undetermined") for v in found[3:])


def test_clusters_take_false_claims_away() -> None:
    wrong = [0, 0]
    for i in range(30):
        for j, pair in enumerate(templates(np.random.default_rng(i), 20, 10)):
            wrong[j] += verdict_on_counts(pair, QUICK)["outcome"] not in ("no-change", "undetermined")
    assert wrong[0] >= 5
    assert wrong[1] <= 3


def test_groups_that_change_differently_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    subject = np.array(["algebra", "geometry", "tiny"])[np.minimum(np.arange(404) // 200, 2)]
    p = rng.beta(1, 2, 404)
    q = np.where(subject == "geometry", p, np.minimum(p + 0.15, 1))
    pair = PairedCounts.from_arrays(32, rng.binomial(32, p), 32, rng.binomial(32, q))
    found = by_group(pair, subject, QUICK)
    groups = {g["name"]: g for g in found["groups"]}
    assert groups["algebra"]["numbers"][0]["state"] == "up"
    assert groups["geometry"]["numbers"][0]["state"] == "open"
    assert groups["tiny"]["claims"] is False
    assert found["heterogeneity"]["pass@1"] < 1e-4
    with pytest.raises(AnalysisError, match="labels"):
        by_group(pair, subject[:3])
    with pytest.raises(AnalysisError, match="one group"):
        by_group(pair, np.zeros(404))


def test_difficulty_groups_do_not_regress_to_the_mean() -> None:
    """Grouped by the samples that are compared, A's hard problems seem to gain 3 points or more."""
    pair = twice(np.random.default_rng(1), 1319, 16, 16)
    naive = by_group(pair, np.where(pair.c_a == 0, "none", "some"), QUICK)
    assert naive["groups"][0]["numbers"][0]["state"] == "up"
    fitted = by_base_difficulty(pair, QUICK)
    assert all(n["state"] == "open" for g in fitted["groups"] for n in g["numbers"])


def test_guessing_is_corrected_with_its_error() -> None:
    pair = guessing(np.random.default_rng(2), 0.02, 0.06)
    floors = Floor(0.02, 0.001), Floor(0.06, 0.0017)
    found, without = verdict_on_counts(pair, QUICK), corrected(pair, *floors, QUICK)
    assert found["outcome"] == "expansion"
    assert without["outcome"] in ("no-change", "undetermined")
    name, reason = turned(found, without) or ("", "")
    assert name == "guess floor"
    assert "6.0%" in reason
    assert floor_of([1, 0, 3], [10, 10, 10]).rate == pytest.approx(4 / 30)
    assert floor_of([0, 0], [10, 10]).error > 0
    with pytest.raises(AnalysisError):
        Floor(1.0)


def test_a_plan_finds_what_it_promises() -> None:
    trained = with_difference(BASE, 0.04, 0.04, 8)
    pilot = draw_pair(BASE, trained, 200, 16, np.random.default_rng(0))
    row = next(r for r in plan(pilot, 0.04, Options(K=8))["rows"] if r["n"] == 16)
    made = [
        verdict_on_counts(
            draw_pair(BASE, trained, row["problems"], 16, np.random.default_rng([1, i])),
            Options(K=8, replicates=200),
        )
        for i in range(25)
    ]
    assert np.mean([v["states"]["pass@K"] == "up" for v in made]) >= 0.6
    assert plan(pilot, 0.04, Options(K=8), most=10)["best"] is None
    assert plan(pilot, 0.04, Options(K=8), seed_sd=0.05)["best"] is None
    with pytest.raises(AnalysisError, match="effect"):
        plan(pilot, 4)


@pytest.mark.parametrize("spread", [0.0, 0.1])
def test_seeds_share_the_noise_of_sampling_and_not_the_spread_of_problems(spread: float) -> None:
    """The planned number of problems gives the standard error that the plan rests on, by simulation."""
    n, K, M = 8, 4, 20_000
    rng = np.random.default_rng(0)
    p = BASE.draw(M, rng)
    q = np.clip(p + 0.03 + rng.normal(0, spread, M), 0, 1)
    c_a, c_b = rng.binomial(64, p), rng.binomial(64, q)
    rows = plan(PairedCounts.from_arrays(64, c_a, 64, c_b), 0.03, seeds=(1, 4))["rows"]
    planned = {r["seeds"]: r["problems"] for r in rows if r["n"] == n}
    z = stats.norm.ppf(1 - 0.05 / 4) + stats.norm.ppf(0.8)
    for seeds in (1, 4):
        drawn = [
            pass_at_k(n, rng.binomial(n, q), [1, K]) - pass_at_k(n, rng.binomial(n, p), [1, K])
            for _ in range(seeds)
        ]
        needed = np.mean(drawn, axis=0).var(0, ddof=1).max() * (z / 0.03) ** 2
        assert planned[seeds] == pytest.approx(needed, rel=0.06)


def test_the_benchmark_target_is_named_and_narrower() -> None:
    rng = np.random.default_rng(3)
    p = BASE.draw(30, rng)
    pair = PairedCounts.from_arrays(64, rng.binomial(64, p), 64, rng.binomial(64, np.minimum(p + 0.08, 1)))
    found = {
        t: verdict_on_counts(pair, Options(target=t, replicates=300)) for t in ("population", "benchmark")
    }
    assert {v["target"] for v in found.values()} == set(found)
    width = {t: v["numbers"][1]["high"] - v["numbers"][1]["low"] for t, v in found.items()}
    assert width["benchmark"] < width["population"]


def test_the_rows_of_the_review_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert set(ROWS) >= {str(i) for i in range(1, 18)}
    assert main(["16", "10"]) == 0
    assert "| 10 | K with one problem of n = 3 | 32 | 32 |" in capsys.readouterr().out


def test_a_group_s_numbers_are_those_of_a_t_test_and_sign_flips() -> None:
    """Interval and p of each group by scipy; heterogeneity by hand, freedom of the smallest."""
    rng = np.random.default_rng(3)
    label = np.repeat(["large", "small"], [60, 8])
    n = 16
    c_a, c_b = rng.integers(0, 12, 68), rng.integers(3, 17, 68)
    c_a[60:], c_b[60:] = 1, [2] * 7 + [15]  # all one way, with an outlier: only the t-test is in doubt
    pair = PairedCounts.from_arrays(n, c_a, n, c_b)
    d = (pair.c_b - pair.c_a) / n
    found = by_group(pair, label, Options(K=2, replicates=200, seed=7))
    p = []
    for group in found["groups"]:
        own = d[label == group["name"]]
        test = stats.ttest_1samp(own, 0)
        ends = test.confidence_interval(0.95)
        number = group["numbers"][0]
        assert number["estimate"] == pytest.approx(own.mean())
        assert (number["low"], number["high"]) == pytest.approx((ends.low, ends.high))
        flips = sign_flip(np.where(label == group["name"], d, 0)[:, None], replicates=2000, seed=7)[0]
        assert number["p"] == pytest.approx(max(test.pvalue, flips))
        p += [test.pvalue > flips]
    assert any(p)  # so that the t-test, too, is seen
    a, b = (d[label == name] for name in ("large", "small"))
    variance = sum(((x - x.mean()) ** 2).sum() / x.size**2 for x in (a, b)) * 68 / 67
    expected = stats.f.sf((a.mean() - b.mean()) ** 2 / variance, 1, 8 - 1)
    assert found["heterogeneity"]["pass@1"] == pytest.approx(expected)


def test_the_groups_by_difficulty_say_who_gained() -> None:
    """B solves what A never does, and nothing else changed."""
    n = 16
    c_a = np.repeat([0, 12], 40)
    found = by_base_difficulty(PairedCounts.from_arrays(n, c_a, n, np.repeat([8, 12], 40)), QUICK)
    hard, *_ = found["groups"]
    assert (hard["name"], hard["problems"]) == ("A: none right", 40)
    assert [x["estimate"] for x in hard["numbers"]] == pytest.approx([0.5, 1.0], abs=0.01)
    assert [x["state"] for x in hard["numbers"]] == ["up", "up"]


def test_a_group_without_spread_has_an_interval_and_a_p_value_of_sign_flips() -> None:
    """Nothing changed in eight problems, and eight others gained alike: neither is known without error."""
    c_a, c_b = np.repeat([0, 4], 8), np.repeat([0, 8], 8)
    label = np.repeat(["none", "same gain"], 8)
    found = by_group(PairedCounts.from_arrays(8, c_a, 8, c_b), label, QUICK)
    none, gain = (g["numbers"][0] for g in found["groups"])
    assert none["low"] < -0.1 < 0.1 < none["high"]
    assert none["p"] == 1
    assert gain["low"] < 0.5 < gain["high"]
    assert gain["p"] == pytest.approx(2 / 2**8, rel=0.5)


def test_ten_unsolved_problems_do_not_show_that_nothing_changed() -> None:
    """Corrected for guessing, too; fails where an interval without spread has no width."""
    pair = PairedCounts.from_arrays(4, np.zeros(10), 4, np.zeros(10))
    found = corrected(pair, Floor(0.05), Floor(0.05), QUICK)
    assert found["outcome"] == verdict_on_counts(pair, QUICK)["outcome"] == "undetermined"
    assert all(r["low"] < -0.05 < 0.05 < r["high"] for r in found["numbers"])


def test_the_order_of_the_rows_makes_no_groups() -> None:
    pair = twice(np.random.default_rng(2), 200, 16, 16)
    turned = pair.take(np.random.default_rng(0).permutation(200))
    one, other = (by_base_difficulty(x, QUICK)["groups"] for x in (pair, turned))
    for a, b in zip(one, other, strict=True):
        assert [x["estimate"] for x in a["numbers"]] == pytest.approx([x["estimate"] for x in b["numbers"]])


def test_a_plan_from_unequal_samples_is_that_of_equal_ones() -> None:
    """Fails where the noise of the side with more samples counts as that of the other: too few problems."""
    planned = []
    for n_a in (8, 64):
        rng = np.random.default_rng(0)
        p = BASE.draw(4000, rng)
        q = np.clip(p + 0.05 + rng.normal(0, 0.12, 4000), 0, 1)
        pilot = PairedCounts.from_arrays(n_a, rng.binomial(n_a, p), 64, rng.binomial(64, q))
        planned.append([r["problems"] for r in plan(pilot, 0.05, Options(K=4))["rows"]])
    assert planned[0] == pytest.approx(planned[1], rel=0.1)


def test_groups_of_one_model_drawn_unequally_often_claim_nothing() -> None:
    """n = 16 and 1,024 at p = .005: t-tests and sign-flips alone claimed a change in 16% of pairs.

    In these A solved nothing, which thirty problems do in one of eleven draws.
    """
    pair = PairedCounts.from_arrays(
        16, np.zeros(60), 1024, np.random.default_rng(0).binomial(1024, 0.005, 60)
    )
    found = by_group(pair, np.arange(60) % 2, Options(K=16, replicates=200))
    for group in found["groups"]:
        assert group["numbers"][0]["low"] > 0
        assert [n["state"] for n in group["numbers"]] == ["open", "open"]
        assert all(0.03 < n["p"] < 0.3 for n in group["numbers"])
