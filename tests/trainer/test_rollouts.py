"""Rollouts: ids in and ids out, the weights of the moment, groups by place, a reward that is never late."""

import multiprocessing
import threading

import pandas as pd
import pytest
import torch

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.keys import derive_seed
from evals.records import Problem, Request, Sample, SamplingOptions
from tests.trainer.loops import RL
from tests.trainer.tiny import head
from trainer.models.native import load_native
from trainer.models.wrapped import load_wrapped
from trainer.rollouts import rewards, rollouts
from trainer.rollouts.minibatches import minibatches
from trainer.rollouts.sampler import open_policy_engine

HOSTILE = {
    "tower": r"\boxed{9^{9^{9^{9^{9}}}}}",
    "factorials": r"\boxed{99999999!!!!}",
    "nesting": r"\boxed{" + "(" * 5000 + "1" + ")" * 5000 + "}",
    "boxes": r"\boxed{" * 3000 + "1" + "}" * 3000,
    "digits": r"\boxed{" + "1" * 200_000 + "}",
    "binomial": r"\boxed{\binom{10^{9}}{5\cdot 10^{8}}}",
}
LOADS = [lambda found, _: load_native(found), load_wrapped]
GOLDS = ("17", r"\frac{3}{4}", r"\{1,2,3\}", r"x^2+1", r"(0,1]")


class Answers:
    """An engine that gives the same answer to everything."""

    def __init__(self, tokenizer, text, ids):
        self.tokenizer, self.answer = tokenizer, Sample(text, ids, (-1.0,) * len(ids), "length")

    def encode(self, text):
        return tuple(self.tokenizer(text)["input_ids"])

    def sample(self, requests, options):
        return [self.answer for _ in requests]


def test_training_ids_are_the_sampled_ids(tmp_path, model, tokenizer):
    """Fault 11: what is trained on and saved is what was drawn, also where its text is tokenized otherwise.

    Planted and seen to fail: ids of the decoded text, in the rollouts; and in the saved file alone.
    """
    ids = tuple(tokenizer.convert_tokens_to_ids(list("apple")))  # letters, never so by the tokenizer
    assert tuple(tokenizer("apple")["input_ids"]) != ids
    config = RL.model_copy(update={"prompts": 1, "minibatch": 1})
    engine = Answers(tokenizer, "apple", ids)
    batch = rollouts.collect(engine, [Problem.make("q", "1")], [(3, 4)], config, 0)
    assert batch.sequence(0) == (3, 4, *ids)
    (minibatch,) = minibatches(model, batch, config)
    assert [i for part in minibatch.parts for i in part.data.target.tolist()] == [*ids] * RL.n
    rollouts.save(tmp_path, 1, batch)
    saved = pd.read_parquet(tmp_path / "step-000001.parquet")
    assert [tuple(row) for row in saved["token_ids"]] == [ids] * RL.n


@pytest.mark.parametrize("load", LOADS)
def test_the_sampler_has_the_weights_of_the_last_update(load, parent, tokenizer):
    """Fault 17: one token forced in the head, then another (planted: fused weights kept between prefills)."""
    found = open_checkpoint(str(parent))
    model = load(found, tokenizer)
    engine, sync = open_policy_engine(model, tokenizer, found, RL)
    requests = [Request((5, 6, 7), derive_seed("w", i)) for i in range(6)]
    for token in (9, 11):
        force(model, token)
        sync()
        samples = engine.sample(requests, SamplingOptions(1.0, 1.0, 0, 3))
        assert {t for s in samples for t in s.token_ids} == {token}
    with torch.no_grad():  # and what is inside the layers: not only the head is new
        new = torch.Generator().manual_seed(0)
        for weight in model.parameters():
            weight.normal_(generator=new) if weight.ndim > 1 else weight.fill_(1.0)
    sync()
    samples = engine.sample(requests, SamplingOptions(1.0, 1.0, 0, 3))
    scored = engine.score([r.prompt_ids for r in requests], [s.token_ids for s in samples])
    for sample, row in zip(samples, scored, strict=True):
        assert sample.logprobs == pytest.approx(row, abs=1e-4)


