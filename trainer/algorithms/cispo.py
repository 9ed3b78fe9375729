"""CISPO: the importance weight is clipped, not the update (MiniMax-M1, arXiv 2506.13585).

Every token keeps its gradient, A · ∇log π, times a ratio that is held at 1 + clip_high; there is no lower
bound. The bound of 5 is that of ScaleRL (arXiv 2510.13786). No KL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.algorithms import grpo
from trainer.algorithms.contract import Algorithm, PolicyTerms
from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor


def terms(logp: Tensor, old: Tensor, advantage: Tensor, config: RLConfig) -> PolicyTerms:
    """See Algorithm: the loss has the value -w·A and the gradient -w·A·∇log π."""
    ratio = (logp - old).exp().detach()
    bound = 1 + config.clip_high
    weight = ratio.clamp(max=bound)
    loss = -weight * advantage * (1 + logp - logp.detach())
    return PolicyTerms(loss, (ratio > bound).to(logp.dtype), ratio)


CISPO = Algorithm(grpo.advantages, terms, {"clip_high": 4.0, "kl": 0.0, "aggregation": "token-mean"})
