"""PKPO: the best of k samples as the objective (arXiv 2505.15201).

A rollout's advantage is what it adds to the best of k - 1 others, on average over all ways to choose them
among the group's others: 0 for a wrong answer, and for a right one the chance that k - 1 others are all
wrong. An unbiased gradient of E[max of k rewards], which is pass@k where rewards are 0 and 1. k is
`pass_k`, half the group where it is not given.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from trainer.algorithms import grpo
from trainer.algorithms.contract import Algorithm
from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """See Algorithm: k · E[max(r - best of k - 1 others, 0)]; with k = 1, the reward itself."""
    n = rewards.shape[1]
    k = config.pass_k or max(1, n // 2)
    order = rewards.argsort(dim=1, stable=True)
    ranked = rewards.gather(1, order)
    gain = ranked.new_zeros(ranked.shape) if k > 1 else ranked.clone()
    ways = math.comb(n - 1, k - 1)
    for i in range(n if k > 1 else 0):
        for j in range(k - 2, i):  # the best of the others has rank j: k - 2 more from below it
            gain[:, i] += (ranked[:, i] - ranked[:, j]) * (math.comb(j, k - 2) / ways)
    return rewards.new_zeros(rewards.shape).scatter(1, order, k * gain)


PASS_AT_K = Algorithm(advantages, grpo.terms, {"aggregation": "constant", "kl": 0.0, "dual_clip": 0.0})
