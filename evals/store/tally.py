"""Per-problem sums over a cell's samples and grades: all that other readings of the verdict need."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from evals.core.errors import UserError
from evals.store.store import SampleStore, grade_group

SUMS = ("correct", "lenient", "answered", "guess", "finished", "correct_finished", "tokens")


def tally(
    store: SampleStore, cell: str, *, problems: Collection[str] | None = None, n: int | None = None
) -> pd.DataFrame:
    """Sums over the samples of each problem, one row a problem, index = problem, sorted.

    Columns n, and SUMS: correct, lenient (graded strictly and leniently), answered (an answer was found),
    guess (right for another problem's answer), finished (not cut off), correct_finished, tokens. A sum is
    NaN where the samples do not say. problems, n: only these ids, only the first n samples of each.
    UserError where samples and grades do not match.
    """
    samples, grades = _read(store, cell, problems, n)
    names, place, order = _matched(store, cell, samples, grades)
    columns = _columns(samples, grades.take(order) if order is not None else grades)
    problem = (place >> 32).astype(np.int64)
    size = len(names)
    out: dict[str, np.ndarray] = {"n": np.bincount(problem, minlength=size)}
    out |= {name: np.bincount(problem, weights=values, minlength=size) for name, values in columns.items()}
    return pd.DataFrame(out, index=pd.Index(names, name="problem")).sort_index()


def _read(store: SampleStore, cell: str, problems: Collection[str] | None, n: int | None) -> tuple[Any, Any]:
    """The columns that are summed, of samples and of grades; both complete."""
    import pyarrow.compute as pc

    wanted = ["problem", "index", "correct", "lenient", "stage", "guess"]
    samples = store.sample_table.read(cell, ["problem", "index", "finish_reason", "tokens"], problems)
    grades = store.grade_table.read(grade_group(cell), wanted, problems)
    if n is not None:
        samples, grades = (t.filter(pc.less(t["index"], n)) for t in (samples, grades))
    if not samples.num_rows:
        raise UserError(f"store {store} has no samples of cell {cell} for these problems")
    if samples.num_rows != grades.num_rows:
        raise UserError(f"not all samples of cell {cell} are graded; run evals grade {store}")
    return samples, grades


def _columns(samples: Any, grades: Any) -> dict[str, np.ndarray]:
    """What is summed, one number a sample; NaN where it is not known."""
    import pyarrow.compute as pc

    from evals.store.schema import NO_ANSWER

    correct = _floats(grades["correct"])
    finished = _floats(pc.not_equal(samples["finish_reason"], "length"))
    return {
        "correct": correct,
        "lenient": _floats(grades["lenient"]),
        "answered": _floats(pc.fill_null(pc.not_equal(grades["stage"], NO_ANSWER), True)),
        "guess": _floats(grades["guess"]),
        "finished": finished,
        "correct_finished": finished * correct,
        "tokens": _floats(samples["tokens"]),
    }


def _matched(
    store: SampleStore, cell: str, samples: Any, grades: Any
) -> tuple[list[str], np.ndarray, np.ndarray | None]:
    """Problem ids; each sample's place (number of its problem, index) as one number; the grades' order.

    The order is None where grades stand in the order of the samples, as a store writes them.
    """
    names, place = _places(samples)
    others, of_grades = _places(grades, names)
    order = None
    if others != names or not np.array_equal(place, of_grades):
        by_sample, by_grade = np.argsort(place, kind="stable"), np.argsort(of_grades, kind="stable")
        if others != names or not np.array_equal(place[by_sample], of_grades[by_grade]):
            raise UserError(f"samples and grades of cell {cell} do not match; run evals grade {store}")
        order = np.empty_like(by_grade)
        order[by_sample] = by_grade
    ordered = np.sort(place)
    if (ordered[1:] == ordered[:-1]).any():
        raise UserError(f"store {store} holds a sample of cell {cell} twice; remove the file copied into it")
    return names, place, order


def _places(table: Any, names: list[str] | None = None) -> tuple[list[str], np.ndarray]:
    """Problem ids and, as one number a row, (number of its problem among `names`, index)."""
    encoded = table["problem"].combine_chunks().dictionary_encode()
    own = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy().astype(np.int64)
    if names is not None and own != names and sorted(own) == sorted(names):
        number = {name: i for i, name in enumerate(names)}
        codes = np.array([number[name] for name in own])[codes]
        own = names
    return own, codes << 32 | table["index"].to_numpy().astype(np.int64)


def _floats(column: Any) -> np.ndarray:
    """A nullable column as float64, NaN where null."""
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy())
