"""The RL gradient: masks, temperature, groups, aggregation, what is left out. Each fault planted once."""

import math

import pytest
import torch

from evals.core.errors import UserError
from evals.core.keys import derive_seed
from evals.engines.torch_engine import TorchEngine
from evals.records import Request, Sample, SamplingOptions
from tests.trainer.tiny import head, plain
from trainer.algorithms import advantages, policy, with_defaults
from trainer.config.load import load_config
from trainer.config.schema import Compute, OptimizerConfig, RLConfig
from trainer.models.optimizer import adamw, clip
from trainer.rl import checked
from trainer.rollouts.minibatches import learning, minibatches
from trainer.rollouts.rollouts import Rollouts

PLAIN = RLConfig(prompts=3, minibatch=3, n=2, max_tokens=20, kl=0.0)
RAGGED = ((3, (4, 1)), (7, (2, 9)), (5, (6, 3)))  # prompt length, response lengths


def made_up(model, rewards=((1.0, 0.0), (0.0, 1.0), (1.0, 0.0)), groups=RAGGED, temperature=1.0, shift=0.0):
    """Rollouts of random ids with the model's own log-probs at temperature 1, plus `shift`."""
    generator = torch.Generator().manual_seed(7)
    draw = lambda n: tuple(torch.randint(0, 64, (n,), generator=generator).tolist())  # noqa: E731
    prompts, samples = [], []
    for length, responses in groups:
        prompt = draw(length)
        prompts.append(prompt)
        for n in responses:
            ids = draw(n)
            with torch.no_grad():
                logp = plain(model, [*prompt, *ids]).log_softmax(-1)
            own = [float(logp[length - 1 + t, i]) + shift for t, i in enumerate(ids)]
            samples.append(Sample("", ids, tuple(own), "stop"))
    table = torch.tensor(rewards, dtype=torch.float64)
    no = torch.zeros(table.shape, dtype=torch.bool)
    return Rollouts(prompts, samples, table, table == 1, no, [str(i) for i in range(len(prompts))])


def gradient_of(model, batch, config, reference=None):
    """(flat gradient of the first minibatch, its metrics)."""
    model.zero_grad(set_to_none=True)
    minibatch = minibatches(model, batch, config)[0]
    row = policy.gradient(model, reference, minibatch, config)
    return torch.cat([p.grad.flatten() for p in model.parameters()]), row


def passes(size):
    """Passes of so few tokens as no real run would take."""
    return Compute().model_copy(update={"tokens_per_pass": size})


def changed(config, **fields):
    return config.model_copy(update=fields)


@pytest.mark.parametrize("aggregation", ["token-mean", "sequence-mean", "constant"])
def test_the_gradient_is_that_of_the_plain_loop_for_every_cut(model, aggregation):
    """Faults 1, 2, 4, 9 (planted: the mean taken over each pass; the last response token left out)."""
    batch, config = made_up(model), changed(PLAIN, aggregation=aggregation)
    adv = advantages(batch.rewards, config).flatten()
    model.zero_grad()
    lengths = [len(s.token_ids) for s in batch.samples]
    loss = torch.zeros((), dtype=torch.float64)
    for i, sample in enumerate(batch.samples):
        prompt = batch.prompts[i // 2]
        for t, token in enumerate(sample.token_ids):
            logp = plain(model, [*prompt, *sample.token_ids[:t]])[-1].log_softmax(-1)[token]
            weight = {
                "token-mean": 1 / sum(lengths),
                "sequence-mean": 1 / (6 * lengths[i]),
                "constant": 1 / (6 * config.max_tokens),
            }[aggregation]
            loss = loss - weight * adv[i] * (logp - logp.detach()).exp()
    loss.backward()
    wanted = torch.cat([p.grad.flatten() for p in model.parameters()])
    for size in (12, 16384):
        got, row = gradient_of(model, batch, changed(config, compute=passes(size)))
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-13)
        assert row["loss"] == pytest.approx(float(loss.detach()), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("size", "parts"), [(16384, 1), (40, 1), (30, 2), (12, 5)])
