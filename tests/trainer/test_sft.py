"""SFT: what is learnt from, what counts in the loss."""

import json

import numpy as np
import pytest
import torch

from evals.asking import Asking
from evals.checkpoints.checkpoint import open_checkpoint
from evals.checkpoints.config import eos_ids
from evals.core.errors import UserError
from evals.engines.decoders import Olmo2Decoder
from evals.engines.torch_engine import TorchEngine
from evals.problems import ProblemSet
from evals.records import Problem
from evals.sampling.cell import draw_cell
from evals.store import SampleStore
from tests.trainer.tiny import plain
from trainer import sft
from trainer.config.schema import Compute, OptimizerConfig, RLConfig, SFTConfig
from trainer.data import demonstrations
from trainer.data.demonstrations import (
    Demonstration,
    batch_at,
    solutions_of,
    steps_of,
    training_demonstrations,
)
from trainer.data.prompts import training_problems, training_prompts
from trainer.distributed import ranks as distributed
from trainer.models.checkpoint import load_parent
from trainer.rl import rl
from trainer.run.files import read_rows

SMALL = SFTConfig(
    template="world",
    optimizer=OptimizerConfig(lr=1e-3),
    limit=7,
    batch=3,
    epochs=2,
    save_every=2,
    checkpoint_every=3,
)
CPU = torch.device("cpu")


@pytest.fixture
def engine(parent):
    found = open_checkpoint(str(parent))
    model, tokenizer = load_parent(found)
    return TorchEngine(Olmo2Decoder(model), tokenizer, eos_ids=eos_ids(found, tokenizer), context=512)


def made_up(lengths=((4, 9), (30, 3), (12, 14), (2, 1), (9, 11))):
    """Demonstrations of random ids below 64, (prompt, response) lengths given."""
    rng = np.random.default_rng(4)
    return [
        Demonstration(str(i), tuple(rng.integers(0, 64, p).tolist()), rng.integers(0, 64, r).astype(np.int32))
        for i, (p, r) in enumerate(lengths)
    ]


def plain_loop(model, batch):
    """Mean over all response tokens, one token at a time: the definition."""
    losses = []
    for shown in batch:
        for t in range(len(shown.prompt), len(shown)):
            logits = plain(model, shown.ids[:t])[-1]
            losses.append(-logits.log_softmax(-1)[shown.ids[t]])
    return torch.stack(losses).mean()


def gradients(model):
    return torch.cat([p.grad.flatten() for p in model.parameters()])


@pytest.mark.parametrize("size", [12, 16384])
def test_loss_and_gradient_are_the_plain_loop_over_responses(model, size):
    """Faults 1, 8, 9 in float64: one mean over all response tokens, EOS (the last id) included.

    Planted and seen to fail: each pass divided by its own tokens; the last response id left out; the
    prompt's last token counted.
    """
    batch = made_up()
    model.zero_grad()
    expected = plain_loop(model, batch)
    expected.backward()
    wanted = gradients(model).clone()
    model.zero_grad()
    loss = sft.gradient(
        model,
        batch,
        SMALL.model_copy(update={"compute": Compute().model_copy(update={"tokens_per_pass": size})}),
    )
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    torch.testing.assert_close(gradients(model), wanted, rtol=1e-10, atol=1e-14)


def test_shares_of_two_ranks_add_up_to_one_process(model, monkeypatch):
    """Faults 1 and 25 over ranks, one without any work (planted and seen to fail: each rank's own count)."""
    for batch in (made_up(), made_up()[:1]):
        model.zero_grad()
        whole = sft.gradient(model, batch, SMALL)
        wanted, total = gradients(model).clone(), 0.0
        model.zero_grad()
        for rank in (0, 1):
            with monkeypatch.context() as patch:
                patch.setattr(distributed, "rank", lambda rank=rank: rank)
                patch.setattr(distributed, "world", lambda: 2)
                patch.setattr(distributed, "sum_gradients", lambda parameters: None)
                patch.setattr(distributed, "sum_over_ranks", lambda value: value)
                total += sft.gradient(model, batch, SMALL)
        assert total == pytest.approx(whole, rel=1e-12)
        torch.testing.assert_close(gradients(model), wanted, rtol=1e-10, atol=1e-14)