@torch.no_grad()
def force(model, token):
    """Weights under which every next token is `token`: all that the head sees is the last embedding."""
    inner = getattr(model, "inner", model)
    inner.model.norm.weight.fill_(1.0)
    inner.lm_head.weight.zero_()
    for layer in inner.model.layers:
        layer.post_attention_layernorm.weight.zero_()
        layer.post_feedforward_layernorm.weight.zero_()
    inner.model.embed_tokens.weight.fill_(1.0)
    inner.lm_head.weight[token] = 10.0


@pytest.mark.parametrize("load", LOADS)
def test_a_group_has_samples_of_its_own_and_equal_prompts_keep_their_groups(load, parent, tokenizer):
    """Faults 19 and 20, through the engine: a nearly uniform model, one prompt twice in a batch.

    Planted and seen to fail: one seed for a group; one seed for equal prompts; groups merged by prompt.
    """
    found = open_checkpoint(str(parent))
    model = load(found, tokenizer)
    with torch.no_grad():
        head(model).mul_(0.01)
    engine, _ = open_policy_engine(model, tokenizer, found, RL)
    config = RL.model_copy(update={"prompts": 2, "minibatch": 2, "n": 16, "max_tokens": 2})
    problems = [Problem.make("q", "1"), Problem.make("q", "2")]
    batch = rollouts.collect(engine, problems, [(5, 6, 7)] * 2, config, 0)
    assert [batch.group(i) for i in range(32)] == [0] * 16 + [1] * 16
    first = [s.token_ids[0] for s in batch.samples]
    assert len(set(first[:16])) > 1
    assert first[:16] != first[16:]


def earned(texts, golds=GOLDS):
    """(reward of each hostile text, reward of each gold in a box, verdicts given up at a limit)."""
    got = [rewards.reward_of(Problem.make("q", "17"), Sample(t, (), (), "stop"), RL) for t in texts]
    own = [
        rewards.reward_of(Problem.make("q", g), Sample(f"So \\boxed{{{g}}}.", (), (), "stop"), RL)
        for g in golds
    ]
    return [g[0] for g in got], [g[0] for g in own], sum(g[2] for g in got)


def in_process(texts):
    """In a forked process, whose main thread is this one's copy; SIGALRM and signal handlers are its own."""
    reading, writing = multiprocessing.get_context("fork").Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=lambda: writing.send(earned(texts)))
    child.start()
    assert reading.poll(60), "the reward did not come back"
    child.join()
    return reading.recv()


def in_thread(texts):
    found = []
    thread = threading.Thread(target=lambda: found.append(earned(texts)), daemon=True)
    thread.start()
    thread.join(60)
    assert found, "the reward did not come back"
    return found[0]


@pytest.mark.parametrize("where", [earned, in_thread, in_process])
def test_the_reward_comes_back_everywhere_and_is_one_for_the_gold(where):
    """Fault 22: from the main thread, a worker thread, another process alike; what was given up is counted.

    Planted and seen to fail: a deadline by signal.alarm, which a thread may not set; limits not counted.
    """
    texts = list(HOSTILE.values())
    hostile, own, limits = where(texts)
    assert hostile == [0.0] * len(texts)
    assert own == [1.0] * len(GOLDS)
    assert limits >= 3


def test_what_the_verifier_gave_up_and_its_errors_are_counted_in_the_metrics(monkeypatch, tokenizer):
    """Fault 22 (planted and seen to fail: errors taken for wrong answers and not counted)."""
    config = RL.model_copy(update={"prompts": 1, "minibatch": 1})
    for text, count in ((HOSTILE["digits"], RL.n), (r"\boxed{5}", 0)):
        engine = Answers(tokenizer, text, (5, 6))
        batch = rollouts.collect(engine, [Problem.make("q", "17")], [(3,)], config, 0)
        assert rollouts.describe(batch)["verifier_limits"] == count

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("evals.verify.decide._parsed", broken)
    engine = Answers(tokenizer, r"\boxed{5 + \pi}", (5, 6))
    batch = rollouts.collect(engine, [Problem.make("q", "17x")], [(3,)], config, 0)
    assert rollouts.describe(batch)["verifier_limits"] == RL.n
    assert not batch.rewards.any()
