"""Sampling a cell of a checkpoint: in this process, or share by share on the workers of a Ray cluster."""

from __future__ import annotations

from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.core.executor import patiently, run_all, slots
from evals.core.progress import Line
from evals.sampling.cell import Progress


def sample_checkpoint(
    checkpoint: Checkpoint,
    engine: str,
    problem_set: Any,
    *,
    executor: str = "local",
    shard: tuple[int, int] | None = None,
    quiet: bool = False,
    **how: Any,
) -> str:
    """`evals.sampling.cell.sample` of a checkpoint, with a progress line; returns the cell.

    executor: "ray" deals the problems out to a cluster, which takes no `shard`. how: its other keywords.
    """
    label = f"sample {how['checkpoint_name']}"
    if executor == "ray":
        if shard:
            raise UserError("--executor ray deals out the problems itself; leave --shard out")
        line = Line(f"{label}, shares", quiet=quiet)
        return sample_on_ray(checkpoint, engine, problem_set, progress=line, **how)
    line = Line(label, quiet=quiet)
    return _share(checkpoint, engine, problem_set, how | {"progress": line}, shard)


def sample_on_ray(
    checkpoint: Checkpoint, engine: str, problem_set: Any, *, progress: Progress | None = None, **how: Any
) -> str:
    """`evals.sampling.cell.sample` with one share of the problems for each GPU (or core) of a cluster.

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
    checkpoint: Checkpoint,
    engine: str,
    problem_set: Any,
    how: dict[str, Any],
    shard: tuple[int, int] | None,
) -> str:
    from evals.engines.open import open_engine
    from evals.engines.threads import one_thread
    from evals.sampling.cell import sample

    if engine == "torch":
        one_thread()
    return sample(open_engine(checkpoint, engine=engine), problem_set, shard=shard, **how)
