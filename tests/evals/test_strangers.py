"""Files of strangers: bounds instead of memory, names that never become paths, links that lead nowhere."""

import gzip
import json
import zipfile

import pytest

from evals.checkpoints.checkpoint import read_object
from evals.core import bounds
from evals.core.errors import UserError
from evals.core.files import plain_cell, sweep
from evals.problems.columns import gold_text, last_boxed
from evals.readers.importing import import_samples
from evals.store import SampleStore
from tests.evals.tiny import checkpoint


def refused(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    store = tmp_path / "store"
    with pytest.raises(UserError, match=words) as met:
        import_samples([tmp_path / name], SampleStore(store))
    assert "\n" not in str(met.value)
    assert not store.exists()  # nothing is written of what is refused


ROW = {"question": "q", "gold": "1", "response": "x"}


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.jsonl", '{"question": "a", "question": "b", "gold": "1", "response": "x"}', "stands twice"),
        ("a.jsonl", '{"question": ' + "[" * 100_000, "not JSON"),
        ("a.jsonl", b"\n" * (bounds.BLANK + 9), "blank lines"),
        ("a.jsonl", json.dumps(ROW).replace('"1"', "[" * 500 + "1" + "]" * 500), "no gold"),
        ("a.jsonl", "\n".join(json.dumps(ROW | {"model": f"m{i}"}) for i in range(400)), "more than 200"),
        ("a.jsonl", json.dumps(ROW | {"response": [""] * 60_000}), "more than 50,000 responses"),
        ("a.yaml", "a: &a [x]\nquestion: q\ngt_answer: *a\nsamples: [x]\n", "alias"),
        ("a.yaml", "question: " + "[" * 100_000, "not YAML"),
        ("a.eval", b"PK\x03\x04" * 100, "not a readable"),
        ("a.parquet", b"PAR1" + bytes(100) + b"\xff\xff\xff\x7fPAR1", "parquet"),
    ],
)
def test_what_is_refused_leaves_nothing(tmp_path, name, data, words):
    refused(tmp_path, name, data, words)


def test_packed_text_does_not_expand(tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "FLOOR", 1 << 20)
    path = tmp_path / "large.csv.gz"
    path.write_bytes(gzip.compress(b"1,2\n" * (1 << 20)))
    with bounds.opened(path) as stream, pytest.raises(bounds.Bound, match="expand to"):
        stream.read()


def test_archives_and_tables_do_not_expand(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", '{"eval": {}}')
        archive.writestr("samples/1_epoch_1.json", b" " * (80 << 20))
    refused(tmp_path, path.name, path.read_bytes(), "expand")
    one = pa.table({"question": ["q"], "gold": ["1"], "response": ["x" * (1 << 20)]})
    with pq.ParquetWriter(tmp_path / "b.parquet", one.schema, compression="zstd") as writer:
        for _ in range(80):
            writer.write_table(one)
    refused(tmp_path, "b.parquet", (tmp_path / "b.parquet").read_bytes(), "expand")


def test_many_values_are_counted_before_they_are_made(monkeypatch):
    monkeypatch.setattr(bounds, "VALUES", 1000)
    with pytest.raises(bounds.Bound, match="values"):
        bounds.loads("[" + "[]," * 2000 + "[]]")
    assert bounds.loads("[1, 2]") == [1, 2]


def test_numbers_out_of_range_are_left_out(tmp_path):
    row = ROW | {"tokens": 10**400, "temperature": 10**400, "top_k": 2**40, "max_tokens": 7}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    store = SampleStore(tmp_path / "store")
    (cell,) = import_samples([tmp_path / "a.jsonl"], store)
    assert store.cell(cell)["max_tokens"] == 7
    assert "top_k" not in store.cell(cell)
    assert "temperature" not in store.cell(cell)


@pytest.mark.parametrize(("gold", "text"), [("1:30", "1:30"), ("010", "010"), ("no", "no"), ("1e3", "1e3")])
def test_yaml_golds_keep_their_text(tmp_path, gold, text):
    (tmp_path / "a.yaml").write_text(f"question: q\ngt_answer: {gold}\nsamples: [x]\n")
    store = SampleStore(tmp_path / "store")
    import_samples([tmp_path / "a.yaml"], store)
    assert {p.answer for p in store.problems().values()} == {text}


def test_the_last_box_is_found_in_linear_time():
    assert last_boxed("\\boxed{1} \\boxed{\\frac{1}{2}} \\boxed{") == "\\frac{1}{2}"
    assert last_boxed("\\boxed{a\\}b}") == "a\\}b"
    assert last_boxed("\\boxed{\\boxed{3}}") == "3"
    assert last_boxed("}} {") is None
    assert last_boxed("\\boxed{" * 300_000) is None  # hours, were it quadratic
    assert gold_text([[1, [2]], 3.0]) == "1, 2, 3"


@pytest.mark.parametrize(
    "lineage",
    [
        '{"step": NaN}',
        '{"recipe": {"a": 1}}',
        '{"parent": [[[[[[[]]]]]]]}',
        '{"x": [[[[[[[1]]]]]]]}',
        '{"seed": 1e999}',
    ],
)
def test_lineage_is_checked_on_opening(tmp_path, lineage):
    from evals.checkpoints.checkpoint import open_checkpoint

    checkpoint(tmp_path / "a")
    (tmp_path / "a" / "lineage.json").write_text(lineage)
    with pytest.raises(UserError, match=r"lineage\.json"):
        open_checkpoint(str(tmp_path / "a"))
    assert read_object(tmp_path / "a" / "none.json", "a") is None


def test_links_in_a_store_are_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(ROW))
    store = SampleStore(tmp_path / "store")
    import_samples([tmp_path / "a.jsonl"], store)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "store" / "grades").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="symbolic link"):
        SampleStore(tmp_path / "store")


