"""Losses: one global count, masks from lengths, exact small cases."""

import pytest
import torch
from torch.nn import functional as F

from tests.trainer.tiny import plain
from trainer.algorithms import contract, grpo
from trainer.algorithms.loss import token_losses
from trainer.models.stream import stream

CPU = torch.device("cpu")
GENERATOR = torch.Generator().manual_seed(5)


def ragged_batch(lengths=(5, 17, 9, 30, 8)):
    whole = [torch.randint(0, 64, (n,), generator=GENERATOR).tolist() for n in lengths]
    return whole, [max(1, n // 2) for n in lengths]


def gradient(model, whole, responses, parts):
    """Gradient of the global token mean, accumulated over `parts` of the batch."""
    model.zero_grad()
    total = sum(responses)
    value = 0.0
    for part in parts:
        batch = stream([whole[i] for i in part], [responses[i] for i in part], CPU)
        loss = token_losses(model, batch).sum() / total
        loss.backward()
        value += loss.item()
    return value, torch.cat([p.grad.flatten() for p in model.parameters()])


@pytest.mark.parametrize("parts", [[[0], [1], [2], [3], [4]], [[4, 2], [0, 3, 1]], [[3, 1, 4, 0, 2]]])
def test_gradient_is_the_same_for_every_cut_and_order(model, parts):
    """Faults 1 and 2 (planted and seen to fail: token losses divided by their number in the pass)."""
    whole, responses = ragged_batch()
    value, together = gradient(model, whole, responses, [[0, 1, 2, 3, 4]])
    cut_value, cut = gradient(model, whole, responses, parts)
    assert cut_value == pytest.approx(value, rel=1e-12)
    torch.testing.assert_close(cut, together, rtol=1e-10, atol=1e-14)


def test_loss_is_the_plain_loop_over_completion_tokens(model):
    """Fault 9: -Σ log p(y_t | x, y_<t) over the response alone (planted: the mask shifted by one)."""
    whole, responses = ragged_batch()
    losses = token_losses(model, stream(whole, responses, CPU))
    expected = []
    for sequence, r in zip(whole, responses, strict=True):
        for t in range(len(sequence) - r, len(sequence)):
            logits = plain(model, sequence[:t])[-1]
            expected.append(-logits.log_softmax(-1)[sequence[t]])
    torch.testing.assert_close(losses, torch.stack(expected), rtol=1e-9, atol=1e-12)


def test_only_logits_before_completion_tokens_get_gradient(model):
    """Fault 9 (planted: a mask shifted by one moves the non-zero rows)."""
    whole, responses = ragged_batch((10, 6))
    batch = stream(whole, responses, CPU)
    logits = model(batch.ids, batch.layout, torch.arange(len(batch.ids)))
    logits.retain_grad()
    F.cross_entropy(logits[batch.source], batch.target, reduction="sum").backward()
    touched = logits.grad.abs().sum(-1).nonzero().flatten().tolist()
    assert touched == [4, 5, 6, 7, 8, 12, 13, 14]


def test_a_response_without_prompt_is_refused():
    with pytest.raises(ValueError, match="shorter"):
        stream([[1, 2]], [2], CPU)


def test_advantages_by_hand():
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]], dtype=torch.float64)
    adv = grpo.group_advantages(rewards, ddof=1, eps=1e-6)
    assert adv[0].tolist() == pytest.approx([0.75 / (0.5 + 1e-6), *[-0.25 / (0.5 + 1e-6)] * 3])
    assert adv[1].tolist() == [0.0] * 4
    population = grpo.group_advantages(rewards, ddof=0, eps=1e-6)
    assert population[0, 0].item() == pytest.approx(0.75 / (0.1875**0.5 + 1e-6))


def test_groups_sum_to_zero_and_follow_their_rows():
    """Fault 18: permuting rows permutes advantages (planted: the mean of all groups)."""
    rewards = torch.rand(6, 8, generator=GENERATOR, dtype=torch.float64)
    adv = grpo.group_advantages(rewards)
    torch.testing.assert_close(adv.sum(1), torch.zeros(6, dtype=torch.float64), atol=1e-9, rtol=0)
    order = torch.randperm(6, generator=GENERATOR)
    assert torch.equal(grpo.group_advantages(rewards[order]), adv[order])


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "clipped"),
    [
        (1.0, 2.0, -2.0, 0),
        (1.5, 2.0, -2.4, 1),  # the gain stops at 1 + 0.2
        (0.5, 2.0, -1.0, 0),
        (0.5, -2.0, 1.6, 1),  # the loss stops at 1 - 0.2
        (1.5, -2.0, 3.0, 0),
        (9.0, -2.0, 6.0, 1),  # dual clip: at most 3 · 2
    ],
)
def test_surrogate_by_hand(ratio, advantage, loss, clipped):
    logp = torch.tensor([ratio], dtype=torch.float64).log()
    terms = grpo.clipped_surrogate(
        logp, torch.zeros_like(logp), torch.tensor([advantage], dtype=torch.float64)
    )
    assert terms.loss.item() == pytest.approx(loss)
    assert terms.clipped.item() == clipped


@pytest.mark.parametrize("estimator", ["k1", "k2"])
def test_kl_gradient_is_exact_in_expectation(estimator):
    """Fault 26, by enumeration of 4 tokens (planted: k1 as the plain log ratio; k2 without its half)."""
    logits = torch.tensor([0.3, -0.2, 0.9, 0.1], dtype=torch.float64, requires_grad=True)
    reference = torch.tensor([0.1, 0.4, -0.3, 0.2], dtype=torch.float64).log_softmax(-1)
    logp = logits.log_softmax(-1)
    exact = torch.autograd.grad((logp.exp() * (logp - reference)).sum(), logits, retain_graph=True)[0]
    loss = (logp.exp().detach() * contract.kl_penalty(logp, reference, estimator)).sum()
    torch.testing.assert_close(torch.autograd.grad(loss, logits)[0], exact, rtol=1e-10, atol=1e-12)


def test_k3_has_the_gradient_it_says():
    """Fault 26: the expected gradient of k3 is that of KL(reference ‖ policy) (planted: k3 turned round)."""
    logits = torch.tensor([0.3, -0.2, 0.9, 0.1], dtype=torch.float64, requires_grad=True)
    reference = torch.tensor([0.1, 0.4, -0.3, 0.2], dtype=torch.float64).log_softmax(-1)
    logp = logits.log_softmax(-1)
    reverse = torch.autograd.grad((reference.exp() * (reference - logp)).sum(), logits, retain_graph=True)[0]
    loss = (logp.exp().detach() * contract.kl_penalty(logp, reference, "k3")).sum()
    torch.testing.assert_close(torch.autograd.grad(loss, logits)[0], reverse, rtol=1e-10, atol=1e-12)


def test_length_bias_is_as_declared():
    """Fault 4: 1:1 under token mean, 10:1 under sequence mean (planted: the mean length for each)."""
    sequence, lengths = torch.tensor([0] + [1] * 10), torch.tensor([1, 10])
    numbers = {"tokens": 11, "sequences": 2, "constant": 20}
    token = contract.weights_of(sequence, lengths, "token-mean", **numbers)
    mean = contract.weights_of(sequence, lengths, "sequence-mean", **numbers)
    constant = contract.weights_of(sequence, lengths, "constant", **numbers)
    assert token[0] / token[1] == 1
    assert mean[0] / mean[1] == pytest.approx(10)
    assert constant.tolist() == pytest.approx([1 / 40] * 11)
    assert token.sum().item() == pytest.approx(1)
    assert mean.sum().item() == pytest.approx(1)
