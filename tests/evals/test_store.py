"""The store on disk: append, merge, read, refuse."""

import json
import multiprocessing
import random
import subprocess
import sys

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.core.errors import UserError
from evals.records import Problem
from evals.store import SampleStore
from evals.store.schema import SAMPLES, STORE_VERSION
from tests.evals.fake_engine import files
from tests.evals.store_rows import CELL, add_part, rows


def filled(path, parts):
    store = SampleStore(path)
    store.add_cell(CELL, {"checkpoint": "a"})
    for part in parts:
        store.add(part)
    store.compact()
    return store


def test_opening_creates_nothing(tmp_path):
    SampleStore(tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_rows_come_back_as_they_were_added_before_and_after_merging(tmp_path):
    store = SampleStore(tmp_path / "store")
    store.add(rows())
    before = store.samples([CELL])
    store.compact([CELL])
    after = store.samples([CELL])
    pd.testing.assert_frame_equal(before, after)
    expected = pd.DataFrame(rows()).sort_values(["problem", "index"], ignore_index=True)
    assert list(after.columns) == SAMPLES.names
    pd.testing.assert_frame_equal(
        after[["key", "problem", "text"]], expected[["key", "problem", "text"]], check_dtype=False
    )
    assert [list(v) for v in after["token_ids"]] == list(expected["token_ids"])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_the_files_depend_only_on_the_rows(tmp_path_factory, seed, parts):
    """Any order, any chunks, some chunks twice, merges in between: the same bytes."""
    once = filled(tmp_path_factory.mktemp("a"), [rows()])
    rng = random.Random(seed)
    shuffled = rows()
    rng.shuffle(shuffled)
    store = SampleStore(tmp_path_factory.mktemp("b"))
    for i in range(parts):
        store.add(shuffled[i::parts])
        if rng.random() < 0.3:
            store.add(shuffled[i::parts])
        if rng.random() < 0.3:
            store.compact([CELL])
    store.add_cell(CELL, {"checkpoint": "a"})
    store.compact()
    assert files(once.path) == files(store.path)


def test_a_merge_rewrites_only_blocks_that_grew(tmp_path):
    store = filled(tmp_path / "store", [rows(7 * 32, 7)])
    old = {p.name: p.stat().st_mtime_ns for p in store.sample_table.blocks(CELL)}
    store.add(rows(7 * 64, 7)[:])
    store.compact()
    new = {p.name: p.stat().st_mtime_ns for p in store.sample_table.blocks(CELL)}
    assert {name: new[name] for name in old} == old
    assert len(new) == 2 * len(old)


def test_one_line_with_pandas_and_with_duckdb(tmp_path):
    store = filled(tmp_path / "store", [rows()])
    frame = pd.read_parquet(store.path / "samples")
    assert len(frame) == 100
    assert list(frame.columns) == SAMPLES.names
    query = f"SELECT problem, count(*) FROM '{store.path}/samples/*/*.parquet' GROUP BY 1"
    assert dict(duckdb.sql(query).fetchall()) == frame["problem"].value_counts().to_dict()


def test_only_the_problems_asked_for(tmp_path):
    store = filled(tmp_path / "store", [rows()])
    found = store.samples([CELL], columns=["text", "problem"], problems={"p3"})
    assert list(found.columns) == ["text", "problem"]
    assert set(found["problem"]) == {"p3"}
    assert store.samples([CELL], problems=set()).empty
    assert store.samples([]).empty


def test_two_different_samples_for_one_place_are_refused(tmp_path):
    store = filled(tmp_path / "store", [rows()])
    before = files(store.path)
    changed = [rows()[0] | {"text": "another"}]
    store.add(changed)
    with pytest.raises(UserError, match="two different samples for problem p"):
        store.compact()
    with pytest.raises(UserError, match="two different samples for problem p"):
        store.samples([CELL])
    assert {k: v for k, v in files(store.path).items() if not k.startswith("pending")} == before


def test_a_store_of_a_newer_version_is_refused(tmp_path):
    store = filled(tmp_path / "store", [rows()])
    (store.path / "store.json").write_text(json.dumps({"version": STORE_VERSION + 1}))
    with pytest.raises(UserError, match="use the newer version"):
        SampleStore(store.path)


@pytest.mark.parametrize("text", ["{", '{"format": 1}', "[]"])
def test_a_damaged_store_file_is_named(tmp_path, text):
    (tmp_path / "store.json").write_text(text)
    with pytest.raises(UserError, match=r"store\.json is damaged"):
        SampleStore(tmp_path)


def test_a_folder_or_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is no store"):
        SampleStore(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        SampleStore(tmp_path / "notes.txt")


def test_text_that_is_no_unicode_is_kept_as_far_as_it_can_be(tmp_path):
    store = SampleStore(tmp_path / "store")
    store.add([rows(1)[0] | {"text": "a\ud800b\ud83d\ude00\x00"}])
    assert store.samples([CELL])["text"].tolist() == ["a�b😀\x00"]


def test_problems_are_added_once(tmp_path):
    store = SampleStore(tmp_path / "store")
    made = [Problem.make(f"q{i}", str(i), ("because",), {"level": i}) for i in range(40)]
    store.add_problems(made[:25])
    store.add_problems(made)
    assert store.problems() == {p.id: p for p in made}
    store.compact()
    assert store.problems() == {p.id: p for p in made}


def test_a_broken_file_in_the_store_is_named(tmp_path):
    store = filled(tmp_path / "store", [rows()])
    block = store.sample_table.blocks(CELL)[0]
    block.write_bytes(block.read_bytes()[:100])
    with pytest.raises(UserError, match=block.name):
        store.samples([CELL])


def test_several_writers_at_once_lose_nothing(tmp_path):
    once = filled(tmp_path / "once", [rows(300)])
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=add_part, args=(tmp_path / "both", i, 300)) for i in range(2)]
    for worker in workers:
        worker.start()
    store = None
    while any(w.is_alive() for w in workers):  # a reader meanwhile never sees a row twice, or an error
        if (tmp_path / "both" / "store.json").is_file():
            store = store or SampleStore(tmp_path / "both")
            assert store.samples([CELL], columns=["key"])["key"].is_unique
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    filled(tmp_path / "both", [])
    assert files(tmp_path / "both") == files(once.path)