def test_a_shared_prompt_changes_what_is_computed_and_not_the_gradient(model, size, parts):
    """Each prompt once a pass, however many of its rollouts are in it.

    Planted and seen to fail: the gradient of a shared prompt taken from one of its places, not summed;
    the first token of a response predicted from the token that stands before it in the stream.
    """
    batch = made_up(model)
    shared, apart = (
        changed(PLAIN, compute=passes(size).model_copy(update={"share_prompts": share}), minibatch=3)
        for share in (True, False)
    )
    wanted, row = gradient_of(model, batch, apart)
    got, own = gradient_of(model, batch, shared)
    torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-13)
    assert own == pytest.approx(row, rel=1e-9, abs=1e-12)
    made = minibatches(model, batch, shared)[0].parts
    assert len(made) == parts
    if parts == 1:
        assert sum(len(p.data.ids) for p in made) == sum(
            len(p) + sum(len(s.token_ids) for s in batch.samples[2 * i : 2 * i + 2])
            for i, p in enumerate(batch.prompts)
        )


@pytest.mark.parametrize("size", [16384, 30, 15])
def test_a_constant_loss_of_one_is_reported_as_one_and_has_the_gradient_by_hand(model, monkeypatch, size):
    """Fault 2: loss 1 and gradient 1 per token in every weight of the head, in 1, 2 and 4 passes or more.

    Planted and seen to fail: divided once more by the number of passes; by each pass's own count.
    """
    batch, weights = made_up(model), head(model)

    def ones(_, __, part, *rest):
        zero = torch.zeros(len(part.data.target), dtype=torch.float64)
        loss = zero + 1 + (weights.sum() - weights.sum().detach())
        return {"loss": loss} | dict.fromkeys(policy.MEASURES[1:], zero)

    monkeypatch.setattr(policy, "_loss", ones)
    minibatch = minibatches(model, batch, changed(PLAIN, compute=passes(size)))[0]
    assert len(minibatch.parts) >= {16384: 1, 30: 2, 15: 4}[size]
    for aggregation, wanted in (("token-mean", 1.0), ("sequence-mean", 1.0), ("constant", 25 / (6 * 20))):
        model.zero_grad(set_to_none=True)
        row = policy.gradient(model, None, minibatch, changed(PLAIN, aggregation=aggregation))
        assert row["loss"] == pytest.approx(wanted, rel=1e-12)
        torch.testing.assert_close(weights.grad, torch.full_like(weights, wanted), rtol=1e-12, atol=0)


