"""Grading what a store holds. Grading never samples: grades are a table of their own."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evals.counts import counts
from evals.errors import UserError
from evals.records import derive_seed
from evals.report import cell_report
from evals.schema import GRADES, NO_ANSWER
from evals.store.locks import exclusive
from evals.store.store import SampleStore, grade_group

if TYPE_CHECKING:
    from evals.verify import Verdict

__all__ = ["cell_report", "counts", "grade_store", "other_problem"]

GRADER = "excursions"
CACHED = 4096  # verdicts remembered within a block


@dataclass(frozen=True, slots=True)
class Golds:
    """Gold answers by problem id, and the ids of a cell in the order in which others are looked for."""

    answers: Mapping[str, str]
    order: Sequence[str]


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


def grade_block(root: Path, cell: str, block: str, golds: Golds) -> int:
    """Grade what is not yet graded of one block of a cell and write its grades; returns how many."""
    from evals.verify import VERSION

    store = SampleStore(root)
    group = grade_group(cell)
    samples = pq.ParquetFile(store.sample_table.folder(cell) / block).read(
        ["key", "problem", "index", "text"]
    )
    path = store.grade_table.folder(group) / block
    old = [pq.ParquetFile(path).read().cast(GRADES)] if path.is_file() else []
    if old:
        samples = samples.filter(pc.invert(pc.is_in(samples["key"], old[0]["key"].combine_chunks())))
    rows = list(_grades(samples.to_pylist(), golds))
    for row in rows:
        row |= {"cell": cell, "grader": GRADER, "grader_version": str(VERSION)}
    fresh = pa.Table.from_pylist(rows, GRADES)
    store.grade_table.put(group, block.removesuffix(".parquet"), pa.concat_tables([*old, fresh]))
    return len(rows)


def _grades(samples: Iterable[Mapping[str, Any]], golds: Golds) -> Iterator[dict[str, Any]]:
    """The grade of each sample; what is equal is graded once."""
    from evals.verify import grade, grade_answer

    verdict = lru_cache(CACHED)(lambda gold, text: _columns(grade(gold, text, mode="eval"), text))
    right = lru_cache(CACHED)(lambda gold, answer: grade_answer(gold, answer).correct)
    places = {p: i for i, p in enumerate(golds.order)}
    for sample in samples:
        problem, text = sample["problem"], sample["text"] or ""
        found = verdict(golds.answers[problem], text)
        other = other_problem(golds, places[problem], sample["index"])
        if other is None:
            guess = None
        else:
            guess = found["stage"] != NO_ANSWER and right(golds.answers[other], found["answer"])
        place = {"key": sample["key"], "problem": problem, "index": sample["index"]}
        yield place | {"gold": golds.answers[problem], "guess": guess} | found


def _columns(verdict: Verdict, text: str) -> dict[str, Any]:
    """A verdict as columns of the grades table."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return {
        "correct": verdict.correct,
        "lenient": verdict.lenient,
        "answer": verdict.answer,
        "route": verdict.route,
        "lenient_answer": verdict.lenient_answer,
        "lenient_route": verdict.lenient_route,
        "stage": verdict.stage,
        "reason": verdict.reason,
        "flags": list(verdict.flags),
        "text_hash": int.from_bytes(digest, "big", signed=True),
    }


def other_problem(golds: Golds, place: int, index: int) -> str | None:
    """Another problem of the cell, with another gold, for sample `index` of the problem at `place`.

    The order is by hash, the step goes with the index: a problem's samples meet many others.
    """
    count, own = len(golds.order), golds.answers[golds.order[place]]
    for step in range(count - 1):
        other = golds.order[(place + 1 + (index + step) % (count - 1)) % count]
        if golds.answers[other] != own:
            return other
    return None
