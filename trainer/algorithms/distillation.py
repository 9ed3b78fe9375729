"""On-policy distillation: the student's own answers, the teacher's distribution at each of their tokens.

GKD with reverse KL on samples of the student (arXiv 2306.13649). The loss is KL(student ‖ teacher) over the
whole vocabulary; rewards are measured and train nothing. `teacher` names the checkpoint.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.algorithms import grpo
from trainer.algorithms.contract import Algorithm
from trainer.config.schema import RLConfig


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """See Algorithm: none."""
    return torch.zeros_like(rewards)


DISTILLATION = Algorithm(advantages, grpo.terms, {"kl": 1.0, "kl_estimator": "full"})
