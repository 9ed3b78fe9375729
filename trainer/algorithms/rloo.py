"""RLOO: REINFORCE with the mean of the group's other rewards as baseline (arXiv 2402.14740).

An unbiased gradient of the expected reward, which asks for a constant divisor in place of the mean over
tokens, and for no bound that binds on policy. Several updates of one batch are clipped as in GRPO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.algorithms import dr_grpo, grpo
from trainer.algorithms.contract import Algorithm
from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """See Algorithm: r - mean of the other rewards."""
    n = rewards.shape[1]
    return dr_grpo.advantages(rewards, config) * (n / (n - 1))


RLOO = Algorithm(advantages, grpo.terms, {"aggregation": "constant", "kl": 0.0, "dual_clip": 0.0})
