"""Log-probs, entropy, nucleus and divergence against exact enumeration on a 4-token vocabulary."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.core.errors import UserError
from probes.calibration.toy import VOCABULARY, random_toy
from probes.measures.likelihood_ratios import covered, group_of, kl_table, kl_terms, score_table
from probes.measures.token_statistics import positions
from tests.probes.toy_engine import toy_engine


def test_positions_against_the_table():
    toy = random_toy(5, seed=3)
    engine = toy_engine(toy)
    for problem in range(5):
        found = list(positions(engine, [(VOCABULARY + problem,)] * len(toy.sequences), toy.sequences))
        for sequence, at in zip(toy.sequences, found, strict=True):
            before = (0, *sequence[:-1])
            for t, (b, s) in enumerate(zip(before, sequence, strict=True)):
                row = toy.table[problem, t, b]
                positive = row[row > 0]
                assert at.logp[t] == pytest.approx(np.log(row[s]), abs=1e-5)
                assert at.entropy[t] == pytest.approx(-(positive * np.log(positive)).sum(), abs=1e-5)
                assert at.outside[t] == (row[row > row[s]].sum() >= 0.95)


def test_positions_need_a_distribution():
    with pytest.raises(UserError, match="use --engine torch"):
        list(positions(object(), [(1,)], [(1,)]))


def exact(toy_b, toy_a, problem):
    """Expectation under B of every estimator, by enumeration of all responses."""
    p_b, p_a = toy_b.probabilities[problem], toy_a.probabilities[problem]
    terms = kl_terms(np.log(p_b), np.log(p_a))
    return {k: float((p_b * v).sum()) for k, v in terms.items()}


def test_kl_estimators_by_enumeration():
    """k1 and k3 are unbiased for KL(B||A); k2 is not (a planted fault would make them agree)."""
    b, a = random_toy(20, seed=1), random_toy(20, seed=2)
    for problem in range(20):
        found, true = exact(b, a, problem), b.kl(a)[problem]
        assert found["k1"] == pytest.approx(true)
        assert found["k3"] == pytest.approx(true)
        assert abs(found["k2"] - true) > 1e-3 * true


def test_kl_estimators_are_zero_for_one_model():
    b = random_toy(3, seed=1)
    assert exact(b, b, 0) == pytest.approx({"k1": 0, "k2": 0, "k3": 0}, abs=1e-12)


@given(st.lists(st.floats(-30, 0), min_size=1, max_size=20), st.floats(-5, 5))
def test_k2_and_k3_are_never_negative(logp, shift):
    terms = kl_terms(np.array(logp), np.array(logp) + shift)
    assert (terms["k2"] >= 0).all()
    assert (terms["k3"] >= 0).all()


def test_kl_table_recovers_the_truth_within_its_interval():
    from probes.measures.likelihood_ratios import KL
    from probes.measures.paired import infer

    b, a = random_toy(150, seed=1), random_toy(150, seed=2)
    drawn = b.draw(16, np.random.default_rng(0))
    own, by_a = b.scored(drawn), a.scored(drawn)
    for frame in (own, by_a):
        frame["key"] = np.arange(len(frame))
    rows = infer({"B under A": kl_table(own, by_a)}, KL, [])["estimates"]
    found = {r["measure"]: r for r in rows}
    truth = float(b.kl(a).mean())
    assert found["sequence_k1"]["low"] <= truth <= found["sequence_k1"]["high"]
    per_token = truth / float(b.mean_tokens.mean())
    assert found["token_k1_per_tokens"]["low"] <= per_token <= found["token_k1_per_tokens"]["high"]
    assert found["token_k3_per_tokens"]["low"] <= per_token <= found["token_k3_per_tokens"]["high"]


def test_covered_and_groups():
    assert covered(np.log([0.5, 0.1, 0.09]), 10).tolist() == [True, True, False]
    with pytest.raises(UserError, match="at least 1 sample"):
        covered(np.array([0.0]), 0)
    assert group_of(np.array([1, 0, 2, 0]), np.array([3, 1, 0, 0])).tolist() == ["P", "E", "S", "O"]


def test_score_table_by_hand():
    scores = pd.DataFrame(
        {
            "problem": ["x", "x", "y"], "tokens": [2, 1, 3], "bytes": [4, 2, 6], "outside": [1, 0, 0],
            "correct": [True, False, False],
            "logprobs": [np.log([0.5, 0.25]), np.log([0.5]), np.log([0.1] * 3)],
        }
    )  # fmt: skip
    table = score_table(scores, pd.Series({"x": "E", "y": "O"}), [8, 4])
    assert table.loc["x", "nll"] == pytest.approx(np.log(16))
    assert table.loc["x", "bits"] == pytest.approx(4.0)
    assert table.loc["x", ["tokens", "bytes", "outside"]].tolist() == [3, 6, 1]
    assert table.loc["x", "covered_8"] == 1.0  # the correct one has p = 1/8; the wrong one does not count
    assert table.loc["x", "covered_4"] == 0.0
    assert np.isnan(table.loc["y", "covered_8"])
    assert table.loc["x", "nll_E"] == table.loc["x", "nll"]
    assert np.isnan(table.loc["x", "nll_O"])


def test_sharpening_raises_the_probability_of_what_was_likely():
    a = random_toy(40, seed=4)
    b = a.tempered(0.5)
    drawn = b.draw(8, np.random.default_rng(1))
    mean = {m: np.mean([x.sum() for x in t.scored(drawn)["logprobs"]]) for m, t in (("a", a), ("b", b))}
    assert mean["b"] > mean["a"]  # B's samples are likelier under B, and KL(B||A) is positive
