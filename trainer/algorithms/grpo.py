"""The GRPO loss: group-relative advantages and the clipped policy-gradient objective.

GRPO: DeepSeekMath, arXiv 2402.03300. Dual clip: arXiv 1912.09729. k1, k2, k3: Schulman,
"Approximating KL divergence". Everything that differs between libraries under this name is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


def group_advantages(rewards: Tensor, *, ddof: int = 1, eps: float = 1e-6) -> Tensor:
    """(r - mean) / (std + eps) within groups: rewards (P, n) -> (P, n); all-equal groups give exactly 0."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    spread = rewards.std(dim=1, correction=ddof, keepdim=True)
    flat = (rewards == rewards[:, :1]).all(dim=1, keepdim=True)
    return torch.where(flat, torch.zeros_like(centred), centred / (spread + eps))


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """Per-token parts of a policy loss, each (T,): surrogate loss, clipped mask (0 or 1), ratio."""

    loss: Tensor
    clipped: Tensor
    ratio: Tensor


def clipped_surrogate(
    logp: Tensor, old: Tensor, advantage: Tensor, *, low: float = 0.2, high: float = 0.2, dual: float = 3.0
) -> PolicyTerms:
    """-min(ρA, clip(ρ, 1 - low, 1 + high) A) per token, ρ = exp(logp - old).

    logp, old, advantage: (T,). Where A < 0 the loss is at most -dual · A (0 switches this bound off).
    """
    ratio = (logp - old).exp()
    plain, bounded = -advantage * ratio, -advantage * ratio.clamp(1 - low, 1 + high)
    loss = torch.maximum(plain, bounded)
    clipped = bounded > plain
    if dual > 0:
        bound = -advantage * dual
        beyond = (advantage < 0) & (loss > bound)
        loss, clipped = torch.where(beyond, bound, loss), clipped | beyond
    return PolicyTerms(loss, clipped.to(logp.dtype), ratio.detach())


def kl_penalty(logp: Tensor, reference: Tensor, estimator: str) -> Tensor:
    """Per-token loss (T,) whose gradient is that of KL(policy ‖ reference), samples drawn from the policy.

    k1 = log ratio has a zero-mean gradient as a plain loss, so it enters through the score function;
    k2 = (log ratio)²/2 has the right gradient itself; k3 = exp(d) - 1 - d with d = reference - logp has
    the gradient of the reverse direction to first order and is always positive.
    """
    if estimator == "k1":
        return logp * (logp - reference).detach()
    if estimator == "k2":
        return 0.5 * (logp - reference).square()
    difference = reference - logp
    return difference.exp() - 1 - difference


def weights_of(
    sequence: Tensor, lengths: Tensor, aggregation: str, *, tokens: int, sequences: int, constant: int
) -> Tensor:
    """Weight (T,), float64, of every token in a loss that is a plain sum over the global batch.

    token-mean: 1 / all tokens. sequence-mean: 1 / (sequences · own length).
    constant: 1 / (sequences · constant).
    sequence: (T,) number of each token's sequence; lengths: (S,) counted tokens of each sequence.
    """
    if aggregation == "sequence-mean":
        return 1.0 / (sequences * lengths[sequence].to(torch.float64)).clamp(min=1.0)
    count = tokens if aggregation == "token-mean" else sequences * constant
    return torch.full(sequence.shape, 1.0 / count, dtype=torch.float64, device=sequence.device)
