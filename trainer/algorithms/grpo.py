"""GRPO: advantages relative to the group, and the clipped policy-gradient objective.

DeepSeekMath, arXiv 2402.03300. Dual clip: arXiv 1912.09729. Its numbers are the defaults of `RLConfig`, those
of arXiv 2606.04272. Everything that differs between libraries under this name is an option.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.algorithms.contract import Algorithm, PolicyTerms
from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor


def group_advantages(rewards: Tensor, *, ddof: int = 1, eps: float = 1e-6) -> Tensor:
    """(r - mean) / (std + eps) within groups: rewards (P, n) -> (P, n); all-equal groups give exactly 0."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    spread = rewards.std(dim=1, correction=ddof, keepdim=True)
    flat = (rewards == rewards[:, :1]).all(dim=1, keepdim=True)
    return (centred / (spread + eps)).masked_fill(flat, 0.0)


def clipped_surrogate(
    logp: Tensor, old: Tensor, advantage: Tensor, *, low: float = 0.2, high: float = 0.2, dual: float = 3.0
) -> PolicyTerms:
    """-min(ρA, clip(ρ, 1 - low, 1 + high) A) per token, ρ = exp(logp - old).

    logp, old, advantage: (T,). Where A < 0 the loss is at most -dual · A (0 switches this bound off).
    """
    ratio = (logp - old).exp()
    plain, bounded = -advantage * ratio, -advantage * ratio.clamp(1 - low, 1 + high)
    loss = plain.maximum(bounded)
    clipped = bounded > plain
    if dual > 0:
        bound = -advantage * dual
        beyond = (advantage < 0) & (loss > bound)
        loss, clipped = bound.where(beyond, loss), clipped | beyond
    return PolicyTerms(loss, clipped.to(logp.dtype), ratio.detach())


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """See Algorithm."""
    return group_advantages(rewards, ddof=config.std_ddof, eps=config.advantage_eps)


def terms(logp: Tensor, old: Tensor, advantage: Tensor, config: RLConfig) -> PolicyTerms:
    """See Algorithm."""
    low, high, dual = config.clip_low, config.clip_high, config.dual_clip
    return clipped_surrogate(logp, old, advantage, low=low, high=high, dual=dual)


GRPO = Algorithm(advantages, terms)
