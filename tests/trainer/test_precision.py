"""Layers in bf16, everything that adds up in fp32: masters, moments, gradients, logits, log-probs."""

import pytest
import torch

from evals.checkpoints.checkpoint import open_checkpoint
from evals.records import Sample
from tests.trainer.loops import RL
from tests.trainer.tiny import plain, saved, wrapper
from trainer.algorithms import policy
from trainer.algorithms.loss import add_gradient, counted_logits
from trainer.config.schema import AdapterConfig, Compute, OptimizerConfig
from trainer.distributed import fsdp as shard
from trainer.distributed.launch import launch
from trainer.models.native import new_model
from trainer.models.optimizer import adamw
from trainer.models.stream import stream
from trainer.models.wrapped import load_wrapped
from trainer.rollouts.minibatches import minibatches
from trainer.rollouts.rollouts import Rollouts

BATCH = [[1, 2, 3, 4, 5, 6, 7, 8], [9, 8, 7, 30, 31, 32], [40, 3, 41, 3, 42, 3, 43]]
RESPONSES = [5, 3, 4]
CPU = torch.device("cpu")
MADE = {"native": lambda shape: new_model(shape, 64, seed=1), "wrapped": lambda _: wrapper("olmo2")}


@pytest.fixture(params=["native", "wrapped"])
def grouped(request, shape):
    """Runs a task on (model in bf16 layers, the same in fp32), in a group of one process as FSDP2 needs."""

    def run(task):
        def both():
            exact, layers = (MADE[request.param](shape) for _ in range(2))
            task(shard.place(layers, Compute(precision="bfloat16"), CPU), exact)

        launch(both, (), 1, meet=True)

    return run


def test_masters_moments_gradients_and_logits_are_fp32_and_layers_are_not(grouped):
    """Fault 15.

    Planted and seen to fail: masters cast to bf16; the head among the bf16 layers; layers left in fp32.
    """

    def task(model, exact):
        seen = []
        model.blocks()[0].mlp.register_forward_hook(lambda *args: seen.append(args[2].dtype))
        optimizer = adamw(model, OptimizerConfig(lr=1e-3))
        add_gradient(model, BATCH, RESPONSES, 64)
        optimizer.step()
        moments = [s[k] for s in optimizer.state.values() for k in ("exp_avg", "exp_avg_sq")]
        for value in (*model.parameters(), *(p.grad for p in model.parameters()), *moments):
            assert value.dtype == torch.float32
        assert set(seen) == {torch.bfloat16}
        logits = counted_logits(model, stream(BATCH, RESPONSES, CPU)).detach()
        assert logits.dtype == torch.float32
        rounded = logits.bfloat16().float()
        assert (rounded != logits).float().mean() > 0.9  # sums in fp32, not bf16 sums cast up

    grouped(task)


def test_a_step_at_1e_6_changes_nearly_all_masters(grouped):
    """Fault 16 with layers in bf16 (planted and seen to fail: masters cast to bf16, where steps are lost)."""

    def task(model, _):
        optimizer = adamw(model, OptimizerConfig(lr=1e-6))
        before = [shard.gathered(p).clone() for p in model.parameters()]
        add_gradient(model, BATCH, RESPONSES, 64)
        optimizer.step()
        moved = total = 0
        for p, old in zip(model.parameters(), before, strict=True):
            touched = shard.gathered(p.grad) != 0
            moved += int((shard.gathered(p) != old)[touched].sum())
            total += int(touched.sum())
        assert moved / total > 0.99

    grouped(task)


def test_the_mismatch_of_sampler_and_trainer_is_measured(grouped):
    """Fault 15: an fp32 sampler, a bf16 trainer; exactly their mean gap (planted: the gap to itself)."""

    def task(model, exact):
        samples, gaps = [], []
        for ids, r in zip(BATCH, RESPONSES, strict=True):
            with torch.no_grad():
                logp = plain(exact, ids)[-r - 1 : -1].log_softmax(-1)
                own = counted_logits(model, stream([ids], [r], CPU)).log_softmax(-1)
            shard.settle(model)
            at = torch.tensor(ids[-r:])[:, None]
            gaps += (logp.gather(-1, at) - own.gather(-1, at)).abs().flatten().tolist()
            samples.append(Sample("", tuple(ids[-r:]), tuple(logp.gather(-1, at).flatten().tolist()), "stop"))
        prompts = [tuple(ids[:-r]) for ids, r in zip(BATCH, RESPONSES, strict=True)]
        table = torch.tensor([[1.0, 0.0]] * 3, dtype=torch.float64)
        no = torch.zeros(3, 2, dtype=torch.bool)
        batch = Rollouts(prompts, [s for s in samples for _ in range(2)], table, no, no, ["a", "b", "c"])
        config = RL.model_copy(update={"prompts": 3, "minibatch": 3, "n": 2, "kl": 0.0})
        row = policy.gradient(model, None, minibatches(model, batch, config)[0], config)
        assert row["mismatch"] == pytest.approx(sum(gaps) / len(gaps), rel=0.2)
        assert row["mismatch"] > 1e-5

    grouped(task)


@pytest.mark.parametrize("adapter", [None, AdapterConfig(rank=2)])
def test_layers_of_a_model_of_transformers_are_bf16_its_masters_and_logits_fp32(tmp_path, tokenizer, adapter):
    """Fault 15 for the wrapper: the gradient is that of fp32 up to the rounding of layers."""
    found = open_checkpoint(str(saved("qwen2", tokenizer, tmp_path / "base")))

    def of(model) -> torch.Tensor:
        add_gradient(model, BATCH, RESPONSES, 4096)
        return torch.cat([shard.gathered(p.grad).flatten() for p in model.parameters() if p.requires_grad])

    def task() -> None:
        exact, seen = load_wrapped(found, tokenizer, adapter, 1), []
        model = shard.place(load_wrapped(found, tokenizer, adapter, 1), Compute(precision="bfloat16"), CPU)
        model.blocks()[0].register_forward_hook(lambda *args: seen.append(args[2].dtype))
        one, other = of(model), of(exact)
        assert set(seen) == {torch.bfloat16}
        assert one.dtype == torch.float32
        assert torch.cosine_similarity(one, other, dim=0) > 0.99
        logits = counted_logits(model, stream(BATCH, RESPONSES, CPU)).detach()
        assert (logits.bfloat16().float() != logits).float().mean() > 0.9

    launch(task, (), 1, meet=True)
