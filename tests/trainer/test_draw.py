"""The sampler's distribution, exactly."""

import itertools

import numpy as np
import torch
from scipy import stats

from evals.core.keys import derive_seed
from evals.engines.draw import draw, truncate, uniforms
from evals.records import SamplingOptions


def test_uniforms_are_uniform_and_independent_over_positions():
    seeds = [derive_seed("u", i) for i in range(20_000)]
    first, second = uniforms(seeds, 0), uniforms(seeds, 1)
    assert first.min() >= 0
    assert first.max() < 1
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03
    np.testing.assert_array_equal(uniforms(seeds[5:9], 7), uniforms(seeds, 7)[5:9])


def test_neighbouring_seeds_share_nothing():
    draws = np.array([uniforms([s], p)[0] for s in range(50) for p in range(50)])
    assert len(np.unique(draws)) == 2500
    assert stats.kstest(draws, "uniform").pvalue > 1e-3


def test_frequencies_of_all_sequences_match_the_exact_product():
    """Fault 21: vocabulary 4, length 3, a first-order chain: chi-square of 64 cells; log-probs exact.

    Planted and seen to fail: temperature ignored; tempered log-probs reported.
    """
    table = torch.randn(5, 4, generator=torch.Generator().manual_seed(3)) * 1.5
    count = 60_000
    seeds = [derive_seed("chain", i) for i in range(count)]
    options = SamplingOptions(temperature=0.7, top_p=1.0)
    state = torch.full((count,), 4)
    tokens = []
    for position in range(3):
        state, logp = draw(table[state], torch.from_numpy(uniforms(seeds, position)), options)
        tokens.append(state)
    seen = np.bincount((tokens[0] * 16 + tokens[1] * 4 + tokens[2]).numpy(), minlength=64)
    probs = (table / 0.7).softmax(-1).numpy().astype(float)
    exact = [probs[4, a] * probs[a, b] * probs[b, c] for a, b, c in itertools.product(range(4), repeat=3)]
    assert stats.chisquare(seen, np.array(exact) / sum(exact) * count).pvalue > 1e-3
    expected = table[tokens[1]].log_softmax(-1).gather(-1, tokens[2][:, None])[:, 0]
    assert torch.equal(logp, expected)


def test_a_group_of_16_from_a_uniform_model_starts_with_several_tokens():
    """Fault 20; through the engine, and what was planted: test_rollouts."""
    seeds = [derive_seed("group", i) for i in range(16)]
    tokens, _ = draw(torch.zeros(16, 50), torch.from_numpy(uniforms(seeds, 0)), SamplingOptions(1.0, 1.0))
    assert len(set(tokens.tolist())) > 1


def test_nucleus_keeps_the_smallest_sufficient_set():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    assert truncate(logits, 0.79, 0).isfinite().tolist() == [[True, True, False, False]]
    assert truncate(logits, 0.81, 0).isfinite().tolist() == [[True, True, True, False]]
    assert truncate(logits, 1.0, 1).isfinite().tolist() == [[True, False, False, False]]
    assert truncate(logits, 1e-9, 0).isfinite().sum() == 1


def test_temperature_zero_is_greedy():
    logits = torch.tensor([[0.1, 2.0, 0.3]])
    assert draw(logits, torch.tensor([0.999]), SamplingOptions(0.0))[0].item() == 1
