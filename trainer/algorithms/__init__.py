"""Losses and advantages: one contract, one file for each algorithm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainer.algorithms.cispo import CISPO
from trainer.algorithms.contract import Algorithm
from trainer.algorithms.dapo import DAPO
from trainer.algorithms.distillation import DISTILLATION
from trainer.algorithms.dr_grpo import DR_GRPO
from trainer.algorithms.grpo import GRPO
from trainer.algorithms.maxrl import MAXRL
from trainer.algorithms.pass_at_k import PASS_AT_K
from trainer.algorithms.rloo import RLOO
from trainer.config.schema import RLConfig

if TYPE_CHECKING:
    from torch import Tensor

ALGORITHMS: dict[str, Algorithm] = {
    "grpo": GRPO,
    "dr-grpo": DR_GRPO,
    "dapo": DAPO,
    "rloo": RLOO,
    "cispo": CISPO,
    "maxrl": MAXRL,
    "pass-at-k": PASS_AT_K,
    "distillation": DISTILLATION,
}


def with_defaults(config: RLConfig) -> RLConfig:
    """The configuration with the algorithm's own numbers where the user gave none."""
    defaults = ALGORITHMS[config.algorithm].defaults
    own = {k: v for k, v in defaults.items() if k not in config.model_fields_set}
    return config.model_copy(update=own)


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """Advantages (P, n) of rewards (P, n) under the configured algorithm."""
    return ALGORITHMS[config.algorithm].advantages(rewards, config)
