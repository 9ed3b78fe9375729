"""Sinks beside metrics.jsonl, by stand-ins for the two packages, which need not be installed."""

import sys
from types import SimpleNamespace

import pytest

from evals.core.errors import UserError
from tests.trainer.loops import LOOPS, RL, rewarded
from trainer.rl import rl
from trainer.run.files import read_rows
from trainer.run.loggers import open_loggers


class Recorder:
    """Stands for a SummaryWriter and for a run of W&B."""

    def __init__(self, *where, **how):
        self.where, self.how, self.rows, self.closed = where, how, {}, 0

    def add_scalar(self, key, value, step):
        self.rows.setdefault(step, {})[key] = value

    def log(self, row, step):
        self.rows[step] = row

    def flush(self):
        pass

    def close(self):
        self.closed += 1

    finish = close


@pytest.fixture
def recorders(monkeypatch):
    """What was opened, in order: TensorBoard's writers, runs of W&B."""
    opened = {"tensorboard": [], "wandb": []}

    def opens(kind):
        def make(*where, **how):
            opened[kind].append(Recorder(*where, **how))
            return opened[kind][-1]

        return make

    board = SimpleNamespace(SummaryWriter=opens("tensorboard"))
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", board)
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=opens("wandb")))
    return opened


def test_every_row_goes_to_every_logger_and_each_run_to_a_logger_of_its_own(tmp_path, parent, recorders):
    config = RL.model_copy(update={"log": ("tensorboard", "wandb"), "steps": 2})
    with rewarded():
        for name in ("a", "b"):
            rl(str(parent), config, tmp_path / name, quiet=True)
    for kind in ("tensorboard", "wandb"):
        assert [logger.closed for logger in recorders[kind]] == [1, 1]
        for name, logger in zip(("a", "b"), recorders[kind], strict=True):
            rows = {row.pop("step"): row for row in read_rows(tmp_path / name / "metrics.jsonl")}
            assert logger.rows == rows
    first, second = (logger.how for logger in recorders["wandb"])
    assert first["id"] != second["id"]
    assert first["reinit"] == "create_new"  # else W&B gives the run before, and cells of a study mix


def test_steps_done_again_are_written_anew(tmp_path, recorders):
    open_loggers(["tensorboard"], tmp_path, 7)
    assert recorders["tensorboard"][0].how == {"purge_step": 8}


@pytest.mark.parametrize(("name", "module"), [("wandb", "wandb"), ("tensorboard", "torch.utils.tensorboard")])
def test_a_logger_that_is_not_installed_is_named(tmp_path, monkeypatch, name, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=f"log = {name} needs that package: pip install {name}"):
        open_loggers([name], tmp_path, 0)


def test_without_loggers_nothing_is_opened(tmp_path, parent, recorders):
    LOOPS["sft"](parent, tmp_path / "run")
    assert recorders == {"tensorboard": [], "wandb": []}
