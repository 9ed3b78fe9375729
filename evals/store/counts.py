"""Counts from grades: samples and correct samples of each problem."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evals.core.errors import UserError
from evals.store.store import SampleStore, grade_group

if TYPE_CHECKING:
    import pandas as pd


def counts(
    store: SampleStore,
    cells: Sequence[str],
    *,
    problems: Collection[str] | None = None,
    n: int | None = None,
) -> pd.DataFrame:
    """Columns problem, checkpoint, n, c: samples and strictly correct samples, one row a problem and cell.

    problems: only of these ids. n: only the first n samples of each. UserError where samples are not
    graded, where nothing is left, or where two cells have one label.
    """
    import pandas as pd

    labels = [store.cell(cell)["checkpoint"] for cell in cells]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise UserError(f"two sets of samples have the name {twice[0]}; give them different names")
    frames = []
    for cell, label in zip(cells, labels, strict=True):
        grades = graded(store, cell, ["problem", "index", "correct"], problems, n)
        problem = grades["problem"].combine_chunks().dictionary_encode()
        codes = problem.indices.to_numpy()
        _refuse_repeats(store, codes, grades["index"].to_numpy(), problem.dictionary)
        size = len(problem.dictionary)
        frame = pd.DataFrame(
            {
                "problem": problem.dictionary.to_pylist(),
                "checkpoint": label,
                "n": np.bincount(codes, minlength=size),
                "c": np.bincount(codes[grades["correct"].to_numpy()], minlength=size),
            }
        )
        frames.append(frame.sort_values("problem"))
    return pd.concat(frames, ignore_index=True)


def graded(
    store: SampleStore, cell: str, columns: Sequence[str], problems: Collection[str] | None, n: int | None
) -> pa.Table:
    """Grades of a cell, complete, restricted to problems and to indices below n."""
    group = grade_group(cell)
    if (lacking := store.sample_table.count(cell) - store.grade_table.count(group)) != 0:
        raise UserError(
            f"{abs(lacking)} samples of {store.cell(cell)['checkpoint']} are not graded by this version; "
            f"run evals grade {store.path}"
        )
    grades = store.grade_table.read(group, columns, problems)
    if n is not None:
        grades = grades.filter(pc.less(grades["index"], n))
    if not grades.num_rows:
        raise UserError(
            f"store {store.path} has no samples of {store.cell(cell)['checkpoint']} for these problems"
        )
    return grades


def _refuse_repeats(store: SampleStore, codes: np.ndarray, index: np.ndarray, names: pa.Array) -> None:
    place = np.sort(codes.astype(np.int64) << 32 | index.astype(np.int64))
    repeated = np.flatnonzero(place[1:] == place[:-1])
    if repeated.size:
        at = int(place[repeated[0]])
        raise UserError(
            f"store {store.path} holds sample {at & 0xFFFFFFFF} of problem {names[at >> 32].as_py()} twice; "
            "remove the parquet file that was copied into it"
        )
