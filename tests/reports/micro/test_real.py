"""What is kept of the run on a real model: its numbers and checks, and no path or text of it."""

from __future__ import annotations

import json

import pytest

from evals.core.errors import UserError
from reports.study.page.real import real
from reports.study.readings.real import collected


def run_of(folder, *, prompt_passed=True):
    """A run as the driver leaves it: the start, a task's row, findings of one recipe with one seed."""
    start = folder / "start" / "seed-0" / "step-8"
    start.mkdir(parents=True)
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": 576, "num_hidden_layers": 30}
    (start / "config.json").write_text(json.dumps(config))
    (folder / "tasks.jsonl").write_text(json.dumps({"core_seconds": 5400.0}) + "\n")
    ends = {"estimate": [0.1, 0.2], "low": [0.05, 0.1], "high": [0.15, 0.3]}
    pair = {
        "a": "start", "b": "step-16", "problems": 200, "n": 32, "k": [1, 16], "options": {"K": 16},
        "passk": {"a": {"estimate": [0.1, 0.4]}, "b": {"estimate": [0.2, 0.6]}}, "delta": ends,
        "verdict": {"outcome": "expansion", "kind": None, "sentence": "more"},
        "confounds": [
            {"name": "prompt", "passed": prompt_passed, "value": None, "detail": "the prompts differ"},
            {"name": "held out", "passed": None, "value": None, "detail": "unknown"},
        ],
    }  # fmt: skip
    places = {"start": start, "step-16": folder / "rl" / "seed-1" / "step-16"}
    found = {
        "schema": 1,
        "checkpoints": [{"name": name, "path": str(path)} for name, path in places.items()],
        "comparisons": [pair],
        "problems": {"name": "world:test"},
        "changed": [{"text": "a response"}],
        "provenance": {"versions": {"torch": "2"}},
    }
    (folder / "probe").mkdir()
    (folder / "probe" / "findings.json").write_text(json.dumps({"schema": 1, "findings": [found]}))
    return folder


def test_a_run_becomes_rows_by_recipe_and_seed(tmp_path):
    held = collected(run_of(tmp_path / "run", prompt_passed=False))
    (pair,) = held["pairs"]
    assert (pair["recipe"], pair["seed"], held["core_hours"]) == ("rl", 1, 1.5)
    assert pair["readings"][1] == {"k": 16, "a": 0.4, "b": 0.6, "estimate": 0.2, "low": 0.1, "high": 0.3}
    assert pair["failed"] == ["the prompts differ"]
    assert pair["unknown"] == ["held out"]
    kept = json.dumps(held)
    assert str(tmp_path) not in kept
    assert "a response" not in kept


def test_the_page_shows_it_and_is_silent_without(tmp_path):
    assert real(tmp_path) == ""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "real.json").write_text(json.dumps(collected(run_of(tmp_path / "run"))))
    text = real(tmp_path)
    assert "| RL, seed 1 | 10.0 → 20.0, +10 [+5, +15] | 40.0 → 60.0, +20 [+10, +30] | expansion |" in text
    assert "All checks passed. Not checked: held out. 1.5 core-hours" in text
    assert "LlamaForCausalLM (30 layers of 576)" in text


def test_a_run_that_has_not_ended_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"let .* end"):
        collected(tmp_path)
