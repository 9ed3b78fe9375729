"""Measures that others report: exact small cases, planted truths, nulls, and coverage on simulated data."""

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from analysis.counts import PairedCounts
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k
from analysis.measures import sharpening_tax as sharpening_tax_module
from analysis.measures.answer_policy import MEASURES, answer_policy, by_difficulty, change
from analysis.measures.retention import judged, retention, retention_from_rates
from analysis.measures.sharpening_tax import (
    area_share,
    few_rollouts,
    overtaking,
    sharpening_tax,
    unpaired_tax,
)
from analysis.measures.token_equivalent import monotone, reached, token_equivalent


def pair_of(p_a, p_b, n, seed):
    rng = np.random.default_rng(seed)
    return PairedCounts.from_arrays(n, rng.binomial(n, p_a), n, rng.binomial(n, p_b))


def beta(problems, seed, a=0.4, b=1.2):
    return np.random.default_rng(seed).beta(a, b, problems)


def test_the_area_by_hand():
    """One problem solved once in two: pass@1 = .5, pass@2 = 1, so A = .5 and S = .5 / (1 · .5) = 1."""
    assert area_share([2, 2], [1, 1], 2).estimate == pytest.approx(1.0)
    curve = pass_at_k([8, 8, 8], [0, 1, 5], np.arange(1, 9)).mean(0)
    by_hand = (curve[-1] - curve[:-1]).sum() / (7 * (1 - curve[0]))
    assert area_share([8, 8, 8], [0, 1, 5], 8).estimate == pytest.approx(by_hand)


def test_nothing_left_is_no_tax():
    assert area_share([4, 4], [4, 4], 4).estimate == 0.0
    assert area_share([4, 4], [0, 0], 4).estimate == 0.0


def test_sharpening_is_taxed_and_two_draws_are_not():
    p = beta(400, 0)
    sharp = np.where(p > 0.15, 0.9, 0.0)  # what was likely is sure, what was rare is gone
    taxed = sharpening_tax(pair_of(p, sharp, 32, 1), 16)
    assert taxed.tax.low > taxed.null[1]
    same = sharpening_tax(pair_of(p, p, 32, 2), 16)
    assert same.null[0] < same.tax.estimate < same.null[1]
    assert same.tax.low < 0 < same.tax.high


def test_the_interval_of_the_tax_covers_no_change_and_a_planted_tax():
    """200 runs each, as `binomial` allows about .95; the planted truth by the exact curves."""
    ks = np.arange(1, 9)

    def truth(p):
        curve = (1 - (1 - p[:, None]) ** ks).mean(0)
        return (curve[-1] - curve[:-1]).sum() / (7 * (1 - curve[0]))

    whole = beta(200_000, 5)
    planted = truth(whole) - truth(whole**0.5)
    covered = np.zeros(2)
    for run in range(200):
        p = beta(150, 100 + run)
        for i, (other, true) in enumerate(((p, 0.0), (p**0.5, planted))):
            tax = sharpening_tax(pair_of(p, other, 16, 1000 + run), 8, replicates=400, draws=2).tax
            covered[i] += tax.low <= true <= tax.high
    assert (covered / 200 >= 0.9).all(), covered


def test_few_rollouts_have_no_bias_to_speak_of():
    """Planted: the plug-in curve 1 - (1 - c/n)^k, whose bias is several errors."""
    p = beta(300, 3)
    c = np.random.default_rng(4).binomial(128, p)
    found = few_rollouts(np.full(300, 128), c, 8, 8, draws=300)
    assert abs(found["bias_over_error"]) < 0.5


def test_published_histograms_give_a_wider_interval():
    p = beta(500, 6)
    pair = pair_of(p, p**0.8, 16, 7)
    paired = sharpening_tax(pair, 8).tax
    unpaired = unpaired_tax(np.bincount(pair.c_a, minlength=17), np.bincount(pair.c_b, minlength=17), 8)
    assert unpaired.estimate == pytest.approx(paired.estimate)
    assert unpaired.high - unpaired.low > paired.high - paired.low


@pytest.mark.parametrize(
    ("a", "b", "right", "expected"),
    [
        ([0, 0, 1, 2], [0, 0, 0, 1], 0, (1, 0, 0, 0.25, 0.0)),  # frequent before, and grew
        ([1] * 20, [0] * 5 + [1] * 15, 0, (0, 1, 0, 0.25, -0.25)),  # out of nothing into the top
        ([0, 0, 0, 1], [1, 1, 1, 0], 0, (0, 0, 1, -0.5, 0.5)),  # a wrong answer took over
        ([-1] * 4, [-1] * 4, 0, (0, 0, 0, 0.0, 0.0)),  # nobody answers
        ([1, 1, 0, 0], [1, 1, 1, 0], 0, (0, 0, 1, -0.25, 0.25)),  # of equals the smaller label is the mode
    ],
)
def test_changes_of_one_problem(a, b, right, expected):
    assert change(np.array(a), np.array(b), right).tolist() == pytest.approx(list(expected))


