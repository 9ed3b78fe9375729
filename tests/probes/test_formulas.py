"""Every measure against a second computation that shares no code with it, on small cases."""

import math
from collections import Counter
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.calibration.toy import VOCABULARY, random_toy
from probes.diversity import path_tables, text_table
from probes.entropy import answer_table, token_table
from probes.measures.likelihood_ratios import score_table
from probes.measures.text_diversity import bleu, self_bleu, words
from probes.measures.token_statistics import positions
from probes.measures.weight_change import compare_weights, cosine, effective_rank
from tests.probes.test_weights import both, save  # noqa: F401 - a fixture
from tests.probes.toy_engine import toy_engine

VOCAB = ["one", "two", "three", "four", "+", "7"]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.sampled_from(VOCAB), min_size=4, max_size=9), min_size=2, max_size=6))
def test_distinct_n_by_sets(texts):
    frame = pd.DataFrame({"problem": "x", "text": [" ".join(t) for t in texts], "answer": None})
    row = text_table(frame).loc["x"]
    for n in (1, 2, 4):
        grams = [tuple(t[i : i + n]) for t in texts for i in range(len(t) - n + 1)]
        assert row[f"distinct_{n}"] == pytest.approx(len(set(grams)) / len(grams))
    assert row["words"] == pytest.approx(np.mean([len(t) for t in texts]))
    assert row["duplicates"] == pytest.approx(1 - len({tuple(t) for t in texts}) / len(texts))


@settings(deadline=None, max_examples=50)
@given(*(st.lists(st.sampled_from(VOCAB), min_size=4, max_size=12) for _ in range(2)))
def test_bleu_against_nltk(hypothesis, reference):
    """Lin and Och's smoothing is method2 of nltk, which gives no score to what shares no word."""
    translate = pytest.importorskip("nltk.translate.bleu_score")
    smooth = translate.SmoothingFunction().method2
    expected = translate.sentence_bleu([reference], hypothesis, smoothing_function=smooth)
    assert bleu(hypothesis, reference) == pytest.approx(expected)


def test_self_bleu_over_all_pairs():
    texts = [words(t) for t in ("1 + 2 = 3 so it is 3", "2 + 1 = 3 so 3", "it is 3", "it is 3")]
    every = [bleu(x, y) for x in texts for y in texts if x is not y]
    assert self_bleu(texts, 6, np.random.default_rng(0)) == pytest.approx(np.mean(every))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["1+1=2", "2*1=2", "3-1=2", "4-2=2"]), min_size=3, max_size=6))
def test_rarefied_paths_by_all_subsets(paths):
    m = len(paths) - 1
    frames = {
        "more": pd.DataFrame({"problem": "x", "text": paths, "correct": True}),
        "fewer": pd.DataFrame({"problem": "x", "text": paths[:m], "correct": True}),
    }
    expected = np.mean([len(set(subset)) for subset in combinations(paths, m)])
    found = path_tables(frames)
    assert found["more"].loc["x", "paths"] == pytest.approx(expected)
    assert found["fewer"].loc["x", "paths"] == len(set(paths[:m]))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["1", "2", "3", None]), min_size=1, max_size=12))
def test_answer_entropy_by_hand(answers):
    """Plug-in entropy, Miller and Madow's (kinds - 1) / 2n, never above ln n."""
    row = answer_table(pd.DataFrame({"problem": "x", "answer": answers})).loc["x"]
    n, kinds = len(answers), Counter(answers)
    plain = sum(-c / n * math.log(c / n) for c in kinds.values())
    expected = min(plain + (len(kinds) - 1) / (2 * n), math.log(n))
    assert row["answer_entropy"] == pytest.approx(expected, abs=1e-12)
    assert row["effective_answers"] == pytest.approx(math.exp(expected))
    assert row["no_answer"] == answers.count(None) / n


