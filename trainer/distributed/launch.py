"""Starting the processes of a run: this one, several on this machine, or those that torchrun started."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import distributed as dist

from evals.core.errors import UserError
from trainer.distributed import ranks as distributed


def launch(task: Callable[..., None], args: tuple[Any, ...], processes: int, *, meet: bool = False) -> None:
    """Run `task(*args)` in this process, in `processes` gloo processes, or as one of torchrun's.

    meet: a lone process forms a group of one, which sharding needs. An exception in any process ends all
    of them and is raised here.
    """
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    if "RANK" in os.environ and "WORLD_SIZE" in os.environ:  # under torchrun
        _meet_and_do(task, args, {})
    elif processes > 1:
        _spawn(task, args, processes)
    elif meet:
        _meet_and_do(task, args, {"init_method": _address(), "rank": 0, "world_size": 1})
    else:
        task(*args)


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
    spawning = torch.multiprocessing.get_context("spawn")
    errors = spawning.SimpleQueue()
    common = (task, args, processes, _address(), errors, os.getpid())
    children = [spawning.Process(target=_child, args=(i, *common), daemon=True) for i in range(processes)]
    try:
        for child in children:
            child.start()
        while any(child.is_alive() for child in children):
            for child in children:
                child.join(timeout=0.1)
            if any(child.exitcode not in (None, 0) for child in children):
                break
        if not errors.empty():
            raise errors.get()
        if failed := [child.exitcode for child in children if child.exitcode not in (None, 0)]:
            raise RuntimeError(f"a training process ended with exit code {failed[0]}")
    finally:
        for child in children:
            if child.is_alive():
                child.kill()
            if child.pid:
                child.join()


def _child(
    number: int,
    task: Callable[..., None],
    args: tuple[Any, ...],
    processes: int,
    address: str,
    errors: Any,
    parent: int,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(1)
    try:
        _meet_and_do(task, args, {"init_method": address, "rank": number, "world_size": processes})
    except (UserError, OSError) as error:
        errors.put(error)
        sys.exit(2)


def end_with(parent: int) -> None:
    """End this process when its parent is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
