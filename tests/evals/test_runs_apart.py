"""Runs whose logs name them alike stay apart; the files of one run are one checkpoint."""

import json

import pandas as pd
import pytest

from evals.core.errors import UserError
from evals.grading import published
from evals.grading.export import export_samples
from evals.grading.store_grading import grade_store
from evals.readers import import_samples, importing
from evals.store import SampleStore
from evals.store.reading import labels

PLAIN = {"question": "q", "answer": "2", "response": "\\boxed{2}"}
VERL = {"input": "q", "output": "\\boxed{2}", "gts": "2", "score": 1.0}
BATCH = {
    "custom_id": "1", "question": "q", "answer": "2",
    "response": {"status_code": 200, "body": {
        "model": "policy", "choices": [{"message": {"content": "2"}, "finish_reason": "stop"}]}},
}  # fmt: skip


def write(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(tmp_path, *files):
    """{label: samples} of an import."""
    store = SampleStore(tmp_path / "store")
    return {store.cell(c)["checkpoint"]: store.sample_table.count(c) for c in import_samples(files, store)}


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("val/1.jsonl", VERL | {"step": 1}),
        ("completions/c.parquet", {"step": 1, "prompt": "q", "completion": "\\boxed{2}", "answer": "2"}),
        ("rollouts.jsonl", PLAIN | {"step": 1}),
    ],
)
def test_two_runs_with_folders_of_one_name_are_apart(tmp_path, name, row):
    runs = tmp_path / "runs"
    for run in ("runA", "runB"):
        write(runs / run / name, row | {"step": 1})
    middle = name.split("/")[0].removesuffix(".jsonl")
    expected = {f"{run}/{middle}/step-000001": 1 for run in ("runA", "runB")}
    assert read(tmp_path, runs / "runA", runs / "runB") == expected
    assert read(tmp_path / "whole", runs) == expected
    assert read(tmp_path / "alone", runs / "runA") == {"step-000001": 1}


def test_evaluations_of_one_step_of_two_runs_are_apart(tmp_path):
    row = {"input_prompt": "q", "output_response": "2", "env_extras": {"reward_spec": {"ground_truth": "2"}}}
    files = [write(tmp_path / run / "global_step_1_evals" / "a.jsonl", row) for run in "AB"]
    assert read(tmp_path, *files) == {"A/global_step_1_evals": 1, "B/global_step_1_evals": 1}


@pytest.mark.parametrize("row", [PLAIN | {"model": "policy"}, BATCH])
def test_one_name_in_two_places_with_the_same_problems_is_two_checkpoints(tmp_path, row):
    files = [write(tmp_path / run / "out.jsonl", row) for run in "AB"]
    ends = ["policy"] if row is not BATCH else ["out/policy"]
    assert read(tmp_path, *files) == {f"{run}/{end}": 1 for run in "AB" for end in ends}
    assert read(tmp_path / "one", tmp_path / "A", tmp_path / "B") == {"A/policy": 1, "B/policy": 1}


def test_steps_of_one_name_in_two_places_are_all_apart(tmp_path):
    steps = {"A": (0, 1), "B": (0, 2)}
    files = [
        write(tmp_path / run / "o.jsonl", *(PLAIN | {"model": "policy", "step": s} for s in steps[run]))
        for run in steps
    ]
    assert list(read(tmp_path, *files)) == [
        f"{run}/policy/step-{step:06d}" for run in steps for step in steps[run]
    ]


def test_files_of_one_run_are_one_checkpoint(tmp_path):
    row, logs = PLAIN | {"model": "policy"}, tmp_path / "logs"
    shards = [write(logs / "A" / f"{i}.jsonl", row) for i in range(2)]
    other = write(logs / "B" / "task.jsonl", row | {"question": "another task"})
    assert read(tmp_path, *shards, other) == {"policy": 3}
    write(logs / "B" / "more.jsonl", row)
    assert read(tmp_path / "one", logs, shards[0]) == {"policy": 4}  # one folder that holds all
    steps = [write(logs / "run" / f"rank_{i}.jsonl", VERL | {"step": 7}) for i in range(2)]
    assert read(tmp_path / "two", *steps) == {"step-000007": 2}


def test_two_batches_of_the_same_requests_are_two_checkpoints(tmp_path):
    files = [write(tmp_path / f"s{i}.jsonl", BATCH) for i in (1, 2)]
    assert read(tmp_path / "a", *files) == {"s1/policy": 1, "s2/policy": 1}
    files[1] = write(tmp_path / "s2.jsonl", BATCH | {"custom_id": "2", "question": "another"})
    assert read(tmp_path / "b", *files) == {"policy": 2}


@pytest.mark.parametrize("step", [0.25, "0.5", [0.75]])
def test_steps_between_two_steps_are_refused(tmp_path, step):
    with pytest.raises(UserError, match="is no whole number"):
        read(tmp_path, write(tmp_path / "a.jsonl", VERL | {"step": step}))
    if not isinstance(step, list):
        with pytest.raises(UserError, match="is no whole number"):
            read(tmp_path, write(tmp_path / "a.jsonl", PLAIN | {"step": step}))


@pytest.mark.parametrize("stated", [{"min_p": 0.5}, {"sampling_params": {"min_p": "0.5"}}])
def test_min_p_is_read_and_leaves_with_the_samples(tmp_path, stated):
    """Fails where it is dropped: samples of two decodings in one cell, called alike."""
    path = write(tmp_path / "logs" / "a.jsonl", PLAIN | {"min_p": 0.0}, PLAIN | stated, PLAIN)
    store = SampleStore(tmp_path / "store")
    cells = import_samples([path], store)
    assert [store.cell(c).get("min_p") for c in cells] == [0.0, 0.5, None]
    assert labels(store, cells) == ["a (min_p 0.0)", "a (min_p 0.5)", "a"]
    grade_store(store, cells)
    export_samples(store, tmp_path / "again.jsonl")
    published.every_eval_ever(store, tmp_path / "out")
    for number, files in enumerate((tmp_path / "again.jsonl", tmp_path / "out")):
        other = SampleStore(tmp_path / f"store_{number}")
        found = [other.cell(c).get("min_p") for c in import_samples([files], other)]
        assert sorted(found, key=str) == [0.0, 0.5, None]


def test_many_steps_of_two_runs_are_not_counted_twice(tmp_path, monkeypatch):
    """Fails where the first shared step renames the checkpoints that are being read."""
    monkeypatch.setattr(importing, "CELLS", 10)
    steps = [PLAIN | {"model": "policy", "step": step} for step in range(6)]
    files = [
        write(tmp_path / "A" / "o.jsonl", *steps),
        write(tmp_path / "B" / "o.jsonl", *({**row, "question": "new"} for row in steps), *steps),
    ]
    assert len(read(tmp_path, *files)) == 12
