"""Parallel averaging: the step against its definition, the loop against RL and SFT alone."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from evals.core.errors import UserError
from tests.trainer.loops import rewarded
from tests.trainer.tiny import KINDS, trainable
from trainer import parallel as averaging
from trainer.algorithms.loss import token_losses
from trainer.config.load import load_config
from trainer.config.schema import (
    AdapterConfig,
    OptimizerConfig,
    ParallelConfig,
    RLConfig,
    SFTConfig,
    value_at,
)
from trainer.models.stream import stream
from trainer.parallel import Branch, parallel, parallel_step
from trainer.rl import rl
from trainer.rollouts import rewards
from trainer.run.files import read_rows
from trainer.sft import sft

CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def _rewards():
    with rewarded():
        yield


SMALL = ParallelConfig(
    rl=RLConfig(
        optimizer=OptimizerConfig(lr=1e-3),
        steps=3,
        prompts=4,
        minibatch=2,
        n=4,
        max_tokens=6,
        limit=12,
        kl=0.01,
        save_every=2,
    ),
    sft=SFTConfig(optimizer=OptimizerConfig(lr=1e-3), limit=7, batch=3),
    weight=((0, 0.5), (2, 0.7)),
)
RL_BATCH = [[5, 9, 2, 40, 41, 3], [7, 7, 1, 30]]
SFT_BATCH = [[11, 3, 8, 21, 60, 2, 2], [1, 50, 13]]


class Side:
    """A branch on a fixed batch that keeps what it saw: parameters before, gradients after."""

    def __init__(self, model, batch, *, lr=1e-2, weight=0.5, decay=0.1):
        self.model, self.batch, self.weight = model, batch, weight
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=decay)
        self.saw, self.gradients = [], []

    def gradient(self):
        self.saw.append([p.detach().clone() for p in self.model.parameters()])
        data = stream(self.batch, [len(s) - 1 for s in self.batch], CPU)
        loss = token_losses(self.model, data).mean()
        loss.backward()
        self.gradients.append([p.grad.clone() for p in self.model.parameters()])
        return {"loss": loss.item()}

    @property
    def branch(self):
        return Branch(self.gradient, self.optimizer, 0.0, self.weight)

    def step_alone(self):
        self.optimizer.zero_grad()
        self.gradient()
        self.optimizer.step()

    def moments(self):
        states = [self.optimizer.state[p] for p in self.model.parameters()]
        return [s[key] for s in states for key in ("exp_avg", "exp_avg_sq", "step")]


@pytest.fixture(params=KINDS)
def two(request, shape, monkeypatch):
    """Two float64 models with equal weights."""
    return [trainable(request.param, shape, monkeypatch) for _ in range(2)]


def values(model):
    return [p.detach().clone() for p in model.parameters()]


def same(left, right):
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def test_identical_batches_and_states_are_one_optimizer(two):
    """Fault 30.

    Planted and seen to fail: updates added without their weights; the second branch begun at the first's end.
    """
    averaged, plain = two
    one, other, alone = Side(averaged, RL_BATCH), Side(averaged, RL_BATCH), Side(plain, RL_BATCH)
    for _ in range(4):
        parallel_step(averaged, one.branch, other.branch)
        alone.step_alone()
    for got, wanted in zip(values(averaged), values(plain), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-12, atol=1e-14)
    for side in (one, other):
        for got, wanted in zip(side.moments(), alone.moments(), strict=True):
            torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-16)


def test_sft_without_learning_rate_and_decay_leaves_exactly_half_the_rl_step(two):
    """Fault 30 (planted and seen to fail: the mean taken of gradients, which Adam scales up again)."""
    averaged, plain = two
    before = values(plain)
    parallel_step(
        averaged, Side(averaged, RL_BATCH).branch, Side(averaged, SFT_BATCH, lr=0.0, decay=0.0).branch
    )
    Side(plain, RL_BATCH).step_alone()
    half = [s + 0.5 * (p - s) for s, p in zip(before, values(plain), strict=True)]
    assert same(values(averaged), half)
    assert not same(half, before)


def test_the_order_of_the_branches_does_not_change_a_bit(two):
    """Fault 30.

    Planted and seen to fail: (snapshot + a) + b; no return to the snapshot before the second branch.
    """
    finals = []
    for model, turned in zip(two, (False, True), strict=True):
        sides = [Side(model.float(), RL_BATCH, lr=3e-3, weight=0.3), Side(model, SFT_BATCH, weight=0.7)]
        for _ in range(5):
            parallel_step(model, *(s.branch for s in (reversed(sides) if turned else sides)))
        finals.append(values(model) + sides[0].moments() + sides[1].moments())
    assert same(*finals)


def test_both_gradients_are_taken_at_the_snapshot(two):
    """Fault 30 (planted and seen to fail: no return to the snapshot before the second branch)."""
    model = two[0]
    one, other = Side(model, RL_BATCH), Side(model, SFT_BATCH)
    for step in range(3):
        before = values(model)
        parallel_step(model, one.branch, other.branch)
        assert same(one.saw[step], before)
        assert same(other.saw[step], before)
        assert not same(values(model), before)


def test_moments_never_mix(two):
    """Fault 30: each optimizer's moments are the running means of its own gradients alone.

    Planted and seen to fail: gradients not cleared between the branches; one optimizer for both.
    """
    model = two[0]
    sides = [Side(model, RL_BATCH), Side(model, SFT_BATCH)]
    for _ in range(3):
        parallel_step(model, *(s.branch for s in sides))
    for side in sides:
        for i, p in enumerate(model.parameters()):
            first, second = torch.zeros_like(p), torch.zeros_like(p)
            for gradient in side.gradients:
                first = 0.9 * first + 0.1 * gradient[i]
                second = 0.999 * second + 0.001 * gradient[i] ** 2
            state = side.optimizer.state[p]
            torch.testing.assert_close(state["exp_avg"], first, rtol=1e-10, atol=1e-16)
            torch.testing.assert_close(state["exp_avg_sq"], second, rtol=1e-10, atol=1e-20)
            assert state["step"] == 3
    for side in sides:  # and each gradient is that of the side's own batch, where it was taken
        alone = Side(two[1], side.batch)
        for seen, gradient in zip(side.saw, side.gradients, strict=True):
            two[1].zero_grad()
            torch.nn.utils.vector_to_parameters(torch.cat([p.flatten() for p in seen]), two[1].parameters())
            alone.gradient()
            assert same(alone.gradients[-1], gradient)


def test_the_weight_is_a_number_or_a_schedule():
    assert value_at(0.3, 1000) == 0.3
    points = ((10, 1.0), (20, 0.5))
    assert [value_at(points, s) for s in (0, 10, 15, 20, 99)] == [1.0, 1.0, 0.75, 0.5, 0.5]


@pytest.mark.parametrize("weight", [1.5, ((0, 0.5), (0, 0.6)), ((5, 0.5), (2, 0.6)), ((0, -0.1),), ()])
def test_a_weight_that_is_none_is_refused(tmp_path, parent, weight):
    with pytest.raises(UserError, match=r"parallel\.weight"):
        parallel(str(parent), SMALL.model_copy(update={"weight": weight}), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def weights_at_end(step: Path):
    return load_file(step / "model.safetensors")


def test_all_weight_on_one_side_is_that_recipe_alone(tmp_path, parent):
    """The loop feeds each branch as `rl` and `sft` do: same rollouts, same batches, same weights within fp32.

    Planted and seen to fail: weights of the two branches exchanged; the SFT batches not read on.
    """
    small = SMALL.rl.model_copy(update={"steps": 2, "kl": 0.0})
    config = SMALL.model_copy(update={"rl": small, "weight": 1.0})
    got = parallel(str(parent), config, tmp_path / "p1", quiet=True)
    wanted = rl(str(parent), small, tmp_path / "rl", quiet=True)
    for name, weight in weights_at_end(wanted).items():
        torch.testing.assert_close(weights_at_end(got)[name], weight, rtol=1e-4, atol=1e-6)
    once = config.sft.model_copy(update={"epochs": 2, "limit": 4, "batch": 2})  # 4 steps, as 2 x 2 updates
    config = config.model_copy(update={"sft": once, "weight": 0.0})
    got = parallel(str(parent), config, tmp_path / "p0", quiet=True)
    wanted = sft(str(parent), once, tmp_path / "sft", quiet=True)
    for name, weight in weights_at_end(wanted).items():
        torch.testing.assert_close(weights_at_end(got)[name], weight, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("moves", [True, False])
def test_without_signal_the_rl_side_moves_only_where_told(moves, tmp_path, parent, monkeypatch):
    """Seen to fail: the option ignored, so that momentum and decay moved what rewards did not."""
    monkeypatch.setattr(rewards, "reward_of", lambda *_: (0.0, False, False))
    decays = OptimizerConfig(lr=1e-2, weight_decay=0.5)
    small = {"steps": 1, "kl": 0.0, "optimizer": decays, "step_without_signal": moves}
    still = SMALL.sft.model_copy(update={"optimizer": OptimizerConfig(lr=0.0)})
    config = {"rl": SMALL.rl.model_copy(update=small), "sft": still, "weight": 1.0}
    end = parallel(str(parent), SMALL.model_copy(update=config), tmp_path / "run", quiet=True)
    before, after = weights_at_end(parent), weights_at_end(end)
    assert same(before.values(), [after[name] for name in before]) != moves
    assert [row["moved"] for row in read_rows(tmp_path / "run" / "metrics.jsonl")] == [float(moves)]


def test_rows_and_lineage_say_what_was_done(tmp_path, parent):
    out = tmp_path / "run"
    end = parallel(str(parent), SMALL, out, quiet=True)
    rows = list(read_rows(out / "metrics.jsonl"))
    assert [row["weight"] for row in rows] == pytest.approx([0.5, 0.6, 0.7])
    assert all(row["grad_norm"] > 0 and row["sft_loss"] > 0 and row["sft_grad_norm"] > 0 for row in rows)
    assert json.loads((end / "lineage.json").read_text())["recipe"] == "parallel"


def test_its_sections_stand_on_those_of_rl_and_sft(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(
        "[rl]\nn = 6\nsteps = 3\n[sft]\nlimit = 9\n[parallel]\nweight = [[0, 1.0], [5, 0.5]]\nrl.n = 4\n"
    )
    config = load_config(ParallelConfig, "parallel", preset=None, path=path, overrides=["sft.batch=2"])
    assert (config.rl.n, config.rl.steps, config.sft.limit, config.sft.batch) == (4, 3, 9, 2)
    assert config.weight == ((0, 1.0), (5, 0.5))
    with pytest.raises(UserError, match=r"parallel\.rl\.step; did you mean 'steps'"):
        load_config(ParallelConfig, "parallel", preset=None, path=path, overrides=["rl.step=2"])


def test_one_seed_is_that_of_both_sides(tmp_path, parent, monkeypatch):
    """Seen to fail: demonstrations in the order of seed 0 whatever the seed of the RL side."""
    seen: dict[int, list[str]] = {}
    batches = averaging.batch_at

    def batch_at(shown, config, step):
        batch = batches(shown, config, step)
        seen.setdefault(config.seed, []).extend(d.problem for d in batch)
        return batch

    monkeypatch.setattr(averaging, "batch_at", batch_at)
    for seed in (0, 1):
        rl = SMALL.rl.model_copy(update={"seed": seed, "steps": 1, "kl": 0.0})
        parallel(str(parent), SMALL.model_copy(update={"rl": rl}), tmp_path / str(seed), quiet=True)
    assert seen.keys() == {0, 1}
    assert seen[0] != seen[1]
    own = SMALL.model_copy(update={"sft": SFTConfig(seed=5, limit=7, batch=3)})
    assert (averaging._side(SMALL).seed, averaging._side(own).seed) == (0, 5)


def test_an_adapter_of_one_side_alone_is_refused(tmp_path, parent):
    """Seen to fail: the SFT side's was ignored, and whole weights were trained."""
    config = SMALL.model_copy(update={"sft": SMALL.sft.model_copy(update={"adapter": AdapterConfig(rank=2)})})
    with pytest.raises(UserError, match=r"parallel\.sft\.adapter: .* set parallel\.rl\.adapter to the same"):
        parallel(str(parent), config, tmp_path / "run", quiet=True)
