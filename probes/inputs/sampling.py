"""Sampling a checkpoint for a probe, in one process or several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError


@dataclass(frozen=True, slots=True)
class Job:
    """One cell to sample: a checkpoint, its prompt, how many samples, where to.

    draw: 0, or 1, 2, … where the same weights are given again, so that each is a draw of its own.
    """

    checkpoint: Checkpoint
    label: str
    problems: Any
    n: int
    options: Any
    template: str
    shots: int
    seed: int
    store: Path
    draw: int = 0
    engine: str = "torch"
    quiet: bool = False


def sample_job(job: Job, processes: int = 1, executor: str = "local") -> str:
    """Draw what the store lacks of a cell; returns the cell. Several processes share the problems by hash.

    executor: "ray" draws on a cluster instead, one share for each of its GPUs or cores.
    """
    if processes == 1 or executor == "ray":
        return _sample(job, None, executor)
    context = multiprocessing.get_context("spawn")
    results = context.SimpleQueue()
    workers = [  # no daemons: those may have no children of their own, which an engine may need
        context.Process(target=_worker, args=(results, job, (i, processes), os.getpid()))
        for i in range(processes)
    ]
    try:
        for worker in workers:
            worker.start()
        found = _wait(workers, results)
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.kill()
                worker.join()
    if errors := [text for ok, text in found if not ok]:
        raise UserError(errors[0])
    if any(w.exitcode for w in workers) or not found:
        raise UserError("a sampling process died (out of memory?); start the same command again to go on")
    return str(found[0][1])


def _wait(workers: list[Any], results: Any) -> list[tuple[bool, str]]:
    """Until all have ended, or one has failed; returns what they reported."""
    found: list[tuple[bool, str]] = []
    while any(w.is_alive() for w in workers):
        for worker in workers:
            worker.join(timeout=0.1)
        while not results.empty():
            found.append(results.get())
        if any(w.exitcode not in (None, 0) for w in workers):
            break
    while not results.empty():
        found.append(results.get())
    return found


def _worker(results: Any, job: Job, shard: tuple[int, int], parent: int) -> None:
    from evals.core.processes import end_with_parent
    from evals.engines.gpus import one_gpu

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
    end_with_parent(parent)
    one_gpu(shard[0])
    try:
        results.put((True, _sample(job, shard)))
    except UserError as error:
        results.put((False, str(error)))
        sys.exit(2)


def _sample(job: Job, shard: tuple[int, int] | None, executor: str = "local") -> str:
    from evals.sampling.sharing import sample_checkpoint
    from evals.store import SampleStore

    return sample_checkpoint(
        job.checkpoint,
        job.engine,
        job.problems,
        executor=executor,
        shard=shard,
        quiet=job.quiet or (shard is not None and shard[0] > 0),
        n=job.n,
        options=job.options,
        template=job.template,
        shots=job.shots,
        seed=job.seed,
        store=SampleStore(job.store),
        checkpoint_name=job.label,
        draw=job.draw,
    )
