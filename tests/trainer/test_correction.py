"""A sampler planted to be another policy: the corrected gradient is the policy's own, the plain one is not.

A bigram of four tokens; every group of two responses is enumerated with its probability under the sampler, so
that what is left of the bias is rounding alone.
"""

from itertools import product

import pytest
import torch
from torch import nn

from evals.core.errors import UserError
from evals.records import Sample
from trainer.algorithms import policy, with_defaults
from trainer.algorithms.correction import importance_weights
from trainer.config.schema import RLConfig
from trainer.models.trainable import Trainable
from trainer.rl import checked
from trainer.rollouts.minibatches import minibatches
from trainer.rollouts.rollouts import Rollouts

REWARD = torch.tensor([0.2, 1.0, 0.0, 0.7], dtype=torch.float64)
PLAIN = with_defaults(
    RLConfig(algorithm="rloo", prompts=1, minibatch=1, n=2, max_tokens=1, correction_cap=1e9)
)


class Bigram(Trainable):
    """Logits of the next token by the last one: a table (4, 4) of parameters."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = nn.Parameter(table)

    def forward(self, ids, layout=None, at=None):
        return self.table[ids[at]]


def table() -> torch.Tensor:
    return torch.randn(4, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def stale(logits: torch.Tensor) -> torch.Tensor:
    """The weights of a step before."""
    return logits + 0.2 * torch.randn(4, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


SAMPLERS = {
    "bf16": lambda logits: logits.bfloat16().double(),
    "temperature": lambda logits: logits / 1.3,
    "stale": stale,
}


def sequences(logits: torch.Tensor, length: int) -> dict[tuple[int, ...], list[float]]:
    """Every response to the prompt (0,) with the log-probs of its tokens."""
    logp = logits.log_softmax(-1)
    return {
        ids: [float(logp[a, b]) for a, b in zip((0, *ids), ids, strict=False)]
        for ids in product(range(4), repeat=length)
    }


def expected_gradient(model: Bigram, sampler: torch.Tensor, config: RLConfig, length: int) -> torch.Tensor:
    """The gradient (4, 4) on average over all groups that the sampler may draw."""
    drawn = sequences(sampler, length)
    total = torch.zeros(4, 4, dtype=torch.float64)
    for pair in product(drawn, repeat=2):
        samples = [Sample("", ids, tuple(drawn[ids]), "stop") for ids in pair]
        rewards = torch.stack([REWARD[list(ids)].prod() for ids in pair])[None]
        no = torch.zeros(1, 2, dtype=torch.bool)
        batch = Rollouts([(0,)], samples, rewards, no, no, ["p"])
        model.zero_grad(set_to_none=True)
        policy.gradient(model, None, minibatches(model, batch, config)[0], config)
        chance = torch.tensor([sum(drawn[ids]) for ids in pair], dtype=torch.float64).sum().exp()
        total += chance * model.table.grad
    return total


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("correction", "length"), [("token", 1), ("sequence", 2)])
def test_the_correction_takes_the_bias_of_another_sampler_away(sampler, correction, length):
    """Planted and seen to fail: the ratio upside down."""
    model = Bigram(table())
    other = SAMPLERS[sampler](table())
    config = PLAIN.model_copy(update={"max_tokens": length})
    own = expected_gradient(model, table(), config, length)
    plain = expected_gradient(model, other, config, length)
    corrected = expected_gradient(model, other, config.model_copy(update={"correction": correction}), length)
    scale = float(own.norm())
    assert float((plain - own).norm()) / scale > (5e-4 if sampler == "bf16" else 0.02)
    assert float((corrected - own).norm()) / scale < 1e-6


def test_per_token_weights_leave_most_of_the_bias_behind_in_longer_responses():
    """What the choice costs: without the product over tokens a part of the bias stays, not all of it."""
    config, other = PLAIN.model_copy(update={"max_tokens": 2}), stale(table())
    model = Bigram(table())
    own = expected_gradient(model, table(), config, 2)
    bias = [
        float((expected_gradient(model, other, config.model_copy(update={"correction": c}), 2) - own).norm())
        for c in ("off", "token", "sequence")
    ]
    assert bias[2] < 1e-5 < bias[1] < bias[0]


def test_the_cap_bounds_the_band_masks_and_what_is_not_finite_counts_as_equal():
    logp = torch.tensor([0.0, 0.0, 0.0, -1.0, 0.0]).requires_grad_()
    sampled = torch.tensor([0.0, -2.0, 1.0, -1.5, float("nan")])
    sequence = torch.tensor([0, 0, 1, 1, 1])
    token = RLConfig(correction="token", correction_cap=2.0)
    weights = importance_weights(logp, sampled, sequence, token)
    assert not weights.requires_grad
    assert weights.tolist() == pytest.approx([1.0, 2.0, 0.36788, 1.64872, 1.0], rel=1e-4)
    band = token.model_copy(update={"correction_band": (0.5, 5.0)})
    assert importance_weights(logp, sampled, sequence, band).tolist() == pytest.approx(
        [1.0, 0.0, 0.0, 1.64872, 1.0], rel=1e-4
    )
    whole = band.model_copy(update={"correction": "sequence"})
    assert importance_weights(logp, sampled, sequence, whole).tolist() == pytest.approx(
        [0.0, 0.0, 0.60653, 0.60653, 0.60653], rel=1e-4
    )


def test_the_correction_is_on_where_another_engine_samples():
    assert checked(RLConfig(engine="vllm"), "rl").correction == "token"
    assert checked(RLConfig(), "rl").correction == "off"
    assert checked(RLConfig(engine="vllm", temperature=0.8), "rl").correction == "off"
    with pytest.raises(UserError, match=r"rl\.correction needs rl\.temperature = 1"):
        checked(RLConfig(correction="sequence", temperature=0.8), "rl")
