"""Sums over a cell, against plain pandas on the same store, in any order of the files."""

import pandas as pd
import pytest

from evals.core.errors import UserError
from evals.store import aligned as module
from evals.store.aligned import aligned
from evals.store.tally import SUMS, tally


def by_pandas(source, cell):
    store = source.store
    samples = store.samples([cell], columns=["key", "problem", "index", "tokens", "finish_reason"])
    grades = store.grades([cell], columns=["key", "correct", "lenient", "stage", "guess"])
    both = samples.merge(grades, on="key")
    both["answered"] = both["stage"] != "extract"
    both["finished"] = both["finish_reason"] != "length"
    both["correct_finished"] = both["finished"] & both["correct"]
    sums = both.groupby("problem")[list(SUMS)].sum().astype(float)
    return sums.assign(n=both.groupby("problem").size())[["n", *SUMS]]


def test_sums_against_pandas(toy_source):
    for described in toy_source.checkpoints:
        found = tally(aligned(toy_source.store, described["cell"]))
        pd.testing.assert_frame_equal(
            found, by_pandas(toy_source, described["cell"]), check_dtype=False, check_index_type=False
        )


def test_order_of_rows_is_no_matter(toy_source, monkeypatch):
    cell = toy_source.checkpoints[0]["cell"]
    expected = tally(aligned(toy_source.store, cell))
    read = module._read

    def shuffled(*args):
        samples, grades = read(*args)
        backwards = list(range(grades.num_rows))[::-1]
        return samples, grades.take(backwards)

    monkeypatch.setattr(module, "_read", shuffled)
    pd.testing.assert_frame_equal(tally(aligned(toy_source.store, cell)), expected)


def test_what_does_not_match_is_refused(toy_source, monkeypatch):
    cell = toy_source.checkpoints[0]["cell"]
    read = module._read

    def twice(*args):
        samples, grades = read(*args)
        rows = [0, 0, *range(2, samples.num_rows)]
        return samples.take(rows), grades.take(rows)

    monkeypatch.setattr(module, "_read", twice)
    with pytest.raises(UserError, match=r"holds sample 0 of problem .* twice"):
        tally(aligned(toy_source.store, cell))

    def other(*args):
        samples, grades = read(*args)
        return samples, grades.take([1, *range(1, grades.num_rows)])

    monkeypatch.setattr(module, "_read", other)
    with pytest.raises(UserError, match="do not match"):
        tally(aligned(toy_source.store, cell))
    monkeypatch.undo()
    with pytest.raises(UserError, match="has no samples"):
        aligned(toy_source.store, cell, problems=["nothing"])
