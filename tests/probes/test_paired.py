"""Inference on per-problem values: the ratio, its interval, pairing, missing values, Holm."""

import numpy as np
import pandas as pd
import pytest

from analysis.measures.ratios import expanded
from evals.core.errors import UserError
from probes.measures.paired import Measure, infer

MEAN = Measure("x", "x", "unit")
RATIO = Measure("x", "x", "unit", over="t")


def frame(values, **more):
    index = pd.Index([f"p{i}" for i in range(len(values))], name="problem")
    return pd.DataFrame({"x": values, **more}, index=index)


def test_estimates_by_hand():
    a = frame([1.0, 2.0, np.nan, 4.0] * 5, t=[1.0, 1.0, 1.0, 2.0] * 5)
    b = frame([2.0, 2.0, 3.0, 4.0] * 5, t=[2.0, 1.0, 1.0, 2.0] * 5)
    found = infer({"a": a, "b": b}, (MEAN, RATIO), [("a", "b")])
    values = {(r["checkpoint"], r["measure"]): r["estimate"] for r in found["estimates"]}
    assert values["a", "x"] == pytest.approx(7 / 3)
    assert values["a", "x_per_t"] == pytest.approx(7 / 4)
    assert values["b", "x"] == pytest.approx(11 / 4)
    change = next(d for d in found["differences"] if d["measure"] == "x")
    assert change["estimate"] == pytest.approx(8 / 3 - 7 / 3)  # on the problems that both have
    assert change["problems"] == 15
    assert change["label"] == "x (of the 15 problems with both)"
    whole = infer({"a": b, "b": b}, (MEAN,), [("a", "b")])["differences"]
    assert whole[0]["label"] == "x"


def test_interval_covers_at_its_rate():
    """Two draws of one thing: 150 simulated pairs, a ratio over 40 problems."""
    covered = 0
    for run in range(150):
        rng = np.random.default_rng(run)
        level = rng.gamma(2, size=40)
        sides = {n: frame(rng.poisson(level * 20).astype(float), t=rng.poisson(10, 40) + 1.0) for n in "ab"}
        row = infer(sides, (RATIO,), [("a", "b")], seed=run)["differences"][0]
        covered += row["low"] <= 0 <= row["high"]
    assert 0.90 <= covered / 150 <= 0.99


def test_nothing_varies_or_few_problems_have_no_interval():
    same = infer({"a": frame([1.0] * 30), "b": frame([1.0] * 30)}, (MEAN,), [("a", "b")])
    assert same["differences"][0]["estimate"] == 0
    assert same["differences"][0]["low"] is None
    few = infer({"a": frame([1.0, 2.0, 3.0])}, (MEAN,), [])
    assert few["estimates"][0]["low"] is None
    none = infer({"a": frame([np.nan] * 30)}, (MEAN,), [])
    assert none["estimates"][0]["estimate"] is None
    assert none["estimates"][0]["problems"] == 0


def test_order_of_problems_is_no_matter_and_other_problems_are_an_error():
    rng = np.random.default_rng(0)
    a, b = frame(rng.normal(size=30)), frame(rng.normal(size=30))
    one = infer({"a": a, "b": b}, (MEAN,), [("a", "b")])["differences"][0]
    two = infer({"a": a, "b": b.iloc[::-1]}, (MEAN,), [("a", "b")])["differences"][0]
    assert one == two
    for other in (b.rename(lambda p: p + "'"), b.iloc[1:]):
        with pytest.raises(UserError, match="are known of only one of a and b; give both the same problems"):
            infer({"a": a, "b": other}, (MEAN,), [("a", "b")])


def test_holm_over_pairs():
    rng = np.random.default_rng(0)
    tables = {n: frame(rng.normal(size=50) + shift) for n, shift in (("a", 0), ("b", 0.6), ("c", 2))}
    rows = infer(tables, (MEAN,), [("a", "b"), ("a", "c")])["differences"]
    p = sorted(r["p"] for r in rows)
    adjusted = sorted(r["p_holm"] for r in rows)
    assert adjusted[0] == pytest.approx(min(1, 2 * p[0]))
    assert adjusted[1] == pytest.approx(max(p[1], 2 * p[0]))


def test_expanded_quantiles_are_wider_for_few_problems():
    assert expanded(10, 0.05)[0] < expanded(1000, 0.05)[0] < 0.0251
