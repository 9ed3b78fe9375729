"""More steps on a finished run, folders that stay free, evaluation in the loop, schedules, loggers, quiet."""

import json
import sys
from types import SimpleNamespace

import pytest

from evals.core.errors import UserError
from tests.trainer.cuts import contents
from tests.trainer.loops import RL, SFT, rewarded
from trainer import rl as reinforcing
from trainer.models.optimizer import cosine
from trainer.parallel import parallel
from trainer.rl import rl
from trainer.run.files import read_rows
from trainer.run.loggers import open_loggers
from trainer.sft import sft

MORE = {
    "rl": (rl, RL.model_copy(update={"steps": 2}), RL.model_copy(update={"steps": 4})),
    "sft": (sft, SFT, SFT.model_copy(update={"epochs": 2})),
}


def changed(config, **fields):
    return config.model_copy(update=fields)


@pytest.mark.parametrize("name", MORE)
def test_a_finished_run_goes_on_as_if_it_had_been_that_long(name, parent, tmp_path):
    """To the byte, but for the checkpoint that the shorter run kept at its end."""
    loop, short, long = MORE[name]
    with rewarded():
        loop(str(parent), short, tmp_path / "more", quiet=True)
        loop(str(parent), long, tmp_path / "more", quiet=True)
        loop(str(parent), long, tmp_path / "whole", quiet=True)
        found, wanted = contents(tmp_path / "more"), contents(tmp_path / "whole")
        assert {k: v for k, v in found.items() if k in wanted} == wanted
        with pytest.raises(UserError, match="holds a run of another configuration"):
            loop(str(parent), short, tmp_path / "more", quiet=True)


def test_a_run_does_not_go_on_past_its_schedule_or_without_its_state(parent, tmp_path):
    with rewarded():
        for name, fields in (("schedule", {"final_lr": 0.1}), ("state", {"keep_state": False})):
            short = changed(RL, steps=2, **fields)
            rl(str(parent), short, tmp_path / name, quiet=True)
            with pytest.raises(UserError, match=r"steps is 2 there, 4 here|kept no state"):
                rl(str(parent), changed(short, steps=4), tmp_path / name, quiet=True)
            assert (tmp_path / name / "DONE").is_file()


def test_options_that_a_run_did_not_have_yet_do_not_make_it_another(parent, tmp_path):
    """As a run of before: fewer keys, and two that are gone; what differs is still named."""
    with rewarded():
        end = rl(str(parent), changed(RL, steps=1), tmp_path / "run", quiet=True)
        file = tmp_path / "run" / "resolved.json"
        old = json.loads(file.read_text())
        for key in ("correction", "chat", "refill", "eval_every", "adapter"):
            del old[key]
        file.write_text(json.dumps(old | {"top_p": 1.0, "top_k": 0}))
        assert rl(str(parent), changed(RL, steps=1), tmp_path / "run", quiet=True) == end
        with pytest.raises(UserError, match="refill is None there, 2 here"):
            rl(str(parent), changed(RL, steps=1, refill=2), tmp_path / "run", quiet=True)


