"""Grading what a store holds, and reading its graded cells: counts, reports and tallies in one go.

Grading never samples: grades are a table of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from evals.core.errors import UserError
from evals.core.executor import run_all
from evals.core.keys import derive_seed
from evals.core.locks import exclusive
from evals.grading.block import Golds, grade_block
from evals.grading.report import cell_report
from evals.grading.workers import grade_blocks
from evals.records import Problem
from evals.store.aligned import aligned
from evals.store.reading import counts, distinct_names
from evals.store.store import SampleStore, grade_group
from evals.store.tally import tally
from evals.verify.extract.thinking import check_tags

__all__ = ["cell_report", "counts", "grade_store", "read_cells"]


def grade_store(
    store: SampleStore,
    cells: Sequence[str],
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    executor: str = "local",
) -> int:
    """Grade the samples that this version of the verifier has not graded yet; returns how many.

    Streams block by block: memory does not grow with the store. workers: processes of this machine.
    executor: "ray" grades on a cluster instead (see `evals.core.executor`). progress(done, total).
    """
    check_tags()
    for cell in cells:
        store.cell(cell)
    store.compact(cells)
    if not any(_ungraded(store, cell) for cell in cells):
        return 0
    problems = store.problems()
    with store.writing(), ExitStack() as locks:
        for cell in sorted(set(cells)):
            locks.enter_context(exclusive(store.path, f"grades-{cell}"))
        work = {cell: _ungraded(store, cell) for cell in cells}
        golds = {cell: _golds(store, cell, problems) for cell, blocks in work.items() if blocks}
        jobs = [(store.path, cell, block, golds[cell]) for cell, blocks in work.items() for block in blocks]
        total, done = sum(sum(blocks.values()) for blocks in work.values()), 0
        graded: Iterator[int]
        if executor == "ray":
            graded = (fresh for _, fresh in run_all(grade_block, jobs, gpu=False))
        else:
            graded = grade_blocks(jobs, workers)
        for fresh in graded:
            done += fresh
            if progress:
                progress(done, total)
    return done


def _ungraded(store: SampleStore, cell: str) -> dict[str, int]:
    """Blocks of a cell with samples that are not graded, and how many."""
    have = store.grade_table.sizes(grade_group(cell))
    sizes = store.sample_table.sizes(cell)
    return {name: size - have.get(name, 0) for name, size in sizes.items() if have.get(name, 0) < size}


def _golds(store: SampleStore, cell: str, problems: Mapping[str, Problem]) -> Golds:
    ids = pc.unique(store.sample_table.read(cell, ["problem"])["problem"]).to_pylist()
    if lacking := [p for p in ids if p not in problems]:
        raise UserError(f"store {store.path} has no gold answer of problem {lacking[0]}; import its problems")
    return Golds(
        {p: problems[p].answer for p in ids},
        sorted(ids, key=lambda p: derive_seed("other", p)),
        {p: problems[p].question for p in ids},
        {p: str(problems[p].meta["dataset"]) for p in ids if "dataset" in problems[p].meta},
    )


@dataclass(frozen=True, slots=True)
class Cells:
    """What is read of graded cells: counts of all, and each cell's report and tally (`evals.store.tally`)."""

    counts: pd.DataFrame
    reports: list[dict[str, Any]]
    tallies: dict[str, pd.DataFrame]


def read_cells(
    store: SampleStore,
    cells: Sequence[str],
    problems: Collection[str] | None = None,
    n: int | None = None,
    names: Sequence[str] | None = None,
) -> Cells:
    """Read graded cells, several at a time; only these problems, only the first n samples of each.

    names: what the cells are called (default: their checkpoints).
    UserError where samples are not graded, where nothing is left, or where two cells have one label.
    """
    called = list(names) if names else distinct_names(store, cells)

    def one(cell: str) -> tuple[dict[str, Any], pd.DataFrame]:
        held = aligned(store, cell, problems, n)
        return cell_report(store, cell, held), tally(held)

    with ThreadPoolExecutor(max_workers=min(4, len(cells))) as pool:
        read = list(pool.map(one, cells))
    frames = [
        pd.DataFrame({"problem": t.index, "checkpoint": label, "n": t["n"].to_numpy(),
                      "c": t["correct"].to_numpy().astype(int)})
        for label, (_, t) in zip(called, read, strict=True)
    ]  # fmt: skip
    reports = [report | {"checkpoint": name} for name, (report, _) in zip(called, read, strict=True)]
    tallies = {cell: tallied for cell, (_, tallied) in zip(cells, read, strict=True)}
    return Cells(pd.concat(frames, ignore_index=True), reports, tallies)
