"""Models whose truth is known: every probe recovers it within its interval, through the real engine."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import Options
from probes.entropy import entropy
from probes.expand import expand
from probes.likelihood import likelihood
from probes.measures.log_probs import own_scores, score_cell
from probes.passk import passk
from probes.support import support
from tests.probes.toy_engine import toy_engine

OPTIONS = Options(replicates=2000)


def true_pass(toy, k):
    return float((1 - (1 - toy.p) ** k).mean())


@pytest.fixture(scope="module")
def opener(base, sharp):
    return {"base": toy_engine(base), "sharp": toy_engine(sharp)}.__getitem__


@pytest.fixture(scope="module")
def scores(toy_source, opener, tmp_path_factory):
    a, b = toy_source.checkpoints
    out = tmp_path_factory.mktemp("scores")
    return {
        (x["name"], y["name"]): score_cell(toy_source, x, y, 8, out, quiet=True, opener=opener)
        for x, y in ((a, a), (a, b), (b, b))
    }


def within(row, truth):
    assert row["low"] <= truth <= row["high"], (row, truth)


def test_expand_finds_the_planted_verdict(toy_source, base, sharp):
    """`sharp` is `base` at a lower temperature: pass@1 rises where it was likely, coverage falls."""
    finding = expand(toy_source, replace(OPTIONS, K=8)).to_dict()
    comparison = finding["comparisons"][0]
    ks = comparison["k"]
    for k in (1, 8, 32):
        i = ks.index(k)
        low, high = comparison["delta"]["low"][i], comparison["delta"]["high"][i]
        # the problems are the population here, so the interval for new problems covers it all the more
        assert low <= true_pass(sharp, k) - true_pass(base, k) <= high
    assert comparison["verdict"]["outcome"] == "sharpening"
    assert comparison["verdict"]["kind"] == "coverage lost"
    assert comparison["robustness"]["rows"]


def test_same_model_twice_is_no_change(tmp_path_factory, base):
    from tests.probes.conftest import sample_toys

    folder = tmp_path_factory.mktemp("twice") / "store"
    source = sample_toys(folder, {"one": base, "two": base}, 32, {"two": 1})
    verdict = expand(source, OPTIONS).to_dict()["comparisons"][0]["verdict"]
    assert verdict["outcome"] in ("no-change", "undetermined")


def test_passk_recovers_the_rates(toy_source, base, sharp):
    finding = passk(toy_source, OPTIONS).to_dict()
    for row in finding["estimates"]:
        toy = {"base": base, "sharp": sharp}[row["checkpoint"]]
        if "k" in row:
            within(row, true_pass(toy, row["k"]))
    truth = float((base.p >= 0.2).mean())
    held = next(r for r in finding["cover"] if r["tau"] == 0.2 and r["checkpoint"] == "base")
    assert held["share"] == pytest.approx(truth, abs=0.12)


def test_support_beside_its_expectation(toy_source, base, sharp):
    block = support(toy_source, OPTIONS).to_dict()["pairs"][0]
    n = 64
    q_a, q_b = (1 - base.p) ** n, (1 - sharp.p) ** n
    expected = float((q_b * (1 - q_a)).sum())  # solved by A alone
    assert abs(block["support"]["S"] - expected) <= 4 * np.sqrt(max(expected, 1))
    same = float((q_a * (1 - q_a)).sum())
    assert block["support"]["expected"]["S"]["mean"] == pytest.approx(same, abs=3)
    assert sum(block["support"][c] for c in "PESO") == len(base.golds)


def test_entropy_recovers_the_truth(toy_source, base, sharp, scores, opener, tmp_path):
    own = own_scores(toy_source, 8, tmp_path, quiet=True, opener=opener)
    finding = entropy(toy_source, scores=own).to_dict()
    rows = {(r["checkpoint"], r["measure"]): r for r in finding["estimates"]}
    for name, toy in (("base", base), ("sharp", sharp)):
        within(rows[name, "sequence_entropy"], float(toy.sequence_entropy.mean()))
        within(rows[name, "sequence_nll"], float(toy.sequence_entropy.mean()))
        truth = float(toy.sequence_entropy.sum() / toy.mean_tokens.sum())
        within(rows[name, "entropy_per_tokens"], truth)
        within(rows[name, "nll_per_tokens"], truth)
    change = next(d for d in finding["differences"] if d["measure"] == "sequence_entropy")
    within(change, float(sharp.sequence_entropy.mean() - base.sequence_entropy.mean()))


def test_likelihood_recovers_the_divergence(toy_source, base, sharp, scores):
    finding = likelihood(toy_source, scores).to_dict()
    rows = {(r["checkpoint"], r["measure"]): r for r in finding["estimates"]}
    truth = float(sharp.kl(base).mean())
    within(rows["sharp under base", "sequence_k1"], truth)
    within(rows["sharp under base", "sequence_k3"], truth)
    cross = -(sharp.probabilities * np.log(base.probabilities)).sum(axis=1)
    within(rows["sharp under base", "nll_per_tokens"], float(cross.sum() / sharp.mean_tokens.sum()))
    within(
        rows["base under base", "nll_per_tokens"], float(base.sequence_entropy.sum() / base.mean_tokens.sum())
    )
    groups = {r["group"] for r in finding["perplexity"]}
    assert "all" in groups
    assert all(r["estimate"] >= 1 for r in finding["perplexity"])


def test_scores_are_kept_and_not_made_again(toy_source, opener, tmp_path):
    a, b = toy_source.checkpoints
    first, same = score_cell(toy_source, a, b, 4, tmp_path, quiet=True, opener=opener)
    assert same

    def fails(_):
        raise AssertionError("what is there was scored again")

    again, _ = score_cell(toy_source, a, b, 4, tmp_path, quiet=True, opener=fails)
    assert first["key"].tolist() == again["key"].tolist()
    assert np.concatenate([*first["logprobs"]]) == pytest.approx(np.concatenate([*again["logprobs"]]))


def test_only_what_was_asked_for_is_measured(toy_source, base):
    """A store that holds more problems and samples than are meant does not leak into any probe."""
    from evals.store.aligned import aligned
    from evals.store.tally import tally
    from probes.comparison.gained_lost import changed
    from probes.inputs.frames import graded

    wanted = sorted(set(toy_source.counts["problem"]))[:50]
    counts = toy_source.counts[toy_source.counts["problem"].isin(wanted)]
    less = replace(toy_source, counts=counts, n=16)
    frame = graded(less, ["text"])["base"]
    assert set(frame["problem"]) == set(wanted)
    assert frame["index"].max() == 15
    cell = toy_source.checkpoints[0]["cell"]
    sums = tally(aligned(toy_source.store, cell, set(wanted), 16))
    assert sums["correct"].sum() == frame["correct"].sum()
    assert (sums["n"] == 16).all()
    assert changed(less, "base", "sharp")["lost_total"] <= 50