def test_a_start_that_fails_leaves_the_folder_free(parent, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(UserError, match="no prompt of at most"):
        rl(str(parent), changed(RL, max_tokens=512), out, quiet=True)
    assert not out.exists()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reinforcing, "open_sampler", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rl(str(parent), changed(RL, steps=1), out, quiet=True)
    assert not out.exists()
    with rewarded():
        rl(str(parent), changed(RL, steps=1), out, quiet=True)
        with pytest.raises(UserError, match="another configuration"):
            rl(str(parent), changed(RL, max_tokens=512), out, quiet=True)
    assert (out / "DONE").is_file()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty and holds no run"):
        rl(str(parent), RL, tmp_path / "full", quiet=True)
    assert (tmp_path / "full" / "thesis.txt").is_file()


@pytest.mark.parametrize("held", ["[1", "[]", ""])
def test_a_folder_with_a_damaged_configuration_is_named(parent, tmp_path, held):
    (tmp_path / "resolved.json").write_text(held)
    with pytest.raises(UserError, match=r"resolved\.json is no configuration of a run"):
        sft(str(parent), SFT, tmp_path, quiet=True)


def test_problems_too_long_to_be_evaluated_are_said_and_counted(parent, tmp_path, capsys):
    """Seen to fail: left out without a word, so that a rate of some problems stood for all."""
    texts = [f"What is {i} + {i}?" + " Think about it carefully." * 60 * (i > 2) for i in range(5)]
    rows = [json.dumps({"question": text, "answer": "2"}) + "\n" for text in texts]
    (tmp_path / "held.jsonl").write_text("".join(rows))
    held = {"eval_problems": str(tmp_path / "held.jsonl"), "eval_every": 1, "eval_n": 2}
    with rewarded():
        for loop, config in ((rl, RL), (sft, SFT)):
            out = tmp_path / loop.__name__
            loop(str(parent), changed(config, eval_max_tokens=5, **held), out)
            told = "2 prompts of eval_problems of more than 507 tokens are left out (the first: "
            assert capsys.readouterr().err.count(told) == 1
            assert {row["eval_problems"] for row in read_rows(out / "metrics.jsonl")} == {3.0}
    fix = r"at most 0 tokens \(the model's context is 512, eval_max_tokens 512\); lower eval_max_tokens, or"
    with pytest.raises(UserError, match=fix):
        sft(str(parent), changed(SFT, eval_max_tokens=512, **held), tmp_path / "none", quiet=True)


def test_evaluation_changes_no_byte_of_training_and_counts_what_the_samples_say(parent, tmp_path):
    fields = {"eval_every": 2, "eval_n": 4, "eval_limit": 6, "eval_max_tokens": 5}
    with rewarded():
        for name, more in (("plain", {}), ("watched", fields)):
            rl(str(parent), changed(RL, **more), tmp_path / name, quiet=True)
            sft(str(parent), changed(SFT, **more), tmp_path / f"sft-{name}", quiet=True)
    for prefix in ("", "sft-"):
        plain, watched = (contents(tmp_path / f"{prefix}{n}") for n in ("plain", "watched"))
        rows = watched["metrics.jsonl"]
        told = [{k for k in row if k.startswith("eval_")} for row in rows]
        keys = {f"eval_pass@{k}{end}" for k in (1, 2) for end in ("", "_low", "_high")}
        keys.add("eval_problems")
        assert [t == keys for t in told] == [(i + 1) % 2 == 0 for i in range(len(rows))]
        row = rows[1]
        assert 0 <= row["eval_pass@1_low"] <= row["eval_pass@1"] <= row["eval_pass@1_high"] <= 1
        assert [{k: v for k, v in r.items() if not k.startswith("eval_")} for r in rows] == plain[
            "metrics.jsonl"
        ]
        for file in (k for k in plain if k.endswith(("safetensors", "parquet"))):
            assert plain[file] == watched[file]
    with pytest.raises(UserError, match="problems of eval_problems are trained on"):
        rl(str(parent), changed(RL, eval_problems="world:train", **fields), tmp_path / "x", quiet=True)


def test_learning_rates_rise_and_fall_as_asked(parent, tmp_path):
    assert [cosine(s, 100, 0, 1.0) for s in (0, 50, 99)] == [1.0] * 3
    with rewarded():
        rl(str(parent), changed(RL, steps=4, warmup_steps=2, final_lr=0.0), tmp_path / "run", quiet=True)
    rates = [row["lr"] for row in read_rows(tmp_path / "run" / "metrics.jsonl")]
    assert rates == pytest.approx([5e-4, 1e-3, 1e-3, 5e-4])


def test_an_entropy_weight_may_follow_the_steps(parent, tmp_path):
    with rewarded():
        rl(str(parent), changed(RL, entropy=((0, 0.1), (2, 0.0))), tmp_path / "run", quiet=True)
        with pytest.raises(UserError, match=r"rl\.entropy is a number from 0"):
            rl(str(parent), changed(RL, entropy=((2, 0.1), (1, 0.0))), tmp_path / "x", quiet=True)


def test_wandb_without_an_account_is_one_sentence(tmp_path, monkeypatch):
    def refuses(**_):
        raise RuntimeError("api_key not configured (no-tty). call wandb.login(key=[your_api_key])")

    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=refuses))
    with pytest.raises(
        UserError, match=r"W&B does not start \(api_key not configured.*run `wandb login`, or"
    ):
        open_loggers(["wandb"], tmp_path, 0)


def test_quiet_is_quiet(parent, tmp_path, capfd):
    with rewarded():
        for name, quiet in (("loud", False), ("quiet", True)):
            config = changed(RL, steps=1, max_prompt_tokens=60)
            capfd.readouterr()
            rl(str(parent), config, tmp_path / name, quiet=quiet)
            assert bool(capfd.readouterr().err) != quiet


def test_parallel_goes_on_too(parent, tmp_path):
    from tests.trainer.loops import PARALLEL

    with rewarded():
        for steps in (1, 2):
            config = changed(PARALLEL, rl=changed(PARALLEL.rl, steps=steps))
            parallel(str(parent), config, tmp_path / "run", quiet=True)
    assert len(list(read_rows(tmp_path / "run" / "metrics.jsonl"))) == 2
