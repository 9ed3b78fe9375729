"""Exports for others keep checkpoints apart, whatever their labels are."""

import json

import pytest
import yaml

from evals.asking import Asking
from evals.core.errors import UserError
from evals.grading import published
from evals.grading.store_grading import grade_store
from evals.problems import problem_set
from evals.readers import import_samples
from evals.records import Problem
from evals.sampling.cell import draw_cell
from evals.store import SampleStore
from tests.evals.fake_engine import FakeEngine


def graded(tmp_path, *files):
    store = SampleStore(tmp_path / "store")
    cells = import_samples(files, store)
    grade_store(store, cells)
    return store, [store.cell(cell)["checkpoint"] for cell in cells]


def of(tmp_path, *changes):
    """A store with one sample of each of these rows."""
    row = {"question": "1+1?", "answer": "2"}
    rows = [row | {"response": f"{i} \\boxed{{{i}}}"} | change for i, change in enumerate(changes)]
    tmp_path.mkdir(parents=True, exist_ok=True)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return graded(tmp_path, tmp_path / "rows.jsonl")[0]


@pytest.mark.parametrize(
    ("labels", "again"),
    [
        (["A/rl/step-100", "B/rl/step-100", "C/x/base"], ["A/rl/step-100", "B/rl/step-100", "x/base"]),
        (["rl/step-100", "A/rl/step-100"], ["rl/step-100", "A/rl/step-100"]),
        (["A/rl/step-1", "A/rl/step-2"], ["step-1", "step-2"]),
    ],
)
def test_labels_that_end_alike_are_two_models(tmp_path, labels, again):
    """Fails where the last two parts of a label alone name a model: two checkpoints come back as one."""
    store = of(tmp_path, *({"checkpoint": label} for label in labels))
    published.every_eval_ever(store, tmp_path / "out", task="sums")
    assert sorted(graded(tmp_path / "again", tmp_path / "out")[1]) == sorted(again)


def test_cells_of_one_label_that_the_form_cannot_tell_apart_are_two_models(tmp_path):
    store = of(tmp_path, {"checkpoint": "org/m", "shots": 0}, {"checkpoint": "org/m", "shots": 4})
    for path in (
        store.path / "cells"
    ).iterdir():  # as sampled cells are called, which say elsewhere what differs
        path.write_text(json.dumps(json.loads(path.read_text()) | {"checkpoint": "org/m"}))
    store = SampleStore(store.path)
    published.every_eval_ever(store, tmp_path / "out", task="sums")
    assert len(graded(tmp_path / "again", tmp_path / "out")[1]) == 2
    for row in (tmp_path / "out").rglob("*_samples.jsonl"):
        assert json.loads(row.read_text())["model_id"].startswith("org/m (shots ")


def test_results_of_labels_that_one_folder_would_have_are_all_written(tmp_path):
    """Fails where both are `qwen_7b`: one result overwrites the other."""
    store = of(tmp_path, *({"checkpoint": label} for label in ("qwen:7b", "qwen_7b", "Qwen_7b", "other")))
    assert published.eval_results(store, tmp_path / "out", "openai/gsm8k", "gsm8k") == 4
    written = {
        p.parts[-3]: yaml.safe_load(p.read_text())[0]["notes"] for p in (tmp_path / "out").rglob("*.yaml")
    }
    assert len({name.casefold() for name in written}) == 4
    assert "other" in written
    assert sum("checkpoint qwen:7b" in text for text in written.values()) == 1


@pytest.mark.parametrize("form", ["eval-results", "every-eval-ever"])
def test_a_result_is_of_one_data_set(tmp_path, form):
    """Seen to fail: 50.0 for a benchmark of which every answer was right, pooled with another one."""
    store = SampleStore(tmp_path / "store")
    asking = Asking("plain-boxed", 0, chat=False, stops=(), max_tokens=20)
    for name, count in (("one", 2), ("two", 3)):
        made = [Problem.make(f"{name} {i}?", str(i), (), {"dataset": name}) for i in range(count)]
        cell = draw_cell(FakeEngine(), problem_set(name, made), asking, 2, store, "model")
    grade_store(store, [cell])
    with pytest.raises(UserError, match=r"model in .* are of 2 data sets \(one, two\)"):
        published.export(store, tmp_path / "out", form, "org/one", "one")
    assert not (tmp_path / "out").exists()
    published.export(store, tmp_path / "all.jsonl", "jsonl", None, "one")
    rows = [r for r in (tmp_path / "all.jsonl").read_text().splitlines() if json.loads(r)["dataset"] == "one"]
    (tmp_path / "one.jsonl").write_text("\n".join(rows))
    alone, _ = graded(tmp_path / "alone", tmp_path / "one.jsonl")
    published.export(alone, tmp_path / "out", form, "org/one", "one")
    assert len(rows) == 4
