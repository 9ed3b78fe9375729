"""Floating-point operations of training and sampling, counted from shapes (multiply-add = 2)."""

from __future__ import annotations

from collections.abc import Sequence

from evals.engines.olmo2 import Olmo2Shape


def matrix_parameters(shape: Olmo2Shape) -> int:
    """Weights that a token is multiplied with: all matrices but the input embedding."""
    kv = shape.num_key_value_heads * shape.head_dim
    layer = (
        2 * shape.hidden_size**2
        + 2 * shape.hidden_size * kv
        + 3 * shape.hidden_size * shape.intermediate_size
    )
    return shape.num_hidden_layers * layer + shape.hidden_size * shape.vocab_size


def forward_flops(shape: Olmo2Shape, lengths: Sequence[int]) -> float:
    """One forward pass over sequences of these lengths, attention as the full square (as torch counts it)."""
    attention = 4 * shape.num_hidden_layers * shape.hidden_size * sum(n * n for n in lengths)
    return 2.0 * matrix_parameters(shape) * sum(lengths) + attention


def training_flops(shape: Olmo2Shape, lengths: Sequence[int]) -> float:
    """Forward and backward: three times the forward pass."""
    return 3.0 * forward_flops(shape, lengths)


def sampling_flops(shape: Olmo2Shape, prompts: Sequence[int], n: int, responses: Sequence[int]) -> float:
    """Prefill of each prompt once, then its n responses one token at a time against all tokens before."""
    seen = sum(r * prompts[i // n] + r * (r + 1) // 2 for i, r in enumerate(responses))
    steps = 2.0 * matrix_parameters(shape) * sum(responses)
    return forward_flops(shape, prompts) + steps + 4 * shape.num_hidden_layers * shape.hidden_size * seen