def answers(weights, n, rng):
    """{problem: (labels, right)}: label 0 is right; weights (M, J)."""
    return {i: (rng.choice(len(w), n, p=w / w.sum()), 0) for i, w in enumerate(weights)}


def test_two_draws_of_one_policy_show_no_excess():
    """40 runs of 60 problems: intervals of the excess cover 0; tail discovery alone looks like a finding."""
    covered, discovered = dict.fromkeys(MEASURES, 0), 0.0
    for run in range(40):
        rng = np.random.default_rng(run)
        weights = rng.dirichlet(np.full(12, 0.4), 60)
        found = answer_policy(answers(weights, 32, rng), answers(weights, 32, rng), splits=4, seed=run)
        discovered += found.observed["tail_discovered"].estimate / 40
        for name in MEASURES:
            covered[name] += found.excess[name].low <= 0 <= found.excess[name].high
    assert min(covered.values()) >= 33, covered
    assert discovered > 0.005


def test_a_planted_discovery_is_found():
    rng = np.random.default_rng(0)
    before = rng.dirichlet(np.full(8, 1.0), 80)
    before[:, 0] = 0
    after = before.copy()
    after[:40, 0] = 1.0  # of half the problems the right answer comes out of nothing
    found = answer_policy(answers(before, 64, rng), answers(after, 64, rng), splits=4)
    assert found.observed["tail_discovered"].estimate == pytest.approx(0.5, abs=0.05)
    assert found.excess["tail_discovered"].low > 0.3
    easy = answer_policy(answers(before, 64, rng), answers(after, 64, rng), splits=4, problems=set(range(40)))
    assert easy.observed["tail_discovered"].estimate > 0.9


def test_difficulty_is_not_read_from_what_is_compared():
    """30 pairs of draws: grouped by the samples that are compared, the hard problems of one model gain."""
    rng = np.random.default_rng(3)
    covered, runs = 0, 30
    for run in range(runs):
        weights = rng.dirichlet(np.full(6, 0.5), 80)
        found = by_difficulty(answers(weights, 24, rng), answers(weights, 24, rng), splits=2, seed=run)
        hard = found["A: none right"].excess["mass_right"]
        covered += hard.low <= 0 <= hard.high
    assert covered >= 25
    assert by_difficulty(answers(weights, 5, rng), answers(weights, 5, rng)) == {}


def test_reading_the_curve_of_tokens():
    tokens, means = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.1, 0.2, 0.2, 0.4])
    assert reached(tokens, means, 0.15) == pytest.approx(2**0.5)
    assert reached(tokens, means, 0.05) == 1.0
    assert reached(tokens, means, 0.5) == np.inf
    assert monotone(np.array([0.1, 0.3, 0.2])).tolist() == pytest.approx([0.1, 0.25, 0.25])


def test_token_equivalent_covers_a_planted_multiple():
    """100 runs: RL worth the base's next checkpoint but one; and no gain is a multiple of 1."""
    tokens, covered = np.array([1e9, 2e9, 4e9, 8e9]), np.zeros(2)
    for run in range(100):
        rng = np.random.default_rng(run)
        ability = rng.normal(-1.5, 1.5, 200)
        p = 1 / (1 + np.exp(-(ability + np.arange(4)[:, None] * 0.6)))
        draw = lambda q: rng.binomial(16, q) / 16  # noqa: B023, E731
        base = np.stack([draw(row) for row in p])
        for i, (truth, trained) in enumerate(((2.0, draw(p[2])), (1.0, draw(p[1])))):
            found = token_equivalent(tokens, base, trained, 2e9, replicates=300).multiple
            covered[i] += found.low <= truth <= found.high
    assert (covered >= 84).all(), covered  # 400 runs with 1,000 replicates gave .953 and .923


def test_token_equivalent_refuses_what_does_not_fit():
    with pytest.raises(AnalysisError, match="no checkpoint at"):
        token_equivalent([1.0, 2.0], np.zeros((2, 3)), np.zeros(3), 3.0)
    with pytest.raises(AnalysisError, match="increasing tokens"):
        token_equivalent([2.0, 1.0], np.zeros((2, 3)), np.zeros(3), 2.0)


def test_retention_reads_each_task():
    rng = np.random.default_rng(0)
    a = {t: (rng.random(2000) < 0.6).astype(float) for t in ("same", "lost", "unclear")}
    b = {
        "same": a["same"].copy(),
        "lost": a["lost"] * (rng.random(2000) < 0.8),
        "unclear": a["unclear"].copy(),
    }
    b["same"][:10] = 1 - b["same"][:10]
    b["unclear"] = (rng.random(2000) < 0.6).astype(float)
    found = {k.task: k for k in retention(a, b)}
    assert {t: k.reading for t, k in found.items() if t != "mean"} == {
        "same": "equivalent",
        "lost": "lost",
        "unclear": "undetermined",
    }
    differences = [found[t].difference for t in a]
    assert found["mean"].difference == pytest.approx(np.mean(differences))


