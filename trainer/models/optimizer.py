"""AdamW, learning-rate schedules, clipping."""

from __future__ import annotations

import math

import torch
from torch import nn

from trainer.config.schema import OptimizerConfig
from trainer.distributed import fsdp as shard


def adamw(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """AdamW (arXiv 1711.05101) with decay on matrices only; fp32 moments beside fp32 weights."""
    trained = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trained if p.ndim >= 2]
    plain = [p for p in trained if p.ndim < 2]
    groups = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.lr, betas=config.betas, eps=config.eps, fused=True)


def cosine(step: int, steps: int, warmup: int, final: float) -> float:
    """Factor on the peak learning rate at step 0, 1, …: `warmup` steps of rise, then cosine to `final`."""
    rise = max(1, warmup)
    if step < rise:
        return (step + 1) / rise
    through = (step - rise) / max(1, steps - rise)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * through))


def set_lr(optimizer: torch.optim.Optimizer, config: OptimizerConfig, factor: float) -> float:
    """Set the learning rate of all groups to a factor of the peak; returns it."""
    lr = config.lr * factor
    for group in optimizer.param_groups:
        group["lr"] = lr
    return lr


def clip(model: nn.Module, largest: float) -> float:
    """Scale gradients to a norm of at most `largest` (0 = leave them); returns the norm before."""
    norm = nn.utils.clip_grad_norm_(model.parameters(), largest if largest > 0 else math.inf)
    return float(shard.gathered(norm))
