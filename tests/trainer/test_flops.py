"""Counted floating-point operations against torch's own counter (fault 27)."""

from types import SimpleNamespace

import pytest
import torch
import transformers
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from evals.core.keys import derive_seed
from evals.engines.torch_engine import TorchEngine
from evals.records import Request, Sample, SamplingOptions
from tests.trainer.loops import PARALLEL, RL
from tests.trainer.tiny import SIZES
from trainer.algorithms import policy
from trainer.algorithms.loss import add_gradient
from trainer.config.schema import Compute, RLConfig
from trainer.distributed.fsdp import fitted
from trainer.models.experts import active
from trainer.models.flops import forward_flops, sampling_flops, training_flops
from trainer.models.native import new_model
from trainer.models.wrapped import WrappedModel
from trainer.parallel import parallel
from trainer.rl import rl, step_flops
from trainer.rollouts import rewards
from trainer.rollouts.minibatches import minibatches
from trainer.rollouts.rollouts import Rollouts
from trainer.run.files import read_rows


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


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Mixtral", {"num_local_experts": 8}),
        ("Qwen2Moe", {"num_experts": 8, "moe_intermediate_size": 24, "shared_expert_intermediate_size": 40}),
    ],
)
def test_a_token_costs_the_experts_that_it_is_sent_to(kind, more):
    """Seen to fail: all experts counted, three times what torch counts."""
    config = getattr(transformers, f"{kind}Config")(
        **SIZES, **more, num_key_value_heads=2, num_experts_per_tok=2, vocab_size=64
    )
    inner = getattr(transformers, f"{kind}ForCausalLM")(config)
    inner.config._experts_implementation = "eager"
    costs = WrappedModel(inner, SimpleNamespace(name=kind), 512, None).costs
    ids = torch.randint(0, 64, (1, 50))
    with torch.no_grad():
        seen = counted(lambda: inner(ids))
    assert forward_flops(costs, [50], 50) == pytest.approx(seen, rel=0.01)


def test_experts_of_their_own_matrices_are_weighed_as_stacked_ones():
    config = SimpleNamespace(n_routed_experts=4, num_experts_per_tok=1)
    matrices = [(f"layers.0.mlp.experts.{i}.up.weight", (6, 5)) for i in range(4)]
    whole = [("layers.0.mlp.shared_experts.up.weight", (6, 5)), ("layers.0.mlp.gate.weight", (4, 5))]
    assert active(config, matrices + whole) == 30 + 30 + 20
    assert active(config, [("layers.0.mlp.experts.up", (4, 6, 5)), *whole]) == 30 + 30 + 20
    assert active(SimpleNamespace(), matrices + whole) == 120 + 30 + 20


@pytest.mark.parametrize("field", ["mask_truncated", "keep_zero_variance"])
def test_what_is_left_out_of_the_loss_is_sampled_and_not_booked_as_trained_on(native, field):
    """Seen to fail: passes booked for cut-off samples and groups without signal that nothing computes."""
    masks = field == "mask_truncated"
    config = RLConfig(prompts=2, minibatch=1, n=2, max_tokens=5, kl=0.01)
    config = config.model_copy(update={field: masks})
    samples = [Sample("", (5, 6, 7), (-1.0,) * 3, "length" if masks else "stop")] * 4
    table = torch.tensor([[1.0, 0.0 if masks else 1.0]] * 2, dtype=torch.float64)
    none = torch.zeros(2, 2, dtype=torch.bool)
    batch = Rollouts([(1, 2), (3, 4, 5)], samples, table, none, none, ["a", "b"])
    assert step_flops(native.costs, batch, config) == sampling_flops(native.costs, [2, 3], 2, [3] * 4)


@pytest.mark.parametrize("loop", ["rl", "parallel"])
def test_the_flops_of_a_step_follow_the_schedule_of_the_entropy(loop, parent, tmp_path, monkeypatch):
    """Seen to fail: a schedule that has come to zero booked as an entropy term for ever."""
    monkeypatch.setattr(rewards, "reward_of", lambda *_: (0.0, False, False))
    booked = []
    for name, entropy in (("none", 0.0), ("ended", ((0, 0.0), (100, 0.0)))):
        config = RL.model_copy(update={"kl": 0.0, "entropy": entropy, "steps": 1})
        if loop == "rl":
            rl(str(parent), config, tmp_path / name, quiet=True)
        else:
            both = PARALLEL.model_copy(update={"rl": config})
            parallel(str(parent), both, tmp_path / name, quiet=True)
        booked.append(next(iter(read_rows(tmp_path / name / "metrics.jsonl")))["flops"])
    assert booked[0] == booked[1]


def test_sampling_flops_are_torchs_within_one_percent(model, tokenizer):
    """Planted: the prompt counted once a row instead of once a group."""
    engine = TorchEngine(model.float().decoder(), tokenizer, eos_ids=(), context=512)
    prompts = [tuple(range(1, 31)), tuple(range(20, 50))]
    requests = [Request(p, derive_seed(g, i)) for g, p in enumerate(prompts) for i in range(4)]
    seen = counted(lambda: engine.sample(requests, SamplingOptions(1.0, 1.0, 0, 20)))
    ours = sampling_flops(model.costs, [30, 30], 4, [20] * 8)
    assert ours == pytest.approx(seen, rel=0.01)
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize("kind", ["GPT2", "OPT"])
def test_a_table_of_positions_is_looked_up_and_not_multiplied(kind):
    """Seen to fail: half as much again as torch counts."""
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4} if kind == "GPT2" else SIZES | {"ffn_dim": 48}
    config = getattr(transformers, f"{kind}Config")(**sizes, vocab_size=64, word_embed_proj_dim=32)
    name = {"GPT2": "GPT2LMHeadModel", "OPT": "OPTForCausalLM"}[kind]
    inner = getattr(transformers, name)(config)
    costs = WrappedModel(inner, SimpleNamespace(name=kind), 512, None).costs
    ids = torch.randint(0, 64, (1, 50))
    with torch.no_grad():
        seen = counted(lambda: inner(ids))
    assert forward_flops(costs, [50], 50) == pytest.approx(seen, rel=0.01)


def test_the_pass_of_a_teacher_costs_what_it_costs_the_teacher(shape):
    """Seen to fail: a teacher of many times the size booked as the student."""
    large = shape.model_copy(update={"hidden_size": 64, "intermediate_size": 192, "layers": 4})
    model, teacher = (new_model(s, 64, seed=1) for s in (shape, large))
    config = RLConfig(prompts=2, minibatch=2, n=2, max_tokens=20, kl=1.0)
    samples = [Sample("", tuple(range(5, 25)), (-1.0,) * 20, "stop")] * 4
    table, none = torch.tensor([[1.0, 0.0]] * 2, dtype=torch.float64), torch.zeros(2, 2, dtype=torch.bool)
    prompts = [tuple(range(1, 31)), tuple(range(20, 50))]
    batch = Rollouts(prompts, samples, table, none, none, ["a", "b"])
    seen = counted(lambda: policy.gradient(model, teacher, minibatches(model, batch, config)[0], config))
    drawn = sampling_flops(model.costs, [30, 30], 2, [20] * 4)
    booked = step_flops(model.costs, batch, config, teacher.costs) - drawn
    assert booked == pytest.approx(seen, rel=0.01)
