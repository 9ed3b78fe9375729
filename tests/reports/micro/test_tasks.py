"""Tasks are run once, timed, and end together when one fails."""

import sys

import pytest

from evals.core.errors import UserError
from reports.study.driver.collect import place
from reports.study.driver.tasks import Task, rows, run_all

WRITE = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('x')"


@pytest.fixture
def task(tmp_path, monkeypatch):
    """A task that writes its marker with a small program of its own."""
    (tmp_path / "writes.py").write_text(WRITE)
    (tmp_path / "fails.py").write_text("raise SystemExit(3)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(name: str, program: str = "writes", **how) -> Task:
        return Task("stage", tmp_path / name, (program, str(tmp_path / name)), **how)

    return make


def test_a_task_is_run_once_and_logged(task, tmp_path) -> None:
    tasks = [task("one"), task("two")]
    run_all(tmp_path, tasks, 2)
    run_all(tmp_path, tasks, 2)
    logged = rows(tmp_path)
    assert sorted(r["task"] for r in logged) == ["one", "two"]
    assert all(r["core_seconds"] >= 0 and r["wall_seconds"] >= 0 for r in logged)


def test_a_failing_task_is_named_and_ends_the_rest(task, tmp_path) -> None:
    with pytest.raises(UserError, match="fails"):
        run_all(tmp_path, [task("bad", "fails"), task("later")], 1)
    assert not (tmp_path / "later").exists()


def test_a_task_without_its_marker_has_failed(task, tmp_path) -> None:
    """A command that ends well and leaves nothing is not believed."""
    odd = Task("stage", tmp_path / "other", task("one").command)
    with pytest.raises(UserError, match="ended with 0"):
        run_all(tmp_path, [odd], 1)
    run_all(tmp_path, [Task("stage", tmp_path / "other", odd.command, marks=True)], 1)
    assert (tmp_path / "other").exists()
    assert sys.executable


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/x/study/pretrain/seed-0/step-000120", ("cells", "base", 0)),
        (
            "runs/x/study/excursions/step-000120/sft-gold-rl/seed-2/step-000012",
            ("cells", "sft-gold-rl", 2),
        ),
        ("/x/arms/step-000120/pass-at-k/seed-1/step-000012", ("arms", "pass-at-k", 1)),
        ("/x/arms/step-000120/n-32/seed-1/step-000012", ("arms", "n-32", 1)),
    ],
)
def test_checkpoints_are_known_by_where_they_lie(path, expected) -> None:
    assert place(path) == expected


def test_a_strange_checkpoint_is_refused() -> None:
    with pytest.raises(UserError, match="no checkpoint of the study"):
        place("/x/elsewhere/step-000001")
