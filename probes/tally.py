"""Per-problem sums over a cell's samples and grades: all that other readings of the verdict need."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evals.errors import UserError

SUMS = ("correct", "lenient", "answered", "guess", "finished", "correct_finished", "tokens")


def tally(
    store: Path, cell: str, *, problems: Collection[str] | None = None, n: int | None = None
) -> pd.DataFrame:
    """Sums over the samples of each problem, one row a problem, index = problem, sorted.

    Columns n, and SUMS: correct, lenient (graded strictly and leniently), answered (an answer was found),
    guess (right for another problem's answer), finished (not cut off), correct_finished, tokens. A sum is
    NaN where the samples do not say. problems, n: only these ids, only the first n samples of each.
    UserError where samples and grades do not match.
    """
    import pyarrow.compute as pc

    from evals.store import SampleStore
    from evals.store.store import grade_group

    held = SampleStore(store)
    wanted = ["problem", "index", "correct", "lenient", "answer", "guess"]
    samples = held.sample_table.read(cell, ["problem", "index", "finish_reason", "tokens"], problems)
    grades = held.grade_table.read(grade_group(cell), wanted, problems)
    if n is not None:
        samples, grades = (t.filter(pc.less(t["index"], n)) for t in (samples, grades))
    if not samples.num_rows:
        raise UserError(f"store {store} has no samples of cell {cell} for these problems")
    if samples.num_rows != grades.num_rows:
        raise UserError(f"not all samples of cell {cell} are graded; run evals grade {store}")
    names, place, order = _places(samples)
    other, place_g, order_g = _places(grades)
    if names != other or not np.array_equal(place[order], place_g[order_g]):
        raise UserError(f"samples and grades of cell {cell} do not match; run evals grade {store}")
    if (np.diff(place[order]) == 0).any():
        raise UserError(f"store {store} holds a sample of cell {cell} twice; remove the file copied into it")
    problem = (place[order] >> 32).astype(np.int64)
    ended = samples["finish_reason"].to_pandas().to_numpy()[order]
    correct = grades["correct"].to_numpy()[order_g]
    finished = np.where(pd.isna(ended), np.nan, (ended != "length").astype(float))
    columns = {
        "correct": correct.astype(float),
        "lenient": _floats(grades["lenient"])[order_g],
        "answered": grades["answer"].is_valid().to_numpy()[order_g].astype(float),
        "guess": _floats(grades["guess"])[order_g],
        "finished": finished,
        "correct_finished": finished * correct,
        "tokens": _floats(samples["tokens"])[order],
    }
    size = len(names)
    out: dict[str, np.ndarray] = {"n": np.bincount(problem, minlength=size)}
    out |= {name: np.bincount(problem, weights=values, minlength=size) for name, values in columns.items()}
    return pd.DataFrame(out, index=pd.Index(names, name="problem")).sort_index()


def _places(table: Any) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Problem ids; each row's place (number of its problem, index) as one number; the order by place."""
    encoded = table["problem"].combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    rank = np.empty(len(names), dtype=np.int64)
    rank[np.argsort(names)] = np.arange(len(names))
    place = rank[encoded.indices.to_numpy()] << 32 | table["index"].to_numpy().astype(np.int64)
    return sorted(names), place, np.argsort(place, kind="stable")


def _floats(column: Any) -> np.ndarray:
    """A nullable column as float64, NaN where null."""
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy())
