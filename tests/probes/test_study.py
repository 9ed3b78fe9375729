"""A study's cells, probed once each, into one table."""

import json

import pandas as pd
import pytest

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from probes.study.run import cells
from tests.probes.conftest import random_checkpoint


@pytest.fixture
def study_folder(tmp_path):
    """A start, two RL seeds, an SFT run with RL after it, and one run that has not ended."""
    run = tmp_path / "study"
    base = random_checkpoint(run / "pretrain" / "seed-0" / "step-000100", seed=1)
    weights = open_checkpoint(str(base)).weights

    def excursion(recipe, seed, parent, done=True):
        folder = run / "excursions" / "step-000100" / recipe / f"seed-{seed}"
        end = random_checkpoint(folder / "step-000004", 20 + seed, parent, recipe, seed)
        (folder / "metrics.jsonl").write_text(json.dumps({"step": 1, "reward": 0.2}) + "\n")
        if done:
            (folder / "DONE").write_text("")
        return open_checkpoint(str(end)).weights

    excursion("rl", 0, weights)
    excursion("rl", 1, weights)
    tuned = excursion("sft", 2, weights)
    excursion("sft-rl", 3, tuned)
    excursion("parallel", 4, weights, done=False)
    return run


def test_cells_are_those_that_ended(study_folder, tmp_path):
    done, left = cells(study_folder)
    assert [(c.recipe, c.seed) for c in done] == [
        ("rl", "seed-0"), ("rl", "seed-1"), ("sft", "seed-2"), ("sft-rl", "seed-3")
    ]  # fmt: skip
    assert left == ["step-000100/parallel/seed-4"]
    with pytest.raises(UserError, match="is no study"):
        cells(tmp_path / "nowhere")


def test_probed_once_into_one_table(probes, study_folder, monkeypatch):
    args = ["study", study_folder, "--n", 4, "--limit", 6, "--max-tokens", 6, "--scored", 1, "--quiet"]
    for name in ("expand", "likelihood", "seeds", "weights", "readiness"):
        args += ["--probe", name]
    result = probes(*args)
    assert result.code == 0, result.err
    assert "not finished, left out: step-000100/parallel/seed-4" in result.err
    table = pd.read_parquet(study_folder / "findings" / "findings.parquet")
    assert set(table["probe"]) == {"expand", "likelihood", "seeds", "weights", "readiness"}
    assert {"rl", "sft", "sft-rl", "all"} == set(table["recipe"])
    verdicts = table[(table["kind"] == "verdict") & (table["recipe"] == "sft-rl")]
    assert len(verdicts) == 4  # beside the start, and beside the SFT checkpoint it was trained from
    files = {p: p.stat().st_mtime_ns for p in (study_folder / "findings").rglob("*.json")}

    def fails(*_, **__):
        raise AssertionError("what is there was sampled again")

    monkeypatch.setattr("evals.sampling.prompts_to_samples.draw_part", fails)
    again = probes(*args)
    assert again.code == 0, again.err
    assert files == {p: p.stat().st_mtime_ns for p in (study_folder / "findings").rglob("*.json")}
    unknown = probes("study", study_folder, "--probe", "magic")
    assert unknown.code == 2
    assert "no probe 'magic' in a study" in unknown.err


def test_excursions_of_a_study_in_pre_training_tokens(probes, study_folder):
    """With two starts the ends stand on the ladder of the starts, on the study's own problems."""
    second = random_checkpoint(study_folder / "pretrain" / "seed-0" / "step-000200", seed=2)
    weights = open_checkpoint(str(second)).weights
    folder = study_folder / "excursions" / "step-000200" / "rl" / "seed-0"
    random_checkpoint(folder / "step-000004", 40, weights, "rl", 0)
    (folder / "metrics.jsonl").write_text(json.dumps({"step": 1, "reward": 0.2}) + "\n")
    (folder / "DONE").write_text("")
    for file in study_folder.rglob("lineage.json"):
        lineage = json.loads(file.read_text())
        tokens = 2_000_000 if "step-000200" in str(file) else 1_000_000
        file.write_text(json.dumps(lineage | {"tokens": tokens}))
    args = ["--n", 4, "--limit", 6, "--max-tokens", 6, "--quiet", "--probe", "readiness"]
    result = probes("study", study_folder, *args)
    assert result.code == 0, result.err
    prompts, own = json.loads((study_folder / "findings" / "readiness.json").read_text())["findings"]
    assert prompts["problems"]["name"].startswith("world:train")
    assert prompts["equivalents"] == []
    assert own["problems"]["name"].startswith("world:test")
    assert {row["start"] for row in own["equivalents"]} == {1_000_000, 2_000_000}
    table = pd.read_parquet(study_folder / "findings" / "findings.parquet")
    assert table["measure"].str.startswith("token_multiple@").any()
