"""Dr. GRPO: GRPO without its two biases (arXiv 2503.20783).

No division by the group's deviation, which favours easy and hard problems; the sum over tokens divided by a
constant (`max_tokens`), since a mean over tokens favours short right and long wrong answers. The paper trains
without KL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.algorithms import grpo
from trainer.algorithms.contract import Algorithm
from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """See Algorithm: r - mean of the group."""
    flat = (rewards == rewards[:, :1]).all(dim=1, keepdim=True)
    return (rewards - rewards.mean(dim=1, keepdim=True)).masked_fill(flat, 0.0)


DR_GRPO = Algorithm(advantages, grpo.terms, {"aggregation": "constant", "kl": 0.0})
