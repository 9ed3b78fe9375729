"""The sampler's distribution, exactly."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats

from evals.asking import Asking
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.engines import next_token as drawing
from evals.engines.next_token import draw, truncate, uniforms
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


def of_a_language(rows, vocab, seed=0, spread=2.0):
    """Logits as of a model at several temperatures: peaked rows, flat rows, rows with ties, masked tokens."""
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, vocab, generator=rng) * spread
    logits *= torch.linspace(0.02, 4, rows)[:, None]
    logits[1::4] = (logits[1::4] * 2).round() / 2  # ties by the hundred
    logits[2::4, ::3] = -80.0
    return logits


CUTS = [
    SamplingOptions(1.0, 0.95),
    SamplingOptions(0.6, 0.95),
    SamplingOptions(1.3, 0.5),
    SamplingOptions(1.0, 0.999),
    SamplingOptions(1.0, 1.0, 20),
    SamplingOptions(0.7, 0.9, 200),
    SamplingOptions(1.0, 1.0, 5000),
    SamplingOptions(1.0, 1.0, min_p=0.05),
    SamplingOptions(1.0, 0.9, 40, min_p=0.1),
]


@pytest.mark.parametrize("options", CUTS, ids=str)
def test_a_large_vocabulary_is_not_sorted_and_the_draws_are_the_same(options, monkeypatch):
    """Against the whole vocabulary in hand, over rows that need a few tokens and rows that need all.

    Seen to fail: a top-k set beyond what was looked at; candidates left in the order of probability.
    """
    logits = of_a_language(32, 12_000)
    for position in range(8):
        uniform = torch.from_numpy(uniforms(range(32), position))
        tokens, _ = draw(logits, uniform, options)
        with monkeypatch.context() as patch:
            patch.setattr(drawing, "LIKELY", ())
            assert torch.equal(tokens, draw(logits, uniform, options)[0])


@pytest.mark.parametrize("options", [*CUTS, SamplingOptions(1.0, 1.0)], ids=str)
def test_a_large_vocabulary_is_drawn_from_as_a_small_one(options, monkeypatch):
    """The two add in other orders, which moves an edge by 1e-7: no draw of some hundred moves."""
    logits = of_a_language(32, 3000)
    uniform = torch.from_numpy(uniforms(range(32), 3))
    tokens, logp = draw(logits, uniform, options)
    monkeypatch.setattr(drawing, "SMALL", 10**9)
    wanted, wanted_logp = draw(logits, uniform, options)
    assert (tokens != wanted).sum() <= 1
    assert torch.equal(logp[tokens == wanted], wanted_logp[tokens == wanted])


def test_peaked_rows_never_see_the_whole_vocabulary(monkeypatch):
    logits = of_a_language(16, 20_000, spread=8.0)[8:]
    sizes, stays = [], drawing._stays
    monkeypatch.setattr(drawing, "_stays", lambda *a: sizes.append(a[0].shape) or stays(*a))
    draw(logits, torch.from_numpy(uniforms(range(8), 0)), SamplingOptions(1.0, 0.95))
    assert all(width <= 1024 for _, width in sizes)


@pytest.mark.parametrize("vocab", [8, 50_000])
def test_the_ends_of_the_interval_draw_what_is_possible(vocab):
    logits = torch.full((3, vocab), -torch.inf)
    logits[:, [2, 5]] = 0.0
    edge = torch.tensor([0.0, 0.5, 1 - 2**-53], dtype=torch.float64)
    for options in (SamplingOptions(1.0, 1.0), SamplingOptions(1.0, 0.999), SamplingOptions(1.0, 1.0, 2)):
        assert draw(logits, edge, options)[0].tolist() == [2, 5, 5]


def test_min_p_is_relative_to_the_most_likely_token():
    logits = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log()
    assert truncate(logits, 1.0, 0, 0.31).isfinite().tolist() == [[True, True, False, False]]
    assert truncate(logits, 1.0, 0, 0.29).isfinite().tolist() == [[True, True, True, False]]
    assert truncate(logits, 0.79, 0, 0.01).isfinite().tolist() == [[True, True, False, False]]


@pytest.mark.parametrize("vocab", [300, 50_000])
@pytest.mark.parametrize("top_p", [1e-9, 1e-60])
def test_a_tiny_nucleus_is_the_likeliest_token(vocab, top_p):
    """Seen to fail: with nothing left inside, the last token of the vocabulary was drawn."""
    logits = torch.zeros(4, vocab)
    logits[:, 7] = 1.0
    uniform = torch.tensor([0.01, 0.3, 0.6, 0.99], dtype=torch.float64)
    assert draw(logits, uniform, SamplingOptions(0.6, top_p))[0].tolist() == [7] * 4
    assert truncate(logits, top_p, 0).isfinite().sum(dim=-1).tolist() == [1] * 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"top_p": 0.0}, {"top_p": -0.1}, {"top_p": 1.01}, {"top_p": float("nan")}, {"temperature": 1e-40},
        {"temperature": -1.0}, {"temperature": float("inf")}, {"min_p": 1.0}, {"min_p": -0.1}, {"top_k": -1},
    ],
)  # fmt: skip
def test_options_that_leave_nothing_to_draw_from_are_refused(wrong):
    """Seen to fail: top_p 0 and a temperature near 0 drew the last token of the vocabulary."""
    (name,) = wrong
    with pytest.raises(UserError, match=f"{name} is .*; it must be "):
        SamplingOptions(**wrong)
    with pytest.raises(UserError, match=f"{name} is "):
        _ = Asking(**wrong).options
