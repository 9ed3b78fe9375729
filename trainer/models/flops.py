"""Floating-point operations of training and sampling, counted from shapes (multiply-add = 2)."""

from __future__ import annotations

from collections.abc import Sequence

from evals.engines.olmo2 import Olmo2Shape


def layer_parameters(shape: Olmo2Shape) -> int:
    """Weights of all layers that a token is multiplied with."""
    kv = shape.num_key_value_heads * shape.head_dim
    attention = 2 * shape.hidden_size**2 + 2 * shape.hidden_size * kv
    return shape.num_hidden_layers * (attention + 3 * shape.hidden_size * shape.intermediate_size)


def forward_flops(shape: Olmo2Shape, lengths: Sequence[int], counted: int, shared: int = 0) -> float:
    """One forward pass over sequences of these lengths, with logits at `counted` positions in all.

    Attention is counted as the full square, as torch counts it. shared: tokens of prompts that only
    attention repeats.
    """
    attention = 4 * shape.num_hidden_layers * shape.hidden_size * sum(n * n for n in lengths)
    head = 2 * shape.hidden_size * shape.vocab_size * counted
    return 2.0 * layer_parameters(shape) * (sum(lengths) - shared) + head + attention


def training_flops(shape: Olmo2Shape, lengths: Sequence[int], counted: int, shared: int = 0) -> float:
    """Forward and backward: three times the forward pass."""
    return 3.0 * forward_flops(shape, lengths, counted, shared)


def sampling_flops(shape: Olmo2Shape, prompts: Sequence[int], n: int, responses: Sequence[int]) -> float:
    """Prefill of each prompt once, then its n responses one token at a time against all tokens before.

    The last token of a response is drawn but not read.
    """
    read = [max(0, r - 1) for r in responses]
    seen = sum(r * prompts[i // n] + r * (r + 1) // 2 for i, r in enumerate(read))
    step = 2.0 * (layer_parameters(shape) + shape.hidden_size * shape.vocab_size)
    attention = 4.0 * shape.num_hidden_layers * shape.hidden_size * seen
    return forward_flops(shape, prompts, len(prompts)) + step * sum(read) + attention
