"""MaxRL: the likelihood of a right answer in place of its probability (arXiv 2602.02710).

log p = -Σ (1 - p)^k / k: every pass@k counts, with weight 1/k, and rarely solved problems count most. The
group's rewards are divided by their mean, so that right answers share one unit of gradient. With the mean as
baseline, n rollouts give the gradient of the sum up to k = n - 1. Rewards are not negative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.core.errors import UserError
from trainer.algorithms import dr_grpo, grpo
from trainer.algorithms.contract import Algorithm
from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """See Algorithm: (r - mean) / mean, zero where nothing earned a reward. UserError for negative ones."""
    if (least := float(rewards.min())) < 0:
        raise UserError(
            f"algorithm maxrl needs rewards that are not negative (one is {least:g}); shift them, or set "
            "overlong_penalty=0"
        )
    mean = rewards.mean(dim=1, keepdim=True)
    return dr_grpo.advantages(rewards, config) / mean.clamp(min=1e-12)


MAXRL = Algorithm(advantages, grpo.terms, {"aggregation": "constant", "kl": 0.0, "dual_clip": 0.0})
