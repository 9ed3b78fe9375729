"""The whole comparison: real counts, JSON, order of problems, ends of the scale, groups, unequal n."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis import AnalysisError, Options, PairedCounts, compare, pass_at_k
from analysis.comparison.crossover import crossover, over_k
from analysis.comparison.joint import verdict_on_counts
from analysis.inference.bands import Curve
from analysis.inference.bootstrap import Replicates

QUICK = Options(replicates=500)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> PairedCounts:
    counts = pd.read_csv(shared_data / "counts" / "one_shot_rlvr_early_late.csv")
    return PairedCounts.from_frame(counts, "visits_1-8", "visits_last8")


def test_real_counts_of_an_rlvr_run(real: PairedCounts) -> None:
    found = compare(real).to_dict()
    at = {k: i for i, k in enumerate(found["k"])}
    for k, a, b in ((1, 0.3552, 0.4815), (32, 0.7913, 0.8207)):
        assert found["passk"]["a"]["estimate"][at[k]] == pytest.approx(a, abs=5e-5)
        assert found["passk"]["b"]["estimate"][at[k]] == pytest.approx(b, abs=5e-5)
    assert found["delta"]["estimate"][at[32]] == pytest.approx(0.0294, abs=5e-5)
    assert [found["support"][c] for c in "PESO"] == [977, 53, 34, 145]
    assert found["support"]["n"] == 64
    assert found["options"]["K"] == 32
    assert found["verdict"]["outcome"] == "expansion"
    assert found["crossover"] == {"k": None, "low": None, "high": None}
    assert found["slope"]["high"] < 0  # B's advantage shrinks with k
    assert found["delta"]["band_low"][at[64]] < 0 < found["delta"]["band_low"][at[32]]


def walk(value: object) -> None:
    assert value is None or type(value) in (dict, list, str, int, float, bool)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        walk(inner)


def test_dict_is_plain_json_with_the_agreed_keys(changed: PairedCounts) -> None:
    found = compare(changed, QUICK).to_dict()
    walk(found)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for side in ("a", "b"):
        assert set(found["passk"][side]) == {"estimate", "low", "high", "band_low", "band_high"}
    assert {"null_low", "null_high", "fixed_low", "fixed_high"} < set(found["delta"])
    assert {"outcome", "kind", "sentence", "reasons", "needed"} <= set(found["verdict"])
    assert {"n", "P", "E", "S", "O", "expected", "mcnemar_p", "detection_limit"} <= set(found["support"])
    assert {"level", "K", "margin", "seed"} <= set(found["options"])
    lengths = {len(v) for v in (*found["passk"]["a"].values(), *found["delta"].values(), found["k"])}
    assert len(lengths) == 1
    for item in found["checks"]:
        assert set(item) - {"voids"} == {"name", "passed", "value", "detail"}
        assert item["passed"] in (True, False, None)


def test_order_and_names_of_problems_do_not_matter(changed: PairedCounts) -> None:
    shuffled = changed.take(np.random.default_rng(1).permutation(changed.M))
    one, other = (json.dumps(compare(p, QUICK).to_dict()) for p in (changed, shuffled))
    assert one == other


def test_curves_are_means_and_monotone(changed: PairedCounts) -> None:
    found = compare(changed, QUICK)
    np.testing.assert_allclose(found.passk_a.estimate, pass_at_k(32, changed.c_a, found.k).mean(0))
    np.testing.assert_allclose(found.delta.estimate, found.passk_b.estimate - found.passk_a.estimate)
    assert (np.diff(found.passk_a.estimate) >= 0).all()


def test_short_path_gives_the_verdict_of_the_long_one(changed: PairedCounts) -> None:
    long, short = compare(changed, QUICK).verdict, verdict_on_counts(changed, QUICK)
    assert short["outcome"] == long["outcome"] == "expansion"
    for one, other in zip(short["numbers"], long["numbers"], strict=True):
        for name in one:
            assert one[name] == pytest.approx(other[name], abs=1e-6)


def test_swapping_the_checkpoints_mirrors_the_difference(changed: PairedCounts) -> None:
    back = PairedCounts.from_arrays(32, changed.c_b, 32, changed.c_a)
    one, other = compare(changed, QUICK), compare(back, QUICK)
    np.testing.assert_allclose(one.delta.estimate, -other.delta.estimate)
    assert other.verdict["outcome"] == "regression"
    assert (one.support["E"], one.support["S"]) == (other.support["S"], other.support["E"])
    assert other.crossover["k"] == 1


def test_crossover_is_found_between_grid_points() -> None:
    """A solves 60% of problems rarely, B 40% often: the curves cross once, at a k that is known exactly."""
    n, M = 200, 500
    c_a = np.where(np.arange(M) < 300, 10, 0)
    c_b = np.where(np.arange(M) < 200, 100, 0)
    gap = pass_at_k(n, c_b, np.arange(1, n + 1)).mean(0) - pass_at_k(n, c_a, np.arange(1, n + 1)).mean(0)
    exact = int(np.argmax(gap <= 0)) + 1
    found = compare(PairedCounts.from_arrays(n, c_a, n, c_b), QUICK).crossover
    assert found["k"] == exact
    assert found["low"] <= exact <= found["high"]
    assert 1 < found["low"] < found["high"]


@pytest.mark.parametrize(
    ("c_a", "c_b"),
    [(0, 0), (32, 32), (0, 32), (32, 0), (16, 16)],
    ids=["floor", "ceiling", "floor to ceiling", "ceiling to floor", "constant"],
)
@pytest.mark.parametrize("problems", [2, 30, 300])
def test_ends_of_the_scale_give_numbers_with_width(c_a: int, c_b: int, problems: int) -> None:
    pair = PairedCounts.from_arrays(32, np.full(problems, c_a), 32, np.full(problems, c_b))
    found = compare(pair, QUICK).to_dict()
    json.dumps(found, allow_nan=False)
    for curve in (found["passk"]["a"], found["passk"]["b"], found["delta"]):
        for low, high in (("low", "high"), ("band_low", "band_high")):
            assert (np.array(curve[high]) - np.array(curve[low]) > 0).all()
    for low, high in (("null_low", "null_high"), ("fixed_low", "fixed_high")):
        assert (np.array(found["delta"][high]) - np.array(found["delta"][low]) > 0).all()
    assert found["slope"]["low"] < found["slope"]["high"]
    if c_a == c_b:  # nothing is known of where the curves cross
        assert found["crossover"] == {"k": 1, "low": 1, "high": None}
    if c_a == c_b:
        assert found["verdict"]["outcome"] in ("no-change", "undetermined")
    if problems == 300:
        expected = {(0, 32): "expansion", (32, 0): "regression"}.get((c_a, c_b), "no-change")
        assert found["verdict"]["outcome"] == expected


def test_two_problems_decide_nothing() -> None:
    found = compare(PairedCounts.from_arrays(64, [0, 0], 64, [64, 64]), QUICK)
    assert found.verdict["outcome"] == "undetermined"


def test_unequal_samples_are_thinned_for_the_table_and_said() -> None:
    rng = np.random.default_rng(3)
    n_a, n_b = rng.integers(16, 40, 200), rng.integers(16, 40, 200)
    p = rng.beta(0.5, 2, 200)
    pair = PairedCounts.from_arrays(n_a, rng.binomial(n_a, p), n_b, rng.binomial(n_b, p))
    found = compare(pair, QUICK).to_dict()
    assert found["support"]["n"] == found["n"] == 16
    assert sum(found["support"][c] for c in "PESO") == 200
    equal = next(c for c in found["checks"] if c["name"] == "equal samples")
    assert equal["passed"] is False
    with pytest.raises(AnalysisError, match="K = 32"):
        compare(pair, Options(K=32))
    with pytest.raises(AnalysisError, match="k = 20"):
        compare(pair, Options(k=(1, 20)))


def test_clusters_widen_and_strata_narrow(changed: PairedCounts) -> None:
    rank = np.argsort(np.argsort(changed.c_b - changed.c_a, kind="stable"))
    grouped = PairedCounts(
        "A", "B", changed.problems, changed.n_a, changed.c_a, changed.n_b, changed.c_b, cluster=rank // 20
    )
    layered = PairedCounts(
        "A", "B", changed.problems, changed.n_a, changed.c_a, changed.n_b, changed.c_b, stratum=rank // 100
    )
    width = [
        (c.delta.high - c.delta.low)[0] for c in (compare(p, QUICK) for p in (grouped, changed, layered))
    ]
    assert width[0] > 2 * width[1] > 3 * width[2]
    held = {c["name"]: c["passed"] for c in compare(grouped, QUICK).checks}
    assert held["clusters"] is False  # 20 of them
    assert "clusters" not in {c["name"] for c in compare(changed, QUICK).checks}


def test_n_beside_K_is_checked() -> None:
    pair = PairedCounts.from_arrays(8, [1, 2, 3, 0], 8, [2, 2, 4, 1])
    held = {c["name"]: c["passed"] for c in compare(pair, Options(K=8, replicates=200)).checks}
    assert held["n against K"] is False
    assert held["K declared"] is None  # given: nobody but the user knows whether before the counts were seen
    assert {c["name"]: c["passed"] for c in compare(pair, Options(replicates=200)).checks}["K declared"]
    assert held["problems"] is False


def test_import_is_light_and_pure() -> None:
    """No scipy, pandas, torch or plotting at import, and nothing of this project above the ground floor."""
    code = (
        "import sys, analysis, analysis.validity.power, analysis.validity.coverage; "
        "print([m for m in ('scipy', 'pandas', 'torch', 'evals', 'probes') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_the_interval_of_k_star_takes_half_the_level_at_each_end() -> None:
    """Of 1000 replicates 40 caught up at k = 2, 30 never, the rest at k = 8, that is from k = 5 on."""
    pair = PairedCounts.from_arrays(8, [1, 0, 2, 0], 8, [4, 3, 5, 2])
    ks, estimate = [1, 2, 4, 8], np.array([0.5, 0.4, 0.2, 0.1])
    reached = np.repeat([1, 4, 3], [40, 30, 930])  # places in ks; 4: beyond
    drawn = np.where(np.arange(4) >= reached[:, None], -1.0, 1.0)
    delta = Replicates(estimate, (drawn - estimate).astype(np.float32), 100, np.zeros((100, 4)))
    values = np.random.default_rng(0).normal(size=(100, 4))
    flat = np.full(4, 0.5)
    curve = Curve(flat, flat, flat, flat, flat)
    assert crossover(pair, ks, delta, values, curve, 0.05) == {"k": None, "low": 2, "high": None}
    assert crossover(pair, ks, delta, values, curve, 0.09) == {"k": None, "low": 5, "high": 8}


def test_where_B_is_above_below_and_equal_over_k() -> None:
    low = np.array([0.01, -0.019, -0.03, -0.5, -0.5])
    high = np.array([0.20, 0.019, 0.01, 0.50, -0.1])
    found = over_k([1, 2, 4, 8, 16], Curve(low, low, high, low, high), margin=0.02)
    assert [(s["low"], s["high"], s["state"]) for s in found] == [
        (1, 1, "above"),
        (2, 2, "equal"),
        (4, 8, "open"),
        (16, 16, "below"),
    ]


def test_checks_at_their_bounds() -> None:
    """n = 2K is enough; a benchmark that one checkpoint alone solves still shows a difference."""
    pair = PairedCounts.from_arrays(8, [1, 2, 3, 0], 8, [8, 8, 8, 8])
    held = {c["name"]: c["passed"] for c in compare(pair, Options(K=4, replicates=200)).checks}
    assert (held["n against K"], held["floor and ceiling"]) == (True, True)
    both = PairedCounts.from_arrays(8, [8] * 4, 8, [8] * 4)
    held = {c["name"]: c["passed"] for c in compare(both, Options(K=5, replicates=200)).checks}
    assert (held["n against K"], held["floor and ceiling"]) == (False, False)


def test_the_noise_of_sampling_is_that_of_each_side_s_samples() -> None:
    """16 samples against 1,024: fails where both sides count as 16 (a range 1.4 times too wide)."""
    rng = np.random.default_rng(2)
    p = rng.beta(0.5, 1, 300)
    pair = PairedCounts.from_arrays(16, rng.binomial(16, p), 1024, rng.binomial(1024, p))
    found = compare(pair, Options(replicates=100, k=(1, 8)))
    true = np.sqrt((p * (1 - p)).mean() * (1 / 16 + 1 / 1024) / 300)
    assert found.null_spread[0] == pytest.approx(true, rel=0.06)
    assert found.fixed[0] == pytest.approx(true, rel=0.06)


def test_over_k_and_tries_claim_nothing_that_re_splits_do_not_show() -> None:
    """n = 16 and 1,024 at p = .005: the band alone told a direction in 9% of pairs, of which this is one."""
    pair = PairedCounts.from_arrays(
        16, np.zeros(30), 1024, np.random.default_rng(0).binomial(1024, 0.005, 30)
    )
    found = compare(pair, Options(K=16, replicates=200))
    assert found.delta.band_low[0] > 0
    assert found.tries.low[0] > 1
    assert found.over_k[0]["state"] in ("open", "equal")
    assert found.tries.reading == "open"
