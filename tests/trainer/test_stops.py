"""What stops a run, and that nothing is lost: numbers that are none, memory, a full disk, silent rewards."""

import errno
import os
import sys

import pytest
import torch
from safetensors.torch import load_file

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from evals.engines.decoders import Olmo2Decoder
from evals.models.olmo2 import Olmo2
from tests.trainer.cuts import contents
from tests.trainer.loops import LOOPS, RL, SFT
from trainer import pretrain as pretraining
from trainer.cli import main
from trainer.config.schema import ModelConfig
from trainer.models.checkpoint import Lineage, load_parent, save_checkpoint
from trainer.models.native import new_model
from trainer.rl import rl
from trainer.rollouts import rewards
from trainer.run import guards as stops
from trainer.run.files import read_rows, write_folder
from trainer.sft import sft


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


@pytest.mark.parametrize("name", ["sft", "rl", "parallel"])
def test_every_loop_stops_at_a_loss_that_is_no_number_and_names_the_batch(
    name, tmp_path, monkeypatch, parent
):
    """Planted and seen to fail: the check left out, which writes a checkpoint of NaN."""
    original = stops.check_finite
    module = sys.modules[f"trainer.{name}"]
    monkeypatch.setattr(module, "check_finite", lambda step, _, *rest: original(step, float("nan"), *rest))
    with pytest.raises(
        UserError,
        match=r"the loss is not a finite number at step 1 \(problems [0-9a-f ]+( to [0-9a-f]+)?\); lower "
        r"optimizer\.lr \(the last checkpoint and state are kept\)",
    ):
        LOOPS[name](parent, tmp_path / "run")
    assert not list((tmp_path / "run").glob("step-*"))


@pytest.mark.parametrize(
    ("name", "knob"),
    [
        ("pretrain", r"compute\.tokens_per_pass \(now \d+\)"),
        ("sft", r"compute\.tokens_per_pass \(now \d+\)"),
        ("rl", r"rows \(now \d+\)"),
        ("update", r"compute\.tokens_per_pass \(now \d+\)"),
    ],
)
def test_out_of_memory_names_the_knob(name, knob, tmp_path, monkeypatch, parent):
    """In the pass of each loop, and in sampling (planted and seen to fail: sampling outside `memory`)."""

    def exhausted(*_):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")

    where = Olmo2Decoder if name == "rl" else Olmo2
    monkeypatch.setattr(where, "prefill" if name == "rl" else "forward", exhausted)
    with pytest.raises(
        UserError, match=rf"out of memory; lower {knob} \(the last checkpoint and state are kept"
    ):
        LOOPS[{"update": "rl"}.get(name, name)](parent, tmp_path / "run")


def test_other_errors_are_not_taken_for_memory():
    with pytest.raises(RuntimeError, match="other"), stops.memory("rows"):
        raise RuntimeError("other")


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("", r"\.jsonl has no problems; give a file or split with at least one"),
        (
            '{"words": "x", "mark": 1}\n',
            r"\.jsonl line 1 has columns words, mark, and which hold question and answer is not clear; name",
        ),
    ],
)
@pytest.mark.parametrize("name", ["sft", "rl"])
def test_problems_without_rows_or_columns_are_named(name, rows, sentence, tmp_path, parent):
    file = tmp_path / "problems.jsonl"
    file.write_text(rows)
    loop, config = {"sft": (sft, SFT), "rl": (rl, RL)}[name]
    with pytest.raises(UserError, match=sentence):
        loop(str(parent), config.model_copy(update={"problems": str(file)}), tmp_path / "run", quiet=True)


def test_a_full_disk_is_one_sentence_whatever_library_meets_it(tmp_path, monkeypatch, capsys):
    """As tokenizers, numpy and torch say it on a disk that is full (planted: their errors as they are)."""
    for words in (Exception("No space left on device (os error 28)"), OSError("9 requested and 4 written")):

        def full(folder, words=words):
            raise words

        monkeypatch.setattr("trainer.pretrain.pretrain", lambda *_, **__: write_folder(tmp_path / "x", full))
        monkeypatch.setattr(sys, "argv", ["trainer", "pretrain", "--out", str(tmp_path / "run")])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        sentence = (
            f"error: no space left on the disk (writing {tmp_path / 'x'}); free or allow some, start again\n"
        )
        assert capsys.readouterr().err == sentence
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_while_saving_loses_nothing(tmp_path, monkeypatch, parent):
    out, real, saves = tmp_path / "run", torch.save, []

    def full(state, stream):
        saves.append(1)
        if len(saves) == 3:
            try:
                stream.write(b"half")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                raise RuntimeError("unexpected pos 5376 vs 5270")  # as torch does
        real(state, stream)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(OSError, match=r"No space left on device: '.*state/step-00000003\.pt'"):
            LOOPS["pretrain"](parent, out)
    LOOPS["pretrain"](parent, out)
    LOOPS["pretrain"](parent, tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")


@pytest.mark.parametrize("moves", [True, False])
def test_silent_rewards_are_said_once_an_epoch_and_training_goes_on(
    moves, tmp_path, capsys, parent, monkeypatch
):
    """Fault 24: whether Adam moves without a signal is an option, and in every row.

    Planted and seen to fail: always a step; the silence never counted.
    """
    monkeypatch.setattr(rewards, "reward_of", lambda *_: (0.0, False, False))
    decays = RL.optimizer.model_copy(update={"weight_decay": 0.5})
    config = RL.model_copy(update={"kl": 0.0, "optimizer": decays, "step_without_signal": moves})
    end = rl(str(parent), config, tmp_path / "run")
    sentence = "all rewards of a whole epoch were equal within their groups: nothing to learn; going on"
    assert capsys.readouterr().err.count(sentence) == 1
    rows = list(read_rows(tmp_path / "run" / "metrics.jsonl"))
    assert [row["moved"] for row in rows] == [float(moves)] * 3
    assert [row["signal"] for row in rows] == [0.0] * 3
    before, after = (load_file(folder / "model.safetensors") for folder in (parent, end))
    same = {name: torch.equal(weight, after[name]) for name, weight in before.items()}
    assert set(same.values()) == ({True, False} if moves else {True})
    for name, weight in before.items():  # six updates, decay on matrices only
        wanted = weight * (1 - 1e-3 * 0.5) ** 6 if moves and weight.ndim > 1 else weight
        torch.testing.assert_close(after[name], wanted, rtol=1e-6, atol=0)


def test_a_tokenizer_that_does_not_fit_the_model_is_refused(tmp_path, tokenizer):
    small = new_model(ModelConfig(hidden_size=32, intermediate_size=48, layers=1, heads=2), 300, 0)
    lineage = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {})
    save_checkpoint(tmp_path / "c", small, tokenizer, lineage)
    with pytest.raises(
        UserError,
        match="has 400 entries and the model 300; use the tokenizer that the model",
    ):
        load_parent(open_checkpoint(str(tmp_path / "c")))


def test_prompts_that_leave_no_room_are_named(tmp_path, parent):
    with pytest.raises(UserError, match="has no prompt of at most 0 tokens"):
        rl(str(parent), RL.model_copy(update={"max_tokens": 512}), tmp_path / "run", quiet=True)
