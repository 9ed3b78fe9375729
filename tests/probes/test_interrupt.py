"""Ctrl-C ends with 130 and loses nothing: the same command goes on and gives what one run gives."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest


def command(checkpoints, out):
    args = [sys.executable, "-m", "probes", "expand", "--n", "128", "--limit", "40", "--max-tokens", "48"]
    for path in checkpoints:
        args += ["--ckpt", str(path)]
    return [*args, "--problems", "world:test", "--out", str(out)]


@pytest.mark.slow
def test_stopped_and_started_again(tmp_path, tiny_checkpoint):
    run = command([tiny_checkpoint, tiny_checkpoint], tmp_path / "out")
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    pending = tmp_path / "out" / "store" / "pending"
    while process.poll() is None and not list(pending.rglob("*.parquet")):
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not list((tmp_path / "out").rglob("findings.json"))
    again = subprocess.run(run, capture_output=True, text=True, env=env, check=False)
    assert again.returncode == 0, again.stderr
    finding = json.loads((tmp_path / "out" / "findings.json").read_text())["findings"][0]
    comparison = finding["comparisons"][0]
    assert comparison["n"] == 128
    assert comparison["problems"] == 40
    assert comparison["verdict"]["outcome"] in ("no-change", "undetermined")  # one model drawn twice
    names = [c["name"] for c in finding["checkpoints"]]
    assert names == ["base", "base (draw 2)"]
    model = next(c for c in comparison["confounds"] if c["name"] == "two models")
    assert model["passed"] is False
