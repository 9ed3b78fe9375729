"""A cell read once, against the store's own tables: parts of it, and names as dictionaries."""

from functools import partial
from operator import itemgetter

import pandas as pd
import pyarrow as pa
import pytest

from evals.core.errors import UserError
from evals.grading.report import cell_report
from evals.grading.store_grading import grade_store, read_cells
from evals.store import SampleStore
from evals.store.aligned import aligned
from evals.store.reading import graded_samples
from evals.store.store import grade_group
from tests.evals.fake_engine import FakeEngine, arguments, sample, world_problems

COLUMNS = ["problem", "index", "finish_reason", "tokens"]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    store = SampleStore(tmp_path_factory.mktemp("aligned") / "s")
    cell = sample(FakeEngine(), world_problems(), **arguments(store, n=40))
    assert grade_store(store, [cell]) == 480
    return store, cell


def by_pandas(store, cell, ids, n):
    both = store.samples([cell]).merge(store.grades([cell]), on=["key", "problem", "index"])
    return both[both["problem"].isin(ids) & (both["index"] < n)]


@pytest.mark.parametrize("count", [12, 5, 1])
@pytest.mark.parametrize("n", [40, 33, 1])
def test_a_part_of_a_cell_is_that_part_of_its_tables(held, count, n):
    store, cell = held
    ids = sorted(store.problems())[:count]
    found = aligned(store, cell, ids, n)
    expected = by_pandas(store, cell, ids, n)
    place = [(found.ids[p], i) for p, i in zip(found.problem, found.index, strict=True)]
    rows = found.grades.select(["correct", "text_hash"]).to_pandas()
    rows["tokens"] = found.samples["tokens"].to_pandas()
    seen = rows.set_axis(pd.MultiIndex.from_tuples(place)).sort_index()
    wanted = expected.set_index(["problem", "index"])[["correct", "text_hash", "tokens"]].sort_index()
    pd.testing.assert_frame_equal(seen, wanted, check_names=False, check_index_type=False)
    report, whole = cell_report(store, cell, found), read_cells(store, [cell], ids, n)
    assert (report["problems"], report["samples"], report["n"]) == (count, count * n, n)
    assert report["strict"] == expected["correct"].mean()
    assert report["mean_tokens"] == expected["tokens"].mean()
    assert whole.reports == [report]
    assert (
        whole.counts.set_index("problem")["c"].to_dict()
        == expected.groupby("problem")["correct"].sum().to_dict()
    )


def test_names_read_as_dictionaries_are_the_same_names(held, tmp_path):
    store, cell = held
    plain, encoded = (store.sample_table.read(cell, COLUMNS, encoded=e) for e in (False, True))
    assert pa.types.is_dictionary(encoded["problem"].type)
    assert len({tuple(chunk.dictionary.to_pylist()) for chunk in encoded["problem"].chunks}) == 1
    assert encoded.to_pylist() == plain.to_pylist()
    other = SampleStore(tmp_path / "s")
    rows = store.sample_table.read(cell)
    other.sample_table.add(cell, rows.slice(0, 100))  # not merged yet: read in another way
    other.sample_table.add(cell, rows.slice(60))
    read = other.sample_table.read(cell, COLUMNS, encoded=True).to_pylist()
    assert sorted(read, key=itemgetter("problem", "index")) == sorted(
        plain.to_pylist(), key=itemgetter("problem", "index")
    )
    assert other.sample_table.read("none", COLUMNS, encoded=True).num_rows == 0


def test_nothing_that_is_asked_for_is_said(held):
    store, cell = held
    with pytest.raises(UserError, match="no samples of a for these problems"):
        aligned(store, cell, ["nothing"])
    with pytest.raises(UserError, match="no samples of a for these problems"):
        aligned(store, cell, None, 0)


def test_a_cell_that_is_graded_in_part_is_refused(tmp_path):
    store = SampleStore(tmp_path / "s")
    cell = sample(FakeEngine(), world_problems(), **arguments(store, n=4))
    grade_store(store, [cell])
    block = store.grade_table.blocks(grade_group(cell))[0]
    block.unlink()
    for read in (aligned, partial(graded_samples, columns=["text"])):
        with pytest.raises(UserError, match=r"samples of a are not graded .*run evals grade"):
            read(store, cell)