def test_prompt_ids_of_sft_rl_and_evaluation_are_equal(engine, tmp_path, monkeypatch):
    """Fault 10 (planted and seen to fail: an exemplar before the question; the prompt ended by a space)."""
    shown = training_demonstrations(SMALL, engine.tokenizer, engine.context)
    asked = training_prompts(
        RLConfig(template="world", limit=7, max_tokens=64), engine.tokenizer, engine.context
    )
    problems, prompts = asked.problems, asked.ids
    assert [d.problem for d in shown] == [p.id for p in problems]
    assert [d.prompt for d in shown] == prompts
    asked = {}
    real = TorchEngine.sample

    def spy(self, requests, options):
        asked["prompts"] = [r.prompt_ids for r in requests]
        return real(self, requests, options)

    monkeypatch.setattr(TorchEngine, "sample", spy)
    evaluated = ProblemSet("world", "0", tuple(problems))
    draw_cell(engine, evaluated, Asking("world", 0, False, max_tokens=1), 1, SampleStore(tmp_path / "s"), "c")
    assert sorted(asked["prompts"]) == sorted(prompts)


def test_a_response_is_the_solution_as_exemplars_show_it_then_eos(engine):
    """Faults 8 and 10 (planted and seen to fail: no EOS; the space after the prompt lost)."""
    shown = training_demonstrations(SMALL, engine.tokenizer, engine.context)
    for d, problem in zip(shown, training_problems(SMALL).problems, strict=True):
        *body, end = d.response.tolist()
        assert end == engine.tokenizer.eos_token_id
        assert engine.tokenizer.decode(body) in {f" {s.strip()}" for s in problem.solutions}


def test_one_demonstration_is_drawn_by_seed_and_problem_alone():
    """Planted and seen to fail: the draw without the problem in its key; without the seed."""
    few, many = (training_problems(SMALL.model_copy(update={"limit": n})).problems for n in (SMALL.limit, 60))
    drawn = {p.id: solutions_of(p, SMALL) for p in many}
    assert all(len(s) == 1 for s in drawn.values())
    assert all(drawn[p.id] == solutions_of(p, SMALL) for p in few)
    other = [solutions_of(p, SMALL.model_copy(update={"seed": 1})) for p in many]
    assert 0 < sum(a == b for a, b in zip(drawn.values(), other, strict=True)) < 30
    places = {p.solutions.index(drawn[p.id][0]) for p in many}
    assert len(places) >= 5
    gold = SMALL.model_copy(update={"demonstrations": "all"})
    assert all(solutions_of(p, gold) == p.solutions for p in many)


def test_every_epoch_shows_all_once_in_an_order_of_its_own_and_batches_are_full():
    shown = made_up()
    config = SMALL.model_copy(update={"batch": 2, "epochs": 3})
    batches = [batch_at(shown, config, step) for step in range(steps_of(5, config))]
    assert [len(b) for b in batches] == [2] * 8
    seen = [d.problem for b in batches for d in b]
    epochs = [seen[at : at + 5] for at in (0, 5, 10)]
    assert [sorted(e) for e in epochs] == [list("01234")] * 3
    assert epochs[0] != epochs[1] != epochs[2]


