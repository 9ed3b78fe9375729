"""Starting the processes of a run: this one, several on this machine, or those that torchrun started."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import torch
from torch import distributed as dist

from evals.core.processes import ProcessDied, together
from evals.engines.threads import keep_freed_memory
from trainer.distributed import ranks as distributed


def launch(task: Callable[..., None], args: tuple[Any, ...], processes: int, *, meet: bool = False) -> None:
    """Run `task(*args)` in this process, in `processes` gloo processes, or as one of torchrun's.

    meet: a lone process forms a group of one, which sharding needs. An exception in any process ends all
    of them and is raised here.
    """
    on_cpu(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:  # under torchrun
        _meet_and_do(task, args, {})
    elif processes > 1:
        _spawn(task, args, processes)
    elif meet:
        _meet_and_do(task, args, {"init_method": _address(), "rank": 0, "world_size": 1})
    else:
        task(*args)


def on_cpu(threads: int) -> None:
    """Threads of this process and, without a GPU, its memory: see `keep_freed_memory`."""
    torch.set_num_threads(threads)
    if not torch.cuda.is_available():
        keep_freed_memory()


def _meet_and_do(task: Callable[..., None], args: tuple[Any, ...], how: dict[str, Any]) -> None:
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(distributed.device())
        torch.set_float32_matmul_precision("high")  # the fp32 head as TF32
    dist.init_process_group("cuda:nccl,cpu:gloo" if cuda else "gloo", **how)
    try:
        task(*args)
    finally:
        dist.destroy_process_group()


def _address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def _spawn(task: Callable[..., None], args: tuple[Any, ...], processes: int) -> None:
    address = _address()
    try:
        together(_child, [(i, task, args, processes, address) for i in range(processes)])
    except ProcessDied as died:
        raise RuntimeError(f"a training process ended with exit code {died.code}") from None


def _child(
    number: int, task: Callable[..., None], args: tuple[Any, ...], processes: int, address: str
) -> None:
    on_cpu(1)
    _meet_and_do(task, args, {"init_method": address, "rank": number, "world_size": processes})
