"""Counted floating-point operations against torch's own counter (fault 27)."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from evals.core.keys import derive_seed
from evals.engines.torch_engine import TorchEngine
from evals.records import Request, SamplingOptions
from trainer.algorithms import policy
from trainer.algorithms.loss import add_gradient
from trainer.config.schema import Compute, RLConfig
from trainer.distributed.fsdp import fitted
from trainer.models.flops import sampling_flops, training_flops
from trainer.rl import step_flops
from trainer.rollouts.minibatches import minibatches
from trainer.rollouts.rollouts import Rollouts


def counted(task) -> float:
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        task()
    return counter.get_total_flops()


@pytest.mark.parametrize("responses", [[39, 39, 39], [10, 20, 5]])
def test_training_flops_are_torchs_within_one_percent(model, responses):
    """Planted: the head counted for prompt tokens too."""
    model = model.float()
    sequences = [[1 + i] * 40 for i in range(3)]
    seen = counted(lambda: add_gradient(model, sequences, responses, 16384))
    assert training_flops(model.costs, [40] * 3, sum(responses)) == pytest.approx(seen, rel=0.01)


@pytest.mark.parametrize("share", [True, False])
def test_flops_of_an_rl_step_are_torchs_within_one_percent(model, tokenizer, share):
    """Planted: prompts counted once a rollout where they are computed once; a flat group trained."""
    engine = TorchEngine(model.float().decoder(), tokenizer, eos_ids=(), context=512)
    prompts = [tuple(range(1, 41)), tuple(range(20, 50))]
    compute = fitted(Compute(share_prompts=share), model)
    config = RLConfig(prompts=2, minibatch=2, n=4, max_tokens=20, kl=0.0, compute=compute)
    requests = [Request(p, derive_seed(g, i)) for g, p in enumerate(prompts) for i in range(4)]
    rewards = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 0]], dtype=torch.float64)
    none = torch.zeros(2, 4, dtype=torch.bool)

    def step() -> None:
        samples = engine.sample(requests, SamplingOptions(1.0, 1.0, 0, 20))
        made.append(Rollouts(prompts, samples, rewards, none, none, ["a", "b"]))
        policy.gradient(model, None, minibatches(model, made[0], config)[0], config)

    made: list[Rollouts] = []
    seen = counted(step)
    assert step_flops(model.costs, made[0], config) == pytest.approx(seen, rel=0.01)


def test_sampling_flops_are_torchs_within_one_percent(model, tokenizer):
    """Planted: the prompt counted once a row instead of once a group."""
    engine = TorchEngine(model.float().decoder(), tokenizer, eos_ids=(), context=512)
    prompts = [tuple(range(1, 31)), tuple(range(20, 50))]
    requests = [Request(p, derive_seed(g, i)) for g, p in enumerate(prompts) for i in range(4)]
    seen = counted(lambda: engine.sample(requests, SamplingOptions(1.0, 1.0, 0, 20)))
    ours = sampling_flops(model.costs, [30, 30], 4, [20] * 8)
    assert ours == pytest.approx(seen, rel=0.01)
    assert torch.get_num_threads() == 1
