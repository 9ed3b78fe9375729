"""Exact resume: cut anywhere, the run ends with the same bytes. Kills by SIGKILL in a real process."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from evals.errors import UserError
from trainer import checkpoint, distributed
from trainer import pretrain as pretraining
from trainer import rl as reinforcing
from trainer.config import ModelConfig, OptimizerConfig, PretrainConfig, RLConfig
from trainer.files import Rows, read_rows, write_folder

TINY = PretrainConfig(
    model=ModelConfig(hidden_size=32, intermediate_size=48, layers=1, heads=2),
    vocab_size=320,
    tokens=6000,
    batch_tokens=512,
    checkpoints=(3000,),
    save_every=3,
)
SMALL_RL = RLConfig(
    optimizer=OptimizerConfig(lr=1e-3),
    steps=5,
    prompts=4,
    minibatch=2,
    n=4,
    max_tokens=6,
    max_prompt_tokens=400,
    limit=50,
    kl=0.01,
    save_every=2,
    format_reward=0.1,
)


class Killed(BaseException):
    """Stands for a kill at a chosen step."""


def contents(run: Path) -> dict[str, object]:
    """Every byte of a run, with the one field that is a measurement of time left out of the metrics."""
    found: dict[str, object] = {}
    for path in sorted(p for p in run.rglob("*") if p.is_file()):
        name = str(path.relative_to(run))
        found[name] = path.read_bytes()
        if name == "metrics.jsonl":
            found[name] = [{k: v for k, v in row.items() if k != "seconds"} for row in read_rows(path)]
    return found


def cut_after(monkeypatch, rows: int):
    """Raise in place of adding row number `rows` + 1."""
    original = Rows.add
    seen = {"rows": 0}

    def add(self, row):
        if seen["rows"] == rows:
            raise Killed
        seen["rows"] += 1
        original(self, row)

    monkeypatch.setattr(Rows, "add", add)


@pytest.fixture(scope="module")
def whole_pretrain(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    pretraining.pretrain(TINY, out, quiet=True)
    return contents(out)


@pytest.mark.parametrize("cut", [0, 1, 3, 4, 5, 6, 7, 10])
def test_pretraining_ends_with_the_same_bytes_wherever_it_is_cut(tmp_path, monkeypatch, whole_pretrain, cut):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        cut_after(patch, cut)
        with pytest.raises(Killed):
            pretraining.pretrain(TINY, out, quiet=True)
    pretraining.pretrain(TINY, out, quiet=True)
    assert contents(out) == whole_pretrain
    assert sum(name.endswith("lineage.json") for name in whole_pretrain) == 2


@pytest.fixture(scope="module")
def whole_rl(tmp_path_factory, parent):
    out = tmp_path_factory.mktemp("whole-rl") / "run"
    reinforcing.rl(str(parent), SMALL_RL, out, quiet=True)
    return contents(out)


@pytest.mark.parametrize("cut", [0, 1, 2, 3, 4])
def test_rl_ends_with_the_same_bytes_wherever_it_is_cut(tmp_path, monkeypatch, whole_rl, parent, cut):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        cut_after(patch, cut)
        with pytest.raises(Killed):
            reinforcing.rl(str(parent), SMALL_RL, out, quiet=True)
    reinforcing.rl(str(parent), SMALL_RL, out, quiet=True)
    assert contents(out) == whole_rl
    assert sum(name.startswith("rollouts/") for name in whole_rl) == 5


def test_a_finished_run_does_no_work_twice(tmp_path, monkeypatch, parent):
    out = tmp_path / "run"
    last = reinforcing.rl(str(parent), SMALL_RL, out, quiet=True)
    monkeypatch.setattr(distributed, "launch", lambda *_: pytest.fail("worked twice"))
    assert reinforcing.rl(str(parent), SMALL_RL, out, quiet=True) == last


def test_another_configuration_is_refused_and_named(tmp_path, parent):
    out = tmp_path / "run"
    reinforcing.rl(str(parent), SMALL_RL, out, quiet=True)
    with pytest.raises(UserError, match="n is 4 there, 8 here"):
        reinforcing.rl(str(parent), SMALL_RL.model_copy(update={"n": 8}), out, quiet=True)


def test_a_kill_while_saving_leaves_the_old_checkpoint(tmp_path):
    target = tmp_path / "checkpoint"
    write_folder(target, lambda folder: (folder / "a").write_text("old"))

    def dies(folder):
        (folder / "a").write_text("new")
        raise Killed

    with pytest.raises(Killed):
        write_folder(target, dies)
    assert (target / "a").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint"]


def test_kill_minus_nine_at_random_moments(tmp_path, whole_pretrain):
    """SIGKILL a real process again and again; the run still ends with the same bytes."""
    out = tmp_path / "run"
    (tmp_path / "config.toml").write_text(
        "[pretrain]\nvocab_size = 320\ntokens = 6000\nbatch_tokens = 512\ncheckpoints = [3000]\n"
        "save_every = 3\n"
        "[pretrain.model]\nhidden_size = 32\nintermediate_size = 48\nlayers = 1\nheads = 2\n"
    )
    command = [sys.executable, "-m", "trainer", "pretrain", "--config", str(tmp_path / "config.toml")]
    command += ["--out", str(out), "--set", "optimizer.lr=3e-3", "--quiet"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    for target in (1, 5, 8):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        metrics = out / "metrics.jsonl"
        while process.poll() is None and not (
            metrics.is_file() and len(metrics.read_text().splitlines()) >= target
        ):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.wait()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    killed = contents(out)
    killed.pop("resolved.json")
    assert killed == {k: v for k, v in whole_pretrain.items() if k != "resolved.json"}


def test_two_processes_train_the_same_weights_as_one(tmp_path, whole_pretrain):
    """Two gloo processes against one: equal within the error of fp32 sums (fault 1 over ranks)."""
    from safetensors.torch import load

    out = tmp_path / "run"
    pretraining.pretrain(TINY, out, processes=2, quiet=True)
    last = max(name for name in whole_pretrain if name.endswith("model.safetensors"))
    two, one = load((out / last).read_bytes()), load(whole_pretrain[last])
    for name, weight in one.items():
        torch.testing.assert_close(two[name], weight, rtol=1e-3, atol=2e-5)
    losses = [row["loss"] for row in read_rows(out / "metrics.jsonl")]
    assert losses == pytest.approx([row["loss"] for row in whole_pretrain["metrics.jsonl"]], rel=1e-4)


def test_metrics_are_those_of_the_saved_rollouts(tmp_path, parent):
    """Fault 27: reward, truncation and length recomputed from the files."""
    import pandas as pd

    out = tmp_path / "run"
    reinforcing.rl(str(parent), SMALL_RL, out, quiet=True)
    for row in read_rows(out / "metrics.jsonl"):
        saved = pd.read_parquet(out / "rollouts" / f"step-{row['step']:06d}")
        assert saved["reward"].mean() == row["reward"]
        assert (saved["finish_reason"] == "length").mean() == row["truncated"]
        assert saved["token_ids"].map(len).sum() == row["tokens"]
        assert row["mismatch"] < 1e-5


def test_no_state_is_left_behind(tmp_path):
    out = tmp_path / "run"
    last = pretraining.pretrain(TINY, out, quiet=True)
    assert not (out / "state").exists()
    assert checkpoint.load_state(out / "state") is None
    lineage = json.loads((last / "lineage.json").read_text())
    assert lineage["recipe"] == "base"
    assert lineage["tokens"] >= 6000
