"""A cell's problems dealt out to the workers of a Ray cluster, share by share."""

from __future__ import annotations

from typing import Any

from evals.checkpoints import Checkpoint
from evals.executor import patiently, run_all, slots
from evals.sampling import Progress


def sample_on_ray(
    checkpoint: Checkpoint, engine: str, problem_set: Any, *, progress: Progress | None = None, **how: Any
) -> str:
    """`evals.sampling.sample` with one share of the problems for each GPU (or core) of a cluster.

    how: its other keywords. The store's bytes are those of the same shares drawn by local processes, also
    where workers die and their shares begin again. progress counts shares. Returns the cell.
    """
    parts = slots()
    jobs = [(_share, checkpoint, engine, problem_set, how, (i, parts)) for i in range(parts)]
    cells: list[str] = []
    for _, cell in run_all(patiently, jobs):
        cells.append(cell)
        if progress:
            progress(len(cells), parts)
    return cells[0]


def _share(
    checkpoint: Checkpoint, engine: str, problem_set: Any, how: dict[str, Any], shard: tuple[int, int]
) -> str:
    from evals.engines.open import open_engine
    from evals.engines.threads import one_thread
    from evals.sampling import sample

    one_thread()
    return sample(open_engine(checkpoint, engine=engine), problem_set, shard=shard, **how)
