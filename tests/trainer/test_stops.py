"""What stops a run, and that nothing is lost: numbers that are none, memory, a full disk, silent rewards."""

import errno
import os

import pytest
import torch

from evals.checkpoints import open_checkpoint
from evals.errors import UserError
from tests.trainer.cuts import contents
from tests.trainer.loops import LOOPS, PRETRAIN, RL
from trainer import pretrain as pretraining
from trainer import rollouts, stops
from trainer.checkpoint import Lineage, load_parent, new_model, save_checkpoint
from trainer.config import ModelConfig
from trainer.rl import rl
from trainer.sinks import open_sinks


def test_a_loss_that_is_no_number_keeps_the_last_checkpoint_and_names_step_and_batch(
    tmp_path, monkeypatch, parent
):
    out, real, seen = tmp_path / "run", pretraining.add_gradient, []

    def breaks(*args):
        seen.append(1)
        return float("nan") if len(seen) == 4 else real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(pretraining, "add_gradient", breaks)
        with pytest.raises(UserError, match=r"loss is not a finite number at step 4 \(documents \d+ to"):
            LOOPS["pretrain"](parent, out)
    assert open_checkpoint(str(min(out.glob("step-*")))).lineage["recipe"] == "base"
    LOOPS["pretrain"](parent, out)  # goes on from the state of step 3
    LOOPS["pretrain"](parent, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_out_of_memory_names_the_knob():
    with pytest.raises(UserError, match="out of memory; lower rows"), stops.memory("rows (now 4)"):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")
    with pytest.raises(RuntimeError, match="other"), stops.memory("rows"):
        raise RuntimeError("other")


def test_a_full_disk_while_saving_loses_nothing(tmp_path, monkeypatch, parent):
    out, real, saves = tmp_path / "run", torch.save, []

    def full(state, stream):
        saves.append(1)
        if len(saves) == 3:
            stream.write(b"half")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(state, stream)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(OSError, match="No space left"):
            LOOPS["pretrain"](parent, out)
    LOOPS["pretrain"](parent, out)
    LOOPS["pretrain"](parent, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


def test_silent_rewards_are_said_once_an_epoch_and_training_goes_on(tmp_path, capsys, parent, monkeypatch):
    monkeypatch.setattr(rollouts, "reward_of", lambda *_: (0.0, False, False))
    rl(str(parent), RL, tmp_path / "run", quiet=True)
    assert capsys.readouterr().err.count("all rewards of a whole epoch were equal") == 1
    assert (tmp_path / "run" / "DONE").is_file()


def test_a_tokenizer_that_does_not_fit_the_model_is_refused(tmp_path, tokenizer):
    small = new_model(ModelConfig(hidden_size=32, intermediate_size=48, layers=1, heads=2), 300, 0)
    lineage = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {})
    save_checkpoint(tmp_path / "c", small, tokenizer, lineage)
    with pytest.raises(UserError, match="has 400 entries and the model 300"):
        load_parent(open_checkpoint(str(tmp_path / "c")))


def test_prompts_that_leave_no_room_are_named(tmp_path, parent):
    with pytest.raises(UserError, match="has no prompt of at most 0 tokens"):
        rl(str(parent), RL.model_copy(update={"max_tokens": 512}), tmp_path / "run", quiet=True)