def test_nucleus_by_sorting():
    """Outside: not in the shortest list of most likely tokens whose probabilities reach .95."""
    toy = random_toy(6, seed=11, concentration=0.7)
    engine = toy_engine(toy)
    seen = 0
    for problem in range(6):
        found = list(positions(engine, [(VOCABULARY + problem,)] * len(toy.sequences), toy.sequences))
        for sequence, at in zip(toy.sequences, found, strict=True):
            for t, (before, token) in enumerate(zip((0, *sequence[:-1]), sequence, strict=True)):
                row = toy.table[problem, t, before]
                order = np.argsort(-row)
                size = int(np.searchsorted(row[order].cumsum(), 0.95)) + 1
                assert at.outside[t] == (token not in order[:size])
                seen += int(at.outside[t])
    assert seen > 0


def test_token_entropy_and_nll_by_loops():
    toy = random_toy(3, seed=2)
    scores = toy.scored(toy.draw(5, np.random.default_rng(0)))
    table = token_table(scores.assign(bytes=7))
    for problem, part in scores.groupby("problem"):
        entropy = nll = 0.0
        for sequence in part["sequence"]:
            for t, (before, token) in enumerate(zip((0, *sequence[:-1]), sequence, strict=True)):
                row = toy.table[int(problem[1:]), t, before]
                entropy -= sum(p * math.log(p) for p in row if p > 0)
                nll -= math.log(row[token])
        assert table.loc[problem, "entropy"] == pytest.approx(entropy)
        assert table.loc[problem, "nll"] == pytest.approx(nll)
        assert table.loc[problem, "tokens"] == sum(map(len, part["sequence"]))
        assert table.loc[problem, "sequence_entropy"] == pytest.approx(entropy / 5)
        assert table.loc[problem, "entropy_bits"] == pytest.approx(entropy / math.log(2))
        assert table.loc[problem, "nll_bits"] == pytest.approx(nll / math.log(2))
        assert table.loc[problem, "bytes"] == 5 * 7


def test_perplexity_by_group_from_single_tokens():
    """exp of the mean NLL over all tokens of a group's problems, not a mean of means."""
    from probes.measures.likelihood_ratios import TOKENS, group_measures
    from probes.measures.paired import infer

    toy = random_toy(30, seed=3)
    scores = toy.scored(toy.draw(4, np.random.default_rng(1))).assign(bytes=1)
    groups = pd.Series({f"p{i}": "PESO"[i % 4] for i in range(30)})
    found = infer({"x": score_table(scores, groups, [8])}, (*TOKENS, *group_measures()), [])["estimates"]
    by_name = {r["measure"]: r["estimate"] for r in found}
    for group in "PESO":
        tokens = np.concatenate([*scores[scores["problem"].map(groups) == group]["logprobs"]])
        assert by_name[f"nll_{group}_per_tokens"] == pytest.approx(-tokens.mean())
    assert by_name["nll_per_tokens"] == pytest.approx(-np.concatenate([*scores["logprobs"]]).mean())


@pytest.mark.parametrize("shape", [(9, 5), (5, 9), (6000, 3), (40, 40)])
def test_effective_rank_against_svd(shape):
    matrix = np.random.default_rng(0).normal(size=shape)
    values = np.linalg.svd(matrix, compute_uv=False)
    p = values / values.sum()
    assert effective_rank(matrix) == pytest.approx(math.exp(-(p * np.log(p)).sum()))


def test_weights_by_flat_vectors(save):  # noqa: F811
    rng = np.random.default_rng(0)
    base = {"w": rng.normal(size=(8, 6)), "v": rng.normal(size=5)}
    small = {k: x + np.where(rng.random(x.shape) < 0.5, 4e-6, 1e-3) for k, x in base.items()}
    large = {k: x + rng.normal(size=x.shape) for k, x in base.items()}
    paths = [save(name, t) for name, t in (("base", base), ("small", small), ("large", large))]
    flat = [np.concatenate([t[k].astype(np.float32).ravel() for k in "wv"]) for t in (base, small, large)]
    one, two = flat[1] - flat[0], flat[2] - flat[0]
    found = compare_weights(both(*paths[:2]))
    assert found["relative_change"] == pytest.approx(np.linalg.norm(one) / np.linalg.norm(flat[0]), rel=1e-5)
    assert found["sparsity"] == pytest.approx(np.mean(np.abs(one) <= 1e-5))
    assert 0 < found["sparsity"] < 1
    expected = float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))
    assert cosine(both(paths[0], paths[1]), both(paths[0], paths[2])) == pytest.approx(expected, rel=1e-4)