def test_schema_and_row_groups_on_disk(tmp_path):
    store = filled(tmp_path / "store", [rows()])
    for path in store.sample_table.blocks(CELL):
        assert pq.read_schema(path).equals(SAMPLES)


FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from evals.store import SampleStore
from tests.evals.store_rows import rows
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SampleStore(Path({path!r}))
store.add(rows())
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    store.add(rows(5000, 7))
except OSError as error:
    print(error.filename)
"""


def test_a_write_that_fails_leaves_nothing_half_written(tmp_path, request):
    path = tmp_path / "store"
    code = FULL.format(tests=str(request.path.parent), path=str(path))
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip().endswith(".parquet")
    store = SampleStore(path)
    assert len(store.samples([CELL])) == 100
    assert not list(path.rglob(".*.tmp*"))


def test_a_store_that_cannot_be_written_can_be_read(tmp_path):
    store = filled(tmp_path / "store", [rows()])
    before = {p: p.stat().st_mtime_ns for p in (store.path, *store.path.rglob("*"))}
    again = SampleStore(store.path)
    again.compact()
    assert len(again.samples(list(again.cells()))) == 100
    assert {p: p.stat().st_mtime_ns for p in (store.path, *store.path.rglob("*"))} == before


def test_many_samples_of_few_problems_are_few_files(tmp_path):
    store = filled(tmp_path / "store", [rows(2 * 1000, 2)])
    blocks = store.sample_table.blocks(CELL)
    assert len(blocks) == 2 * (3 + 7)
    indices = [store.samples([CELL])["index"].max()]
    assert indices == [999]
    assert [pq.read_metadata(b).num_rows for b in blocks[:10:2]] == [32, 32, 64, 128, 128]
