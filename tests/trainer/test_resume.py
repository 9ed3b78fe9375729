"""Exact resume: killed anywhere, for real, a run ends with the same bytes (fault 23)."""

import os
import signal
import sys
from pathlib import Path

import pandas as pd
import pytest

from evals.errors import UserError
from tests.trainer.loops import LOOPS, RL, contents
from trainer import rl as reinforcing
from trainer.files import Rows, read_rows

CHANGES = ("replace", "unlink", "rmdir")  # ways in which a run changes the disk, beside its rows


def run_and_kill(loop, parent: Path, out: Path, at: int) -> bool:
    """Run a loop in a forked process that SIGKILLs itself before its change of the disk number `at`.

    A metrics row is a change too; killed there, half of it has been written. False where the run ended.
    """
    child = os.fork()
    if child == 0:
        seen = {"changes": 0}

        def due() -> bool:
            seen["changes"] += 1
            return seen["changes"] == at

        def wrapped(original):
            def change(*args, **kwargs):
                if due():
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*args, **kwargs)

            return change

        def add(self, row):
            if due():
                with self.path.open("a") as stream:
                    stream.write('{"step": 1, "lo')
                os.kill(os.getpid(), signal.SIGKILL)
            whole(self, row)

        whole, Rows.add = Rows.add, add
        for name in CHANGES:
            setattr(os, name, wrapped(getattr(os, name)))
        code = 1
        try:
            loop(parent, out)
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("name", list(LOOPS))
def test_a_run_killed_before_any_change_of_the_disk_ends_with_the_same_bytes(name, tmp_path, parent):
    """Fault 23, at every change."""
    whole = tmp_path / "whole"
    LOOPS[name](parent, whole)
    expected = contents(whole)
    at = 1
    while run_and_kill(LOOPS[name], parent, tmp_path / f"killed-{at}", at):
        LOOPS[name](parent, tmp_path / f"killed-{at}")
        found = contents(tmp_path / f"killed-{at}")
        different = [k for k in {*found, *expected} if found.get(k) != expected.get(k)]
        assert not different, f"killed before change {at}"
        at += 1
    assert at > 15
    assert not any("state/" in name for name in expected)


@pytest.mark.skipif(sys.platform != "linux", reason="killed runs are real processes")
def test_metrics_are_those_of_the_saved_rollouts(tmp_path, parent):
    """Fault 27: reward, parts and lengths recomputed from the files."""
    out = tmp_path / "run"
    LOOPS["rl"](parent, out)
    rows = list(read_rows(out / "metrics.jsonl"))
    assert [row["step"] for row in rows] == [1, 2, 3]
    for row in rows:
        saved = pd.read_parquet(out / "rollouts" / f"step-{row['step']:06d}.parquet")
        assert saved["reward"].mean() == pytest.approx(row["reward"], abs=1e-12)
        assert saved["correct"].mean() == row["correct"]
        assert (saved["finish_reason"] == "length").mean() == row["truncated"]
        assert saved["token_ids"].map(len).sum() == row["tokens"]
        equal = saved.groupby("group")["reward"].nunique().eq(1).mean()
        assert equal == pytest.approx(row["zero_variance"])
        assert row["mismatch"] < 1e-5


def test_a_finished_run_does_no_work_twice(tmp_path, monkeypatch, parent):
    out = tmp_path / "run"
    last = LOOPS["rl"](parent, out)
    monkeypatch.setattr(reinforcing, "launch", lambda *_, **__: pytest.fail("worked twice"))
    assert LOOPS["rl"](parent, out) == last


def test_another_configuration_is_refused_and_named(tmp_path, parent):
    out = tmp_path / "run"
    LOOPS["rl"](parent, out)
    other = RL.model_copy(update={"n": 8})
    with pytest.raises(UserError, match="n is 3 there, 8 here"):
        reinforcing.rl(str(parent), other, out, quiet=True)