def test_four_updates_of_one_batch_use_the_probabilities_that_sampled_it(model):
    """The ratio of a later update is to the first weights (planted: to the present ones, so it stays 1)."""
    batch, config = made_up(model), changed(PLAIN, minibatch=1)
    parts = minibatches(model, batch, config)
    assert len(parts) == 3
    for minibatch in parts:
        for (old, _), part in zip(minibatch.before, minibatch.parts, strict=True):
            torch.testing.assert_close(old.float(), part.sampled, rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        head(model).mul_(3.0)
    row = policy.gradient(model, None, parts[1], changed(config, clip_low=0.01, clip_high=0.01))
    assert row["clipped"] > 0


@pytest.mark.parametrize("temperature", [0.6, 1.0, 1.3])
def test_on_policy_the_trainer_agrees_with_the_sampler(model, tokenizer, temperature):
    """Faults 6 and 15 (planted: log-probs at temperature 1 where rollouts are not; the ratio leaves 1)."""
    model = model.float()
    engine = TorchEngine(model.decoder(), tokenizer, eos_ids=(0,), context=512)
    prompts = [(5, 6, 7), (9, 10, 11, 12)]
    requests = [Request(p, derive_seed(g, i)) for g, p in enumerate(prompts) for i in range(2)]
    samples = engine.sample(requests, SamplingOptions(temperature, 1.0, 0, 12))
    table = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    batch = Rollouts(prompts, samples, table, table == 1, table == 2, ["a", "b"])
    config = changed(PLAIN, prompts=2, minibatch=2, temperature=temperature)
    _, row = gradient_of(model, batch, config)
    assert row["mismatch"] < 1e-5
    part = minibatches(model, batch, changed(config, minibatch=1))[0]
    tempered, plain = part.before[0]
    assert torch.allclose(tempered, plain) == (temperature == 1)


def test_truncated_sampling_is_refused():
    """Fault 7 (planted and seen to fail: top-k let through)."""
    for field in ("top_p=0.9", "top_k=5"):
        with pytest.raises(UserError, match=r"unknown key rl\.top_"):
            load_config(RLConfig, "rl", preset="micro", path=None, overrides=[field])
    with pytest.raises(UserError, match=r"rl.prompts \(3\) must be a multiple of rl.minibatch \(2\)"):
        checked(changed(PLAIN, minibatch=2), "rl")


def test_eos_is_learnt_where_it_was_drawn_and_only_there(model):
    """Fault 8: reward for ending at once makes EOS likelier (planted: EOS cut off the response)."""
    end, prompt = 3, (5, 9, 11)
    model = model.float()
    with torch.no_grad():
        start = float(plain(model, prompt)[-1].softmax(-1)[end])
    samples = [Sample("", (end,), (0.0,), "stop"), Sample("", (8, 8), (0.0, 0.0), "length")]
    table = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    batch = Rollouts([prompt], samples, table, table == 1, table == 2, ["a"])
    config = changed(PLAIN, prompts=1, minibatch=1)
    optimizer = adamw(model, OptimizerConfig(lr=1e-3))
    part = minibatches(model, batch, config)[0].parts[0]
    assert sorted(part.data.target.tolist()) == [end, 8, 8]  # no EOS is put where none was drawn
    gradient_of(model, batch, config)
    optimizer.step()
    with torch.no_grad():
        assert float(plain(model, prompt)[-1].softmax(-1)[end]) > start


def test_equal_prompts_keep_groups_of_their_own(model):
    """Fault 19 (planted: groups keyed by prompt ids)."""
    batch = made_up(model, groups=((4, (2, 2)), (4, (2, 2)), (4, (2, 2))))
    same = Rollouts(
        [batch.prompts[0]] * 3, batch.samples, batch.rewards, batch.correct, batch.limits, batch.ids
    )
    assert [same.group(i) for i in range(6)] == [0, 0, 1, 1, 2, 2]
    adv = advantages(same.rewards, PLAIN)
    torch.testing.assert_close(adv.sum(1), torch.zeros(3, dtype=torch.float64), atol=1e-12, rtol=0)


def test_a_group_learns_where_any_of_its_rewards_differs():
    """Planted and seen to fail: only where all advantages differ from zero."""
    rewards = torch.tensor([[1.0, 0.5, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
    assert learning(rewards, changed(PLAIN, n=3)).tolist() == [True, False, True]
    assert learning(rewards, changed(PLAIN, n=3, kl=0.1)).all()


@pytest.mark.parametrize("keep", [True, False])
def test_groups_without_signal_stay_in_the_denominator_or_not(model, keep):
    """Faults 18 and 24: the others' advantages stay theirs.

    Planted and seen to fail: dropped groups still counted; advantages taken in the order of what is left.
    """
    rewards = ((1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    config = changed(PLAIN, keep_zero_variance=keep)
    minibatch = minibatches(model, made_up(model, rewards), config)[0]
    assert minibatch.tokens == (25 if keep else 14)
    assert minibatch.sequences == (6 if keep else 4)
    assert minibatch.signal
    got, _ = gradient_of(model, made_up(model, rewards), config)
    whole, rows = made_up(model, rewards), [0, 2]
    without = Rollouts(
        [whole.prompts[i] for i in rows],
        [whole.samples[i] for i in (0, 1, 4, 5)],
        *(values[rows] for values in (whole.rewards, whole.correct, whole.limits)),
        ["0", "2"],
    )
    wanted, _ = gradient_of(model, without, changed(config, prompts=2, minibatch=2))
    torch.testing.assert_close(got * (25 / 14 if keep else 1), wanted, rtol=1e-10, atol=1e-14)
    flat = made_up(model, ((1.0, 1.0),) * 3)
    gradient, row = gradient_of(model, flat, config)
    assert row["signal"] == 0
    assert not gradient.any()


def test_without_signal_fresh_adam_moves_by_weight_decay_only(model):
    """Fault 24 (planted: a group's own rounding error as its advantage)."""
    assert not advantages(torch.full((1, 3), 0.1, dtype=torch.float64), changed(PLAIN, n=3)).any()
    batch = made_up(model, ((0.1, 0.1),) * 3)
    optimizer = adamw(model, OptimizerConfig(lr=0.1, weight_decay=0.5))
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    gradient_of(model, batch, PLAIN)
    optimizer.step()
    for name, p in model.named_parameters():
        decayed = before[name] * (1 - 0.1 * 0.5) if p.ndim > 1 else before[name]
        torch.testing.assert_close(p.detach(), decayed, rtol=1e-12, atol=0)


@pytest.mark.parametrize("bad", [float("nan"), float("-inf")])
def test_a_token_without_a_finite_sampler_probability_leaves_loss_and_denominator(model, bad):
    """Fault 28 (planted: only the loss masked, the count kept)."""
    batch = made_up(model)
    first = batch.samples[0]
    broken = Sample(first.text, first.token_ids, (bad, *first.logprobs[1:]), first.finish_reason)
    hurt = Rollouts(
        batch.prompts,
        [broken, *batch.samples[1:]],
        batch.rewards,
        batch.correct,
        batch.limits,
        batch.ids,
    )
    gradient, row = gradient_of(model, hurt, PLAIN)
    assert row["nonfinite"] == 1
    assert minibatches(model, hurt, PLAIN)[0].tokens == 24
    assert gradient.isfinite().all()
    assert math.isfinite(row["loss"])


def test_small_steps_change_nearly_all_weights(model):
    """Fault 16 in fp32, clipped; with layers in bf16, and what was planted: test_precision."""
    model = model.float()
    optimizer = adamw(model, OptimizerConfig(lr=1e-6))
    before = [p.detach().clone() for p in model.parameters()]
    gradient_of(model, made_up(model), PLAIN)
    clip(model, 1.0)
    optimizer.step()
    moved = total = 0
    for p, old in zip(model.parameters(), before, strict=True):
        touched = p.grad != 0
        moved += int((p.detach() != old)[touched].sum())
        total += int(touched.sum())
    assert moved / total > 0.99


def test_accumulated_passes_are_one_step(model):
    """Fault 3: parameters and both moments (planted: the first pass dropped)."""
    from copy import deepcopy

    ends = []
    for size in (12, 16384):
        twin = deepcopy(model)
        optimizer = adamw(twin, OptimizerConfig(lr=1e-2))
        gradient_of(twin, made_up(model), changed(PLAIN, compute=passes(size)))
        optimizer.step()
        states = [optimizer.state[p] for p in twin.parameters()]
        ends.append(
            [p.detach() for p in twin.parameters()]
            + [s[key] for s in states for key in ("exp_avg", "exp_avg_sq")]
        )
    for a, b in zip(*ends, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-14)


def test_algorithms_take_their_own_numbers_unless_told_otherwise():
    assert with_defaults(RLConfig(algorithm="dapo")).clip_high == 0.28
    assert with_defaults(RLConfig(algorithm="dapo", clip_high=0.3)).clip_high == 0.3
    assert not with_defaults(RLConfig(algorithm="dapo")).keep_zero_variance
    rewards = torch.tensor([[1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    rloo = advantages(rewards, RLConfig(algorithm="rloo", n=4))
    assert rloo[0].tolist() == pytest.approx([1.0, -1 / 3, -1 / 3, -1 / 3])  # minus the others' mean
    dr = with_defaults(RLConfig(algorithm="dr-grpo", n=4))
    assert advantages(rewards, dr)[0].tolist() == pytest.approx([0.75, -0.25, -0.25, -0.25])
    assert dr.aggregation == "constant"
