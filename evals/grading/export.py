"""Samples with their grades as JSON lines, for other tools and for reading."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from evals.core.files import replacing
from evals.grading.responses import reading_of, response_of
from evals.readers.answers import OPTIONS
from evals.records import Problem
from evals.store.reading import all_cells, labels
from evals.store.store import SampleStore, grade_group

LEFT_OUT = ("token_ids", "logprobs")  # large, and in the store
GRADED = ("correct", "lenient", "answer", "route", "reason", "grader_version")


def export_samples(store: SampleStore, out: Path) -> int:
    """Write one JSON object a sample to `out`, a block at a time; returns how many.

    Fields: those of the samples table, `min_p` and `dataset` where they are known, `question`, `gold`, and,
    where graded, the grade's. `checkpoint`: another name for every cell that nothing else in a row tells
    from others. `text` is the response that is graded; `raw_text`, where it differs, what was sampled.
    """
    chosen = all_cells(store)
    store.compact(chosen)
    written = 0
    with replacing(out) as stream:
        for cell, name in zip(chosen, _names(store, chosen), strict=True):
            for row in cell_rows(store, cell):
                stream.write(json.dumps(row | {"checkpoint": name}, ensure_ascii=False).encode() + b"\n")
                written += 1
    return written


def _names(store: SampleStore, cells: Sequence[str]) -> list[str]:
    """The checkpoint of each cell; with what tells cells apart that have the same options, and would be one
    where they are read again (asked in another way, drawn twice)."""
    infos = [store.cell(cell) for cell in cells]
    names = [str(info["checkpoint"]) for info in infos]
    read = [(name, *(info.get(o) for o in OPTIONS)) for name, info in zip(names, infos, strict=True)]
    twins = Counter(read)
    return [
        name if twins[one] == 1 else name + label.removeprefix(name).replace("/", "_")
        for name, one, label in zip(names, read, labels(store, cells), strict=True)
    ]


def cell_rows(store: SampleStore, cell: str) -> Iterator[dict[str, Any]]:
    """The samples of a cell that is compact, each with its question, gold and grade, a block at a time."""
    problems = store.problems()
    with store.sample_table.naming_damage(cell), store.grade_table.naming_damage(grade_group(cell)):
        for block in store.sample_table.blocks(cell):
            yield from _rows(store, cell, block, problems)


def _rows(
    store: SampleStore, cell: str, block: Path, problems: dict[str, Problem]
) -> Iterator[dict[str, Any]]:
    info = store.cell(cell)
    min_p, reading = info.get("min_p"), reading_of(info)
    about = {} if min_p is None else {"min_p": min_p}  # the one option that the table has no column for
    columns = [name for name in store.sample_table.schema.names if name not in LEFT_OUT]
    path = store.grade_table.folder(grade_group(cell)) / block.name
    grades: dict[str, dict[str, Any]] = {}
    if path.is_file():
        rows = pq.ParquetFile(path).read(["key", *GRADED]).to_pylist()
        grades = {row.pop("key"): row for row in rows}
    for batch in pq.ParquetFile(block).iter_batches(columns=columns):
        for row in batch.to_pylist():
            raw = row["text"] or ""
            if (said := response_of(raw, reading)[0]) != raw:
                row |= {"text": said, "raw_text": raw}
            known = problems.get(row["problem"])
            asked = {"question": known.question, "gold": known.answer} if known else {}
            if known and "dataset" in known.meta:
                asked["dataset"] = str(known.meta["dataset"])
            yield {**row, **about, **asked, **grades.get(row["key"], {})}