def test_what_cannot_be_learnt_from_is_left_out_and_named(engine, monkeypatch, capsys):
    mute = Problem.make("What is 1 + 1?", "2")
    problems = [mute, *training_problems(SMALL).problems]
    monkeypatch.setattr(
        demonstrations, "training_problems", lambda *_, **__: ProblemSet("", "", tuple(problems))
    )
    lengths = sorted(len(d) for d in training_demonstrations(SMALL, engine.tokenizer, engine.context))
    assert f"1 problems without solutions are left out (the first is {mute.id})" in capsys.readouterr().err
    kept = training_demonstrations(
        SMALL.model_copy(update={"max_tokens": lengths[-2]}), engine.tokenizer, engine.context
    )
    assert sorted(map(len, kept)) == lengths[:-1]
    assert f"1 demonstrations longer than {lengths[-2]} tokens" in capsys.readouterr().err
    with pytest.raises(UserError, match="no demonstration of at most 5 tokens"):
        training_demonstrations(SMALL.model_copy(update={"max_tokens": 5}), engine.tokenizer, engine.context)
    monkeypatch.setattr(demonstrations, "training_problems", lambda *_, **__: ProblemSet("", "", (mute,)))
    with pytest.raises(UserError, match="no worked solutions"):
        training_demonstrations(SMALL, engine.tokenizer, engine.context)


def test_problems_beyond_the_limit_and_steps_of_more_than_there_are_are_said(engine, tmp_path, capsys):
    """Seen to fail: of a file of more than 20,000 problems the rest was left out without a word, and ten
    demonstrations for five epochs were one step."""
    rows = [
        {"question": f"What is {i} + 1?", "answer": str(i + 1), "solution": "so"} for i in (1, 2, 3, 4, 4)
    ]
    file = tmp_path / "own.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = SMALL.model_copy(update={"problems": str(file), "limit": 3, "batch": 8})
    assert len(training_demonstrations(config, engine.tokenizer, engine.context)) == 3
    said = capsys.readouterr().err
    assert (
        f"the first 3 problems of {file} are trained on: 1 further problems are left out; raise limit" in said
    )
    assert "3 demonstrations, of which a step takes 8: some stand in it more than once" in said
    rl = RLConfig(problems=str(file), max_tokens=8, prompts=4, minibatch=4)
    assert len(training_prompts(rl, engine.tokenizer, engine.context, quiet=True).ids) == 4
    assert not capsys.readouterr().err
    training_prompts(rl, engine.tokenizer, engine.context)
    assert not capsys.readouterr().err


def test_the_loss_falls_and_rows_say_what_was_seen(tmp_path, parent):
    out = tmp_path / "run"
    eager = SMALL.model_copy(update={"epochs": 8, "optimizer": OptimizerConfig(lr=1e-2)})
    sft.sft(str(parent), eager, out, quiet=True)
    rows = list(read_rows(out / "metrics.jsonl"))
    assert [row["epoch"] for row in rows] == [step * 3 // 7 for step in range(19)]
    assert rows[-1]["loss"] < rows[0]["loss"] - 0.5


def test_a_loss_that_is_no_number_stops_and_names_the_step(tmp_path, parent, monkeypatch):
    monkeypatch.setattr(sft, "gradient", lambda *_: float("nan"))
    with pytest.raises(UserError, match=r"not a finite number at step 1 \(problems"):
        sft.sft(str(parent), SMALL, tmp_path / "run", quiet=True)
    assert not list((tmp_path / "run").glob("step-*"))


def test_recipes_are_in_the_lineage_and_rl_goes_on_from_them(tmp_path, parent):
    gold = SMALL.model_copy(update={"demonstrations": "all", "limit": 2, "epochs": 1, "batch": 20})
    end = sft.sft(str(parent), gold, tmp_path / "gold", quiet=True)
    lineage = json.loads((end / "lineage.json").read_text())
    assert lineage["recipe"] == "sft-gold"
    assert lineage["parent"] == open_checkpoint(str(parent)).weights
    few = RLConfig(steps=1, prompts=2, minibatch=2, n=2, max_tokens=2, limit=5, kl=0.0)
    after = rl(str(end), few, tmp_path / "rl", quiet=True)
    assert json.loads((after / "lineage.json").read_text())["recipe"] == "sft-gold-rl"
