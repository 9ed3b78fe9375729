"""What an algorithm is: how rewards become advantages, what a token's loss is, which numbers it brings.

The trainer knows nothing else of it: KL, entropy, masks, weights and sums are the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class PolicyTerms:
    """Per-token parts of a policy loss, each (T,): surrogate loss, clipped mask (0 or 1), ratio."""

    loss: Tensor
    clipped: Tensor
    ratio: Tensor


@dataclass(frozen=True, slots=True)
class Algorithm:
    """One algorithm.

    advantages: rewards (P, n) float64 -> advantages (P, n); a group without signal gives exact zeros.
    terms: (logp, old, advantage, config), each (T,) -> PolicyTerms.
    defaults: its own numbers, laid over the defaults and the preset and under what the user gives.
    """

    advantages: Callable[[Tensor, RLConfig], Tensor]
    terms: Callable[[Tensor, Tensor, Tensor, RLConfig], PolicyTerms]
    defaults: Mapping[str, Any] = field(default_factory=dict)


def kl_penalty(logp: Tensor, reference: Tensor, estimator: str) -> Tensor:
    """Per-token loss (T,) whose gradient is that of KL(policy ‖ reference), samples drawn from the policy.

    Schulman, "Approximating KL divergence". k1 = log ratio has a zero-mean gradient as a plain loss, so it
    enters through the score function; k2 = (log ratio)²/2 has the right gradient itself; k3 = exp(d) - 1 - d
    with d = reference - logp has the gradient of the reverse direction to first order and is always positive.
    """
    if estimator == "k1":
        return logp * (logp - reference).detach()
    if estimator == "k2":
        return 0.5 * (logp - reference).square()
    difference = reference - logp
    return difference.exp() - 1 - difference


def full_kl(logits: Tensor, reference: Tensor) -> Tensor:
    """KL(policy ‖ reference) (T,) summed over the whole vocabulary, of two sets of logits (T, V)."""
    logp = logits.log_softmax(-1)
    return (logp.exp() * (logp - reference.log_softmax(-1))).sum(-1)


def weights_of(
    sequence: Tensor, lengths: Tensor, aggregation: str, *, tokens: int, sequences: int, constant: int
) -> Tensor:
    """Weight (T,), float64, of every token in a loss that is a plain sum over the global batch.

    token-mean: 1 / all tokens. sequence-mean: 1 / (sequences · own length).
    constant: 1 / (sequences · constant).
    sequence: (T,) number of each token's sequence; lengths: (S,) counted tokens of each sequence.
    """
    if aggregation == "sequence-mean":
        return 1.0 / (sequences * lengths[sequence].double()).clamp(min=1.0)
    count = tokens if aggregation == "token-mean" else sequences * constant
    return sequence.new_ones(sequence.shape).double() / count
