"""Grading one block of a cell, in this process or in a worker: what one process does at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evals.grading.responses import RAN_ON, Reading, reading_of, response_of
from evals.store.schema import GRADES, NO_ANSWER
from evals.store.store import SampleStore, grade_group

if TYPE_CHECKING:
    from evals.verify import Grade, Grader

GRADER = "excursions"
ROWS = 1024  # texts in memory at a time
UNDECIDED = "undecided"  # reason of a verdict that the symbolic stage may still change
Asked = tuple[str, str, str | None]  # gold, response, question
CACHED = 4096  # comparisons with other problems' golds remembered within a block


@dataclass(frozen=True, slots=True)
class Golds:
    """Gold answers by problem id, the ids of a cell in the order in which others are looked for, the
    questions (they say whether a percentage is wanted), and the data sets, where they are known."""

    answers: Mapping[str, str]
    order: Sequence[str]
    questions: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)


def grade_block(root: Path, cell: str, block: str, golds: Golds) -> int:
    """Grade what is not yet graded of one block of a cell and write its grades; returns how many."""
    store = SampleStore(root)
    group = grade_group(cell)
    path = store.grade_table.folder(group) / block
    reading = reading_of(store.cell(cell))
    with store.sample_table.naming_damage(cell), store.grade_table.naming_damage(group):
        old = [pq.ParquetFile(path).read().cast(GRADES)] if path.is_file() else []
        known = old[0]["key"].combine_chunks() if old else pa.array([], pa.string())
        fresh = []
        samples = pq.ParquetFile(store.sample_table.folder(cell) / block)
        for batch in samples.iter_batches(ROWS, columns=["key", "problem", "index", "text"]):
            lacking = batch.filter(pc.invert(pc.is_in(batch["key"], known)))
            grades = list(_grades(cell, lacking.to_pylist(), golds, reading))
            fresh.append(pa.Table.from_pylist(grades, GRADES))
    store.grade_table.put(group, block.removesuffix(".parquet"), pa.concat_tables([*old, *fresh]))
    return sum(table.num_rows for table in fresh)


def _grades(
    cell: str, samples: Sequence[Mapping[str, Any]], golds: Golds, reading: Reading
) -> Iterator[dict[str, Any]]:
    """The grade of each sample."""
    from evals.verify import VERSION, grade_answer

    responses = [response_of(s["text"] or "", reading) for s in samples]
    asked: list[Asked] = [
        (golds.answers[s["problem"]], text, golds.questions.get(s["problem"]))
        for s, (text, _) in zip(samples, responses, strict=True)
    ]
    verdicts = verdicts_of(asked)
    right = lru_cache(CACHED)(lambda gold, answer: grade_answer(gold, answer).correct)
    among = _among(golds)
    for sample, one, (_, ran_on) in zip(samples, asked, responses, strict=True):
        verdict = verdicts[one]
        other = other_problem(*among[sample["problem"]], sample["index"])
        if other is None:
            guess = None
        else:
            guess = verdict.stage != NO_ANSWER and right(golds.answers[other], verdict.answer)
        yield {
            "key": sample["key"],
            "cell": cell,
            "problem": sample["problem"],
            "index": sample["index"],
            "grader": GRADER,
            "grader_version": str(VERSION),
            "gold": one[0],
            "guess": guess,
            **_columns(verdict, sample["text"] or "", (RAN_ON,) if ran_on else ()),
        }


def verdicts_of(asked: Sequence[Asked]) -> dict[Asked, Grade]:
    """The verdict of each distinct (gold, response, question).

    The verifier without its symbolic stage is bounded in time and runs here; what that leaves undecided
    goes to a process that may be killed.
    """
    from evals.verify import grade

    verdicts = {one: grade(one[0], one[1], mode="eval", question=one[2]) for one in dict.fromkeys(asked)}
    if undecided := [one for one, v in verdicts.items() if UNDECIDED in (v.reason, *v.flags)]:
        verdicts.update(zip(undecided, _prover().grade_many(undecided), strict=True))
    return verdicts


@cache
def _prover() -> Grader:
    """The symbolic grader of this process, started when first needed; it ends with the process."""
    from evals.verify import Grader

    return Grader(mode="eval", workers=1)


def _columns(verdict: Grade, text: str, flags: tuple[str, ...] = ()) -> dict[str, Any]:
    """A verdict as columns of the grades table; flags: what was met besides."""
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
        "flags": [*verdict.flags, *flags],
        "text_hash": int.from_bytes(digest, "big", signed=True),
    }


def _among(golds: Golds) -> dict[str, tuple[Golds, int]]:
    """Among which problems another is looked for, and a problem's place there: those of its data set, so that
    the floor does not hang on what else is in the cell; all of the cell where these have one gold alone."""
    sets: dict[str | None, list[str]] = {}
    for problem in golds.order:
        sets.setdefault(golds.sets.get(problem), []).append(problem)
    found: dict[str, tuple[Golds, int]] = {}
    whole = {problem: (golds, place) for place, problem in enumerate(golds.order)}
    for members in sets.values():
        own = Golds(golds.answers, members)
        alike = len({golds.answers[p] for p in members}) < 2
        found |= {p: whole[p] if alike else (own, place) for place, p in enumerate(members)}
    return found


def other_problem(golds: Golds, place: int, index: int) -> str | None:
    """Another problem of these, with another gold, for sample `index` of the problem at `place`.

    The order is by hash, the step goes with the index: a problem's samples meet many others.
    """
    count, own = len(golds.order), golds.answers[golds.order[place]]
    for step in range(count - 1):
        other = golds.order[(place + 1 + (index + step) % (count - 1)) % count]
        if golds.answers[other] != own:
            return other
    return None
