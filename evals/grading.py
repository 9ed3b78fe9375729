"""Grading what a store holds. Grading never samples: grades are a table of their own."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from evals.counts import counts
from evals.errors import UserError
from evals.grade_block import Golds, grade_block
from evals.records import derive_seed
from evals.report import cell_report
from evals.store.locks import exclusive
from evals.store.store import SampleStore, grade_group

__all__ = ["cell_report", "counts", "grade_store"]


def grade_store(
    store: SampleStore,
    cells: Sequence[str],
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Grade the samples that this version of the verifier has not graded yet; returns how many.

    Streams block by block: memory does not grow with the store. workers: processes. progress(done, total).
    """
    for cell in cells:
        store.cell(cell)
    store.compact(cells)
    if not any(_ungraded(store, cell) for cell in cells):
        return 0
    answers = {p.id: p.answer for p in store.problems().values()}
    with store.writing(), ExitStack() as locks:
        for cell in sorted(set(cells)):
            locks.enter_context(exclusive(store.path, f"grades-{cell}"))
        work = {cell: _ungraded(store, cell) for cell in cells}
        golds = {cell: _golds(store, cell, answers) for cell, blocks in work.items() if blocks}
        jobs = [(store.path, cell, block, golds[cell]) for cell, blocks in work.items() for block in blocks]
        total, done = sum(sum(blocks.values()) for blocks in work.values()), 0
        for fresh in _run(jobs, workers):
            done += fresh
            if progress:
                progress(done, total)
    return done


def _ungraded(store: SampleStore, cell: str) -> dict[str, int]:
    """Blocks of a cell with samples that are not graded, and how many."""
    group = grade_group(cell)
    have = {path.name: pq.read_metadata(path).num_rows for path in store.grade_table.blocks(group)}
    sizes = {path.name: pq.read_metadata(path).num_rows for path in store.sample_table.blocks(cell)}
    return {name: size - have.get(name, 0) for name, size in sizes.items() if have.get(name, 0) < size}


def _golds(store: SampleStore, cell: str, answers: Mapping[str, str]) -> Golds:
    problems = pc.unique(store.sample_table.read(cell, ["problem"])["problem"]).to_pylist()
    if lacking := [p for p in problems if p not in answers]:
        raise UserError(f"store {store.path} has no gold answer of problem {lacking[0]}; import its problems")
    return Golds({p: answers[p] for p in problems}, sorted(problems, key=lambda p: derive_seed("other", p)))


def _run(jobs: Sequence[tuple[Path, str, str, Golds]], workers: int) -> Iterator[int]:
    """Grade blocks here or in processes; yields the number graded in each."""
    if workers == 1 or len(jobs) < 2:
        yield from (grade_block(*job) for job in jobs)
        return
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), initializer=_start)
    try:
        futures: list[Future[int]] = [pool.submit(grade_block, *job) for job in jobs]
        for future in futures:
            yield future.result()
    except BrokenProcessPool:
        raise UserError(
            "a grading process died (out of memory?); start the same command again to go on"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
