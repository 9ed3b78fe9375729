"""A cell's samples and their grades, read once and row by row: what tallies and reports are made of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from evals.core.errors import UserError
from evals.store.reading import graded
from evals.store.store import SampleStore

SAMPLE_COLUMNS = ("problem", "index", "prompt_hash", "tokens", "finish_reason")
GRADE_COLUMNS = (
    *("problem", "index", "correct", "lenient", "route", "stage", "guess", "text_hash", "flags"),
)


@dataclass(frozen=True, eq=False)
class Aligned:
    """Graded samples of a cell: row s of `samples` and row s of `grades` are of one sample.

    ids: of the problems, in the order in which they first come. problem, index: (S,) place of each sample's
    problem among `ids`, and its number within it.
    """

    samples: pa.Table
    grades: pa.Table
    ids: list[str]
    problem: np.ndarray
    index: np.ndarray

    def only(self, problems: Collection[str] | None, n: int | None) -> Aligned:
        """These problems alone (all if None), and the first n samples of each (all if None)."""
        keep = np.ones(len(self.problem), bool) if n is None else self.index < n
        if problems is not None:
            wanted = set(problems)
            keep &= np.array([name in wanted for name in self.ids], bool)[self.problem]
        if keep.all():
            return self
        left, codes = np.unique(self.problem[keep], return_inverse=True)
        rows = pa.array(keep)
        ids = [self.ids[i] for i in left.tolist()]
        return Aligned(self.samples.filter(rows), self.grades.filter(rows), ids, codes, self.index[keep])


def aligned(
    store: SampleStore, cell: str, problems: Collection[str] | None = None, n: int | None = None
) -> Aligned:
    """Read a cell; only these problems, only the first n samples of each.

    UserError where samples are not graded, where nothing is left, where samples and grades do not match, or
    where a sample is there twice.
    """
    samples, grades = _read(store, cell, problems)
    if samples.num_rows != grades.num_rows:
        raise UserError(f"not all samples of cell {cell} are graded; run evals grade {store.path}")
    ids, place = _places(samples)
    others, of_grades = _places(grades, ids)
    if others != ids or not np.array_equal(place, of_grades):
        by_sample, by_grade = np.argsort(place, kind="stable"), np.argsort(of_grades, kind="stable")
        if others != ids or not np.array_equal(place[by_sample], of_grades[by_grade]):
            raise UserError(f"samples and grades of cell {cell} do not match; run evals grade {store.path}")
        order = np.empty_like(by_grade)
        order[by_sample] = by_grade
        grades = grades.take(order)
    ordered = np.sort(place)
    if (twice := np.flatnonzero(ordered[1:] == ordered[:-1])).size:
        at = int(ordered[twice[0]])
        raise UserError(
            f"store {store.path} holds sample {at & 0xFFFFFFFF} of problem {ids[at >> 32]} twice; remove the "
            "parquet file that was copied into it"
        )
    found = Aligned(samples, grades, ids, place >> 32, place & 0xFFFFFFFF).only(None, n)
    if not found.samples.num_rows:
        raise UserError(
            f"store {store.path} has no samples of {store.cell(cell)['checkpoint']} for these problems"
        )
    return found


def _read(store: SampleStore, cell: str, problems: Collection[str] | None) -> tuple[pa.Table, pa.Table]:
    """The columns that are needed, of samples and of grades; names as dictionaries."""
    columns = [c for c in GRADE_COLUMNS if c != "flags" or "prompt_form" in store.cell(cell)]
    grades = graded(store, cell, columns, problems, None, encoded=True)
    samples = store.sample_table.read(cell, SAMPLE_COLUMNS, problems, encoded=True)
    return samples, grades


def _places(table: pa.Table, ids: list[str] | None = None) -> tuple[list[str], np.ndarray]:
    """Problem ids and, as one number a row, (place of its problem among `ids`) << 32 | index."""
    encoded = table["problem"].combine_chunks()
    own = encoded.dictionary.to_pylist()
    codes = encoded.indices.to_numpy().astype(np.int64)
    used = np.bincount(codes, minlength=len(own)) > 0  # a dictionary holds names of rows left out, too
    if not used.all():
        own, codes = (
            [name for name, is_used in zip(own, used, strict=True) if is_used],
            np.cumsum(used)[codes] - 1,
        )
    if ids is not None and own != ids and sorted(own) == sorted(ids):
        place = {name: i for i, name in enumerate(ids)}
        codes = np.array([place[name] for name in own], np.int64)[codes]
        own = ids
    return own, codes << 32 | table["index"].to_numpy().astype(np.int64)