@pytest.mark.parametrize(("items", "told"), [(2, False), (3, False), (40, True)])
def test_items_that_all_changed_alike_are_no_certainty(items, told):
    """Fails where no spread is no error: two items gained were told with p = 0."""
    (found,) = retention({"t": np.zeros(items)}, {"t": np.ones(items)})
    assert found.error > 0
    assert (found.p <= 0.05) is told
    assert found.low < 1
    (same,) = retention({"t": np.ones(items)}, {"t": np.ones(items)})
    assert (same.difference, same.reading) == (0, "undetermined")
    (many,) = retention({"t": np.ones(5000)}, {"t": np.ones(5000)})
    assert many.reading == "equivalent"


def test_retention_from_published_rates():
    a, b = {"x": (0.50, 0.005), "y": (0.40, 0.016)}, {"x": (0.501, 0.005), "y": (0.30, 0.016)}
    x, y, mean = retention_from_rates(a, b)
    assert (x.reading, y.reading) == ("equivalent", "lost")
    assert y.error == pytest.approx(0.016 * 2**0.5)
    assert mean.error == pytest.approx((2 * 0.005**2 + 2 * 0.016**2) ** 0.5 / 2)


def test_false_claims_of_retention_stay_at_their_level():
    """2,000 nulls: "equivalent" at the edge of the margin, and a claim without a change, at most 5%."""
    rng = np.random.default_rng(1)

    def readings(true):
        rows = [[("t", d, 0.01, 0)] for d in rng.normal(true, 0.01, 2000)]
        return [judged(row, margin=0.02, level=0.05)[0].reading for row in rows]

    assert readings(0.02).count("equivalent") / 2000 < 0.065
    at_zero = readings(0.0)
    assert (at_zero.count("lost") + at_zero.count("gained")) / 2000 < 0.065


def test_the_null_of_the_tax_is_of_as_many_samples_as_were_drawn():
    """Two draws of A with the numbers of samples of A and of B, and the central 1 - level of them."""
    pair = pair_of(beta(60, 4), beta(60, 4), 32, 5)
    fewer = PairedCounts.from_arrays(32, pair.c_a, 4, np.minimum(pair.c_b, 4))
    ranges = {}
    for name, one in (("equal", pair), ("fewer", fewer)):
        drawn = sharpening_tax_module._drawn_twice(one, 4, 500, 0)
        ranges[name] = sharpening_tax(one, 4, replicates=200).null
        assert ranges[name] == pytest.approx(np.quantile(drawn, [0.025, 0.975]))
    assert np.diff(ranges["fewer"]) > 1.5 * np.diff(ranges["equal"])


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ([1, 3], [1, 3], "never"),
        ([1, 0], [2, 1], "always"),
        ([4, 0], [1, 1], "with compute"),
        ([2, 2], [1, 1], "never"),
    ],
)
def test_overtaking_is_strict(a, b, said):
    assert overtaking(PairedCounts.from_arrays(4, a, 4, b), 4) == said


def test_the_bias_of_few_samples_is_that_of_all_draws():
    """Bias by every draw of 3 of 6 samples of two problems, weighted by its chance."""
    n, c, few, K = 6, np.array([1, 4]), 3, 3
    exact = sum(
        hypergeom(n, c[0], few).pmf(i) * hypergeom(n, c[1], few).pmf(j)
        * area_share([few, few], [i, j], K, replicates=2).estimate
        for i in range(few + 1) for j in range(few + 1)
    )  # fmt: skip
    found = few_rollouts([n, n], c, K, few, draws=4000)
    assert found["truth"] == pytest.approx(area_share([n, n], c, K, replicates=2).estimate)
    assert abs(exact - found["truth"]) > 0.01
    assert found["bias"] == pytest.approx(exact - found["truth"], abs=4 * found["error"] / 4000**0.5)


@pytest.mark.parametrize("items", [120, 150, 195, 300])
def test_few_items_that_changed_do_not_show_that_nothing_was_lost(items):
    """Items of which 2% are lost in truth: their spread alone called 20% of samples of 150 equivalent."""
    lost = np.arange(12)
    wrong = 0.0
    for x, chance in zip(lost, binom.pmf(lost, items, 0.02), strict=True):
        (found,) = retention({"t": np.ones(items)}, {"t": np.repeat([0.0, 1.0], [x, items - x])})
        wrong += chance * (found.reading == "equivalent")
    assert wrong <= 0.05
