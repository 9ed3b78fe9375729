"""One process, several gloo processes on a CPU, or torchrun on GPUs: the same lines.

Work is dealt to ranks by index; gradients are sums over the global batch, so a sum over ranks is all
that is needed and no mean of means can arise. Sharded weights (FSDP2) are in `trainer.distributed.fsdp`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch import distributed as dist

Item = TypeVar("Item")


def rank() -> int:
    """This process's number; torchrun's before the processes have met."""
    return dist.get_rank() if dist.is_initialized() else int(os.environ.get("RANK", "0"))


def world() -> int:
    """Number of processes that have met."""
    return dist.get_world_size() if dist.is_initialized() else 1


def device() -> torch.device:
    """This process's device."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


def is_sharded(model: nn.Module) -> bool:
    """Whether FSDP2 holds this model's weights."""
    from torch.distributed.fsdp import FSDPModule

    return isinstance(model, FSDPModule)


def deal(lengths: Sequence[int], tokens_per_pass: int, *, even: bool) -> list[list[int]]:
    """This rank's sequences, by number, in parts of at most `tokens_per_pass` tokens (at least one each).

    Long and short sequences are spread over ranks alike. even: every rank gets as many parts, empty ones
    at the end where it has fewer: sharded weights are gathered by all ranks together.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    shares = [_parts(order[r :: world()], lengths, tokens_per_pass) for r in range(world())]
    own = shares[rank()]
    longest = max(map(len, shares)) if even else len(own)
    return own + [[]] * (longest - len(own))


def _parts(numbers: Sequence[int], lengths: Sequence[int], most: int) -> list[list[int]]:
    parts: list[list[int]] = []
    size = 0
    for i in numbers:
        if not parts or size + lengths[i] > most:
            parts.append([])
            size = 0
        parts[-1].append(i)
        size += lengths[i]
    return parts


def fill(pairs: Sequence[tuple[Sequence[int], int]]) -> tuple[list[Sequence[int]], list[int]]:
    """(sequences, counted tokens of each); of an empty part, two tokens whose loss is given no weight."""
    return [s for s, _ in pairs] or [(0, 0)], [r for _, r in pairs] or [1]


def sum_gradients(model: nn.Module) -> None:
    """Sum gradients over ranks in one flat transfer; a missing gradient counts as zero.

    Sharded gradients are summed by FSDP2 as they arise.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    for p in trained:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    if world() == 1 or is_sharded(model):
        return
    flat = torch.cat([p.grad.reshape(-1) for p in trained if p.grad is not None])
    dist.all_reduce(flat)
    for p, part in zip(trained, flat.split([p.numel() for p in trained]), strict=True):
        p.grad = part.view_as(p)


def sum_over_ranks(values: Tensor) -> Tensor:
    """Elementwise sum over ranks."""
    if world() > 1:
        dist.all_reduce(values)
    return values


def gather(item: Item) -> list[Item]:
    """The item of every rank, in the order of ranks, on every rank."""
    if world() == 1:
        return [item]
    items: list[Any] = [None] * world()
    dist.all_gather_object(items, item)
    return items


def barrier() -> None:
    """Wait for all ranks."""
    if world() > 1:
        dist.barrier()
