"""Sampling a checkpoint for a probe, in one process or several."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.core.processes import ProcessDied, together


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
    try:
        return str(together(_worker, [(job, (i, processes)) for i in range(processes)], daemon=False)[0])
    except ProcessDied:
        raise UserError(
            "a sampling process died (out of memory?); start the same command again to go on"
        ) from None


def _worker(job: Job, part: tuple[int, int]) -> str:
    from evals.engines.gpus import one_gpu

    one_gpu(part[0])
    return _sample(job, part)


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