def test_a_damaged_cell_is_one_sentence(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps(ROW))
    store = SampleStore(tmp_path / "store")
    (cell,) = import_samples([tmp_path / "a.jsonl"], store)
    for damage in ("{", "[]", '{"checkpoint": 3}', '{"checkpoint": "a", "n": NaN}', "[" * 100_000):
        (tmp_path / "store" / "cells" / f"{cell}.json").write_text(damage)
        with pytest.raises(UserError, match="describes no cell"):
            store.cells()


def test_damaged_blocks_are_named_by_every_reader(tmp_path):
    from evals.grading.export import export_samples
    from evals.grading.store_grading import grade_store

    (tmp_path / "a.jsonl").write_text(json.dumps(ROW))
    store = SampleStore(tmp_path / "store")
    (cell,) = import_samples([tmp_path / "a.jsonl"], store)
    grade_store(store, [cell])
    for table in ("samples", "grades"):
        (block,) = (tmp_path / "store" / table).rglob("*.parquet")
        whole = block.read_bytes()
        for damage in (b"", whole[:99], whole[:20] + bytes(len(whole) - 20), whole[:-9]):
            block.write_bytes(damage)
            with pytest.raises(UserError, match=f"{block.name} is damaged"):
                export_samples(store, tmp_path / "out.jsonl")
            assert not (tmp_path / "out.jsonl").exists()
        block.write_bytes(whole)
    export_samples(store, tmp_path / "out.jsonl")


def test_lone_surrogates_in_names_and_texts_are_taken(tmp_path):
    row = ROW | {"question": "\ud800", "gold": "\udfff", "response": "\ud800"}
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row | {"model": m}) for m in ("\ud900", "\ud901")))
    store = SampleStore(tmp_path / "store")
    cells = import_samples([tmp_path / "a.jsonl"], store)
    assert {store.cell(cell)["checkpoint"] for cell in cells} == {"\\ud900", "\\ud901"}


def test_the_sweep_removes_only_what_a_killed_writer_left(tmp_path):
    for name in (".mynotes.tmpl.md", ".a.tmp", ".notes.tmp12", ".a.json.tmp12-zzzzzzzz"):
        (tmp_path / name).write_text("mine")
    (tmp_path / ".a.json.tmp123-0123abcd").write_text("left")
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [".mynotes.tmpl.md", ".a.tmp", ".notes.tmp12", ".a.json.tmp12-zzzzzzzz"]
    )


def test_formulas_are_quoted_and_numbers_are_not():
    for text in ("=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", "\t=1"):
        assert plain_cell(text) == f"'{text}"
    for value in ("-3.2", "+4.5", "-", "1e-3", "text", "a=b", 3, None, "-12.5%"):
        assert plain_cell(value) == value
