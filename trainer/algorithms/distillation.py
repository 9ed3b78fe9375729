"""On-policy distillation: the student's own answers, the teacher's distribution at each of their tokens.

GKD with reverse KL on samples of the student (arXiv 2306.13649). The loss is KL(student ‖ teacher) over the
whole vocabulary; rewards are measured and train nothing. `teacher` names the checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.algorithms import grpo
from trainer.algorithms.contract import Algorithm
from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """See Algorithm: none."""
    return rewards.new_zeros(rewards.shape)


DISTILLATION = Algorithm(advantages, grpo.terms, {"kl": 1.0, "kl_estimator": "full"})
