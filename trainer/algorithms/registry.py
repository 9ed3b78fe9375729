"""The algorithms beside GRPO as data: how rewards become advantages, and which numbers each fixes.

Dr. GRPO: arXiv 2503.20783. DAPO (clip-higher, groups without signal dropped): arXiv 2503.14476.
RLOO: arXiv 2402.14740.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from trainer.algorithms.grpo import group_advantages
from trainer.config.load import RLConfig

# What an algorithm fixes; a configuration that names one takes these unless it says otherwise.
FIXED: dict[str, dict[str, Any]] = {
    "grpo": {},
    "dr-grpo": {"aggregation": "constant"},
    "dapo": {"clip_high": 0.28, "kl": 0.0, "keep_zero_variance": False},
    "rloo": {"kl": 0.0},
}


def with_defaults(config: RLConfig) -> RLConfig:
    """The configuration with the algorithm's own numbers where the user gave none."""
    own = {k: v for k, v in FIXED[config.algorithm].items() if k not in config.model_fields_set}
    return config.model_copy(update=own)


def advantages(rewards: Tensor, config: RLConfig) -> Tensor:
    """Rewards (P, n) -> advantages (P, n): centred; GRPO and DAPO divide by the group's deviation."""
    centred = rewards - rewards.mean(dim=1, keepdim=True)
    if config.algorithm == "dr-grpo":
        return centred
    if config.algorithm == "rloo":  # reward minus the mean of the others
        return centred * (config.n / (config.n - 1))
    return group_advantages(rewards, ddof=config.std_ddof, eps=config.advantage_eps)
