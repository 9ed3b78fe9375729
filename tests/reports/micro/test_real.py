"""What is kept of the run on a real model: its numbers and checks, and no path or text of it."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd
import pytest

from analysis import Options
from evals.core.errors import UserError
from probes.expand import expand
from probes.findings.finding import write_findings
from probes.inputs.counts_file import from_counts
from reports.study.driver.real import PROBLEMS
from reports.study.page.real import real
from reports.study.readings.real import collected


def run_of(folder):
    """A run as the driver leaves it: the start, a task's row, and what the probe itself finds on two "
    "recipes."""
    start = folder / "start" / "seed-0" / "step-8"
    start.mkdir(parents=True)
    config = {"architectures": ["LlamaForCausalLM"], "hidden_size": 576, "num_hidden_layers": 30}
    (start / "config.json").write_text(json.dumps(config))
    (folder / "tasks.jsonl").write_text(json.dumps({"core_seconds": 5400.0}) + "\n")
    rng = np.random.default_rng(0)
    counts = folder / "counts.csv"
    rows = [
        f"p{i},{name},32,{rng.binomial(32, rate)}"
        for name, rate in {"start": 0.2, "rl-end": 0.6, "sft-end": 0.2}.items()
        for i in range(60)
    ]
    counts.write_text("\n".join(["problem,checkpoint,n,c", *rows]))
    problems = pd.read_csv(counts)
    problems["cluster"] = problems["problem"].str[1:].astype(int) % 12
    problems.to_csv(folder / "templates.csv", index=False)
    for name, table in (("probe", "templates.csv"), (PROBLEMS, "counts.csv")):
        write_findings(folder / name / "findings.json", [expand(from_counts(folder / table), Options())])
    path = folder / "probe" / "findings.json"
    ends = {"rl-end": folder / "rl" / "seed-1" / "step-16", "sft-end": folder / "sft" / "seed-0" / "step-8"}
    held = json.loads(path.read_text())
    for checkpoint in held["findings"][0]["checkpoints"]:
        checkpoint["path"] = str(ends.get(checkpoint["name"], start))
    held["findings"][0]["problems"] = {"name": "world:test"}
    path.write_text(json.dumps(held))
    return folder


def test_a_run_becomes_rows_by_recipe_and_seed(tmp_path):
    held = collected(run_of(tmp_path / "run"))
    rl, sft = held["pairs"]
    assert (rl["recipe"], rl["seed"], rl["verdict"]["outcome"]) == ("rl", 1, "expansion")
    assert (sft["recipe"], sft["seed"]) == ("sft", 0)
    assert sft["verdict"]["outcome"] in ("no-change", "undetermined")
    assert rl["readings"][0]["estimate"] == pytest.approx(0.4, abs=0.03)
    assert [r["k"] for r in rl["readings"]] == [1, 16]
    one, other = rl["readings"][0], rl["by_template"]["readings"][0]
    assert other["estimate"] == pytest.approx(one["estimate"])
    assert other["high"] - other["low"] != one["high"] - one["low"]
    assert "clusters" in rl["failed"]
    assert held["core_hours"] == 1.5
    assert str(tmp_path) not in json.dumps(held)


def test_the_verdict_is_the_one_that_stands(tmp_path):
    """After Holm over all pairs, and not what a single pair alone would say."""
    path = run_of(tmp_path / "run") / PROBLEMS / "findings.json"
    held = json.loads(path.read_text())
    held["findings"][0]["comparisons"][0]["headline"] = {"outcome": "undetermined", "kind": "withheld"}
    path.write_text(json.dumps(held))
    assert collected(tmp_path / "run")["pairs"][0]["verdict"] == {
        "outcome": "undetermined",
        "kind": "withheld",
    }


def test_the_page_shows_it_and_is_silent_without(tmp_path):
    assert real(tmp_path) == ""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "real.json").write_text(json.dumps(collected(run_of(tmp_path / "run"))))
    text = real(tmp_path)
    assert re.search(
        r"\| RL, seed 1 \| [12]\d\.\d → [56]\d\.\d, \+\d\d.* \| expansion \| [^|]* \| \+\d.* \| — → — \|",
        text,
    )
    assert "the 12 templates of the problems are resampled" in text
    assert "60 problems × 32 samples" in text
    assert "1.5 core-hours" in text
    assert re.search(r"Intervals at pass@16 reach \d\.\d to \d\.\d points .* by 2 seeds", text)
    assert "LlamaForCausalLM (30 layers of 576)" in text


def test_a_run_that_has_not_ended_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"let .* end"):
        collected(tmp_path)
