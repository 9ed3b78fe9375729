"""Floating-point operations of training and sampling, counted from shapes (multiply-add = 2)."""

from __future__ import annotations

from collections.abc import Sequence

from trainer.models.trainable import Costs


def forward_flops(costs: Costs, lengths: Sequence[int], counted: int, shared: int = 0) -> float:
    """One forward pass over sequences of these lengths, with logits at `counted` positions in all.

    Attention is counted as the full square, as torch counts it. shared: tokens of prompts that only
    attention repeats.
    """
    attention = 4 * costs.attention * sum(n * n for n in lengths)
    return 2.0 * costs.matrices * (sum(lengths) - shared) + 2 * costs.head * counted + attention


def training_flops(costs: Costs, lengths: Sequence[int], counted: int, shared: int = 0) -> float:
    """Forward and backward: three times the forward pass."""
    return 3.0 * forward_flops(costs, lengths, counted, shared)


def sampling_flops(costs: Costs, prompts: Sequence[int], n: int, responses: Sequence[int]) -> float:
    """Prefill of each prompt once, then its n responses one token at a time against all tokens before.

    The last token of a response is drawn but not read.
    """
    read = [max(0, r - 1) for r in responses]
    seen = sum(r * prompts[i // n] + r * (r + 1) // 2 for i, r in enumerate(read))
    step = 2.0 * (costs.matrices + costs.head)
    return forward_flops(costs, prompts, len(prompts)) + step * sum(read) + 4.0 * costs.attention * seen
