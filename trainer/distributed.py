"""One process, several gloo processes on a CPU, or torchrun on GPUs: the same lines.

Work is dealt to ranks by index; gradients are sums over the global batch, so a sum over ranks is all
that is needed and no mean of means can arise.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from evals.errors import UserError


def rank() -> int:
    """This process's number."""
    return dist.get_rank() if dist.is_initialized() else 0


def world() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Sum gradients over ranks in one flat transfer; a missing gradient counts as zero."""
    held = list(parameters)
    for p in held:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    if world() == 1:
        return
    flat = torch.cat([p.grad.reshape(-1) for p in held if p.grad is not None])
    dist.all_reduce(flat)
    for p, part in zip(held, flat.split([p.numel() for p in held]), strict=True):
        p.grad = part.view_as(p)


def sum_over_ranks(values: Tensor) -> Tensor:
    """Elementwise sum over ranks."""
    if world() > 1:
        dist.all_reduce(values)
    return values


def gather(item: Any) -> list[Any]:
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


def launch(task: Callable[..., None], args: tuple[Any, ...], processes: int) -> None:
    """Run `task(*args)` in this process, in `processes` gloo processes, or as one of torchrun's.

    An exception in any process ends all of them and is raised here.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:  # under torchrun
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        try:
            task(*args)
        finally:
            dist.destroy_process_group()
    elif processes == 1:
        task(*args)
    else:
        _spawn(task, args, processes)


def _spawn(task: Callable[..., None], args: tuple[Any, ...], processes: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    spawning = torch.multiprocessing.get_context("spawn")
    errors = spawning.SimpleQueue()
    children = [
        spawning.Process(target=_child, args=(number, task, args, processes, port, errors), daemon=True)
        for number in range(processes)
    ]
    try:
        for child in children:
            child.start()
        while any(child.is_alive() for child in children):
            for child in children:
                child.join(timeout=0.2)
            if any(child.exitcode not in (None, 0) for child in children):
                break
        if not errors.empty():
            raise UserError(errors.get())
        if failed := [child.exitcode for child in children if child.exitcode not in (None, 0)]:
            raise RuntimeError(f"a training process ended with exit code {failed[0]}")
    finally:
        for child in children:
            if child.is_alive():
                child.kill()
                child.join()


def _child(
    number: int, task: Callable[..., None], args: tuple[Any, ...], processes: int, port: int, errors: Any
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
    torch.set_num_threads(1)
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group("gloo", init_method=address, rank=number, world_size=processes)
    try:
        task(*args)
    except UserError as error:
        errors.put(str(error))
        sys.exit(2)
    finally:
        dist.destroy_process_group()
