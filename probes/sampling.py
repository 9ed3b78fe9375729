"""Sampling a checkpoint for a probe, in one process or several."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from typing import Any

from evals.checkpoints import Checkpoint
from evals.errors import UserError


def sample_checkpoint(
    checkpoint: Checkpoint,
    label: str,
    number: int,
    draw: int,
    problems: Any,
    sampling: Any,
    store: Any,
    *,
    quiet: bool = False,
) -> str:
    """Draw what the store lacks of one checkpoint; returns the cell.

    number: the checkpoint's place on the command line (picks its shots). draw: 0, or 1, 2, … where the
    same weights are given again, so that each is a draw of its own.
    """
    if sampling.processes == 1:
        return _sample(checkpoint, label, number, draw, problems, sampling, store.path, None, quiet)
    context = multiprocessing.get_context("spawn")
    errors = context.SimpleQueue()
    cells = context.SimpleQueue()
    shards = [(i, sampling.processes) for i in range(sampling.processes)]
    workers = [
        context.Process(
            target=_worker,
            args=(
                errors,
                cells,
                checkpoint,
                label,
                number,
                draw,
                problems,
                sampling,
                store.path,
                shard,
                quiet,
            ),
            daemon=True,
        )
        for shard in shards
    ]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            while worker.is_alive():
                worker.join(timeout=0.2)
                if any(w.exitcode not in (None, 0) for w in workers):
                    break
        if not errors.empty():
            raise UserError(errors.get())
        if any(w.exitcode not in (None, 0) for w in workers):
            raise UserError("a sampling process died (out of memory?); start the same command again to go on")
        return str(cells.get())
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.kill()
                worker.join()


def _worker(errors: Any, cells: Any, *args: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
    try:
        cells.put(_sample(*args))
    except UserError as error:
        errors.put(str(error))
        sys.exit(2)


def _sample(
    checkpoint: Checkpoint,
    label: str,
    number: int,
    draw: int,
    problems: Any,
    sampling: Any,
    store: Any,
    shard: tuple[int, int] | None,
    quiet: bool,
) -> str:
    from evals.engines.open import open_engine
    from evals.prompts import default_prompt
    from evals.sampling import sample
    from evals.store import SampleStore
    from probes.progress import Line

    _one_thread()
    template, shots = default_prompt(checkpoint.lineage)
    if sampling.shots:
        shots = sampling.shots[min(number, len(sampling.shots) - 1)]
    progress = Line(f"sample {label}", quiet=quiet or (shard is not None and shard[0] > 0))
    return sample(
        open_engine(checkpoint, engine=sampling.engine),
        problems,
        n=sampling.n,
        options=sampling.options,
        template=sampling.template or template,
        shots=shots,
        seed=sampling.seed,
        store=SampleStore(store),
        checkpoint_name=label,
        draw=draw,
        progress=progress,
        shard=shard,
    )


def _one_thread() -> None:
    """Small models are fastest with one thread per process; a user's own setting stands."""
    import os

    import torch

    if "OMP_NUM_THREADS" not in os.environ and not torch.cuda.is_available():
        torch.set_num_threads(1)
