"""The table model is what its table says: enumeration, sampling through the engine, scoring."""

from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from evals.records import Request, SamplingOptions
from probes.calibration.toy import VOCABULARY, random_toy
from tests.probes.toy_engine import toy_engine


def test_probabilities_sum_to_one_and_rates_follow(base):
    assert base.probabilities.sum(axis=1) == pytest.approx(1.0)
    by_hand = [
        sum(p for s, p in zip(base.sequences, row, strict=True) if len(s) > 1 and s[-2] == gold)
        for row, gold in zip(base.probabilities, base.golds, strict=True)
    ]
    assert base.p == pytest.approx(by_hand)


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_engine_draws_from_the_table(temperature):
    toy = random_toy(1, seed=5)
    n = 4000
    drawn = toy_engine(toy).sample(
        [Request((VOCABULARY,), i) for i in range(n)], SamplingOptions(temperature, 1.0, 0, 8)
    )
    counted = Counter(s.token_ids for s in drawn)
    expected = toy.tempered(temperature).probabilities[0] * n
    observed = np.array([counted[s] for s in toy.sequences], dtype=float)
    held = expected >= 5
    merged = [*observed[held], observed[~held].sum()], [*expected[held], expected[~held].sum()]
    assert sum(counted.values()) == n
    assert chisquare(*merged).pvalue > 1e-4
    for sample in drawn[:50]:  # log-probs are at temperature 1, whatever the sampling temperature
        assert np.exp(sample.logprobs) == pytest.approx(toy.steps(sample.token_ids)[0], rel=1e-5)


def test_engine_scores_the_table(base):
    engine = toy_engine(base)
    sequences = base.sequences[:30]
    scores = engine.score([(VOCABULARY + 7,)] * len(sequences), sequences)
    for sequence, logp in zip(sequences, scores, strict=True):
        assert np.exp(logp) == pytest.approx(base.steps(sequence)[7], rel=1e-5)


def test_sequence_entropy_is_the_sum_of_token_entropies_on_average(base):
    """Chain rule, by enumeration: E[sum of token entropies along a response] = entropy of the response."""
    along = np.stack([base._entropies(s) for s in base.sequences], axis=1)
    assert (base.probabilities * along).sum(axis=1) == pytest.approx(base.sequence_entropy)
