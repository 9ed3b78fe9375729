"""Ray beside local processes: the same bytes, also where workers are killed in the middle."""

import importlib.util
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from evals.asking import Asking
from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import BusyError, UserError
from evals.grading.store_grading import grade_store
from evals.records import SamplingOptions
from evals.sampling import Where
from evals.sampling import sample as sampled
from evals.store import SampleStore
from tests.evals.fake_engine import arguments, files, sample, world_problems
from tests.evals.tiny import checkpoint
from tests.trainer.cuts import contents
from tests.trainer.test_study import OUT, TOML, states
from trainer.config.load import load_study
from trainer.study.study import study

WORKERS = 2


@pytest.fixture(scope="module")
def cluster():
    """A Ray of two workers on this machine."""
    ray = pytest.importorskip("ray", reason="Ray is absent: pip install 'excursions[ray]'")
    import logging

    ray.init(address="local", num_cpus=WORKERS, num_gpus=0, include_dashboard=False,
             log_to_driver=False, logging_level=logging.ERROR)  # fmt: skip
    yield ray
    ray.shutdown()


class Killer:
    """Kills one busy worker of this test's Ray as soon as `seen()` is true."""

    def __init__(self, seen):
        self.seen, self.killed = seen, None
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self):
        until = time.monotonic() + 120
        while time.monotonic() < until and self.killed is None:
            if self.seen() and (busy := busy_workers()):
                os.kill(busy[0], signal.SIGKILL)
                self.killed = busy[0]
            time.sleep(0.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        assert self.killed, "no worker was killed while it worked"


def busy_workers() -> list[int]:
    """Processes below this one in which a task runs: Ray names them by the function."""
    parents, busy = {}, []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                if (entry / "cmdline").read_bytes().startswith(b"ray::_here"):
                    busy.append(int(entry.name))
            except (OSError, IndexError):
                continue

    def mine(pid):
        return pid == os.getpid() or (pid in parents and mine(parents[pid]))

    return [pid for pid in busy if mine(pid)]


def test_samples_and_grades_are_those_of_one_process_though_a_worker_dies(tmp_path, cluster, capsys):
    """Fault planted and seen to fail: no second start of a piece whose worker died (RETRIES = 0)."""
    from evals.engines import open_engine

    found = open_checkpoint(str(checkpoint(tmp_path / "model")))
    problems, options = world_problems(8), SamplingOptions(1.0, 1.0, 0, 24)
    one, many = SampleStore(tmp_path / "one"), SampleStore(tmp_path / "many")
    how = {"n": 256, "options": options}
    for i in range(WORKERS):  # in the same shares: another batch may round a log-probability otherwise
        cell = sample(open_engine(found), problems, **arguments(one, **how), part=(i, WORKERS))
    grade_store(one, [cell])
    with Killer(lambda: any((tmp_path / "many" / "pending").rglob("*.parquet"))):
        asking = Asking("world", 0, max_tokens=24).plain()
        again = sampled(found, problems, asking, 256, Where(executor="ray"), many, "a")
    assert f"{WORKERS}/{WORKERS}" in capsys.readouterr().err
    assert again == cell
    assert grade_store(many, [cell], executor="ray") == 8 * 256
    mine, theirs = files(one.path), files(many.path)
    assert {k for k in mine if mine[k] != theirs.get(k)} == set()
    assert mine.keys() == theirs.keys()
    whole = SampleStore(tmp_path / "whole")
    sample(open_engine(found), problems, **arguments(whole, **how))
    columns = ["problem", "index", "seed", "token_ids", "text", "finish_reason"]
    assert whole.samples([cell], columns).equals(many.samples([cell], columns))


def test_a_study_ends_with_the_bytes_of_one_process_though_a_worker_dies(tmp_path, monkeypatch, cluster):
    (tmp_path / "study.toml").write_text(TOML)
    config = load_study(tmp_path / "study.toml")
    for name in ("one", "many"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "one")
    study(config, OUT, source=TOML, quiet=True)
    whole = contents(OUT)
    monkeypatch.chdir(tmp_path / "many")
    with Killer(lambda: any((OUT / "excursions").glob("*/rl/*/metrics.jsonl"))):
        study(config, OUT, source=TOML, quiet=True, executor="ray")
    assert set(states(config).values()) == {"done"}
    assert contents(OUT) == whole


def test_errors_of_the_user_arrive_as_they_are(tmp_path, monkeypatch, cluster):
    from evals.core.executor import patiently, run_all

    with pytest.raises(UserError, match="set --max-tokens to"):
        sampled(
            open_checkpoint(str(checkpoint(tmp_path / "model"))), world_problems(2), Asking(max_tokens=4000),
            2, Where(executor="ray"), SampleStore(tmp_path / "store"), "a",
        )  # fmt: skip
    assert list(run_all(len, [("abc",)])) == [(0, 3)]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "cwd", lambda: tmp_path / "gone")
        with pytest.raises(UserError, match="shared folder"):
            list(run_all(len, [("abc",)]))
    calls = []

    def busy():
        calls.append(1)
        if len(calls) < 2:
            raise BusyError("held")
        return "then"

    assert patiently(busy) == "then"


def test_without_ray_the_extra_is_named(monkeypatch):
    from evals.core.executor import check_executor

    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match=r"pip install 'excursions\[ray\]'"):
        check_executor("ray")
    with pytest.raises(UserError, match="choose one of local, ray"):
        check_executor("dask")
