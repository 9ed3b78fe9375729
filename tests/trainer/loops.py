"""The four loops in their smallest form, with a reward that random weights can earn."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from trainer.config.schema import (
    ModelConfig,
    OptimizerConfig,
    ParallelConfig,
    PretrainConfig,
    RLConfig,
    SFTConfig,
)
from trainer.parallel import parallel
from trainer.pretrain import pretrain
from trainer.rl import rl
from trainer.rollouts import rewards
from trainer.sft import sft

QUESTIONS = {"limit": 12, "levels": (1,), "optimizer": OptimizerConfig(lr=1e-3, eps=1e-5)}
ROLLOUTS = {"steps": 3, "prompts": 4, "minibatch": 2, "n": 3, "max_tokens": 5}

PRETRAIN = PretrainConfig(
    model=ModelConfig(hidden_size=32, intermediate_size=48, layers=1, heads=2),
    optimizer=OptimizerConfig(lr=3e-3, eps=1e-5, weight_decay=0.1),
    vocab_size=320,
    tokens=1500,
    batch_tokens=512,
    checkpoints=(700,),
    save_every=1,
)
SFT = SFTConfig(batch=5, epochs=1, save_every=2, checkpoint_every=2, **QUESTIONS)
RL = RLConfig(kl=0.01, save_every=2, checkpoint_every=2, **ROLLOUTS, **QUESTIONS)
PARALLEL = ParallelConfig(
    rl=RLConfig(kl=0.0, save_every=1, checkpoint_every=1, **{**ROLLOUTS, "steps": 2}, **QUESTIONS),
    sft=SFTConfig(batch=3, **QUESTIONS),
)


@contextmanager
def rewarded() -> Iterator[None]:
    """Random weights solve nothing: reward every second response, so that RL has a gradient."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rewards, "reward_of", lambda _, s, __: (float(sum(s.token_ids) % 2), False, False))
        yield


def _rl(parent, out, **how):
    with rewarded():
        return rl(str(parent), RL, out, quiet=True, **how)


def _parallel(parent, out, **how):
    with rewarded():
        return parallel(str(parent), PARALLEL, out, quiet=True, **how)


LOOPS = {
    "pretrain": lambda parent, out, **how: pretrain(PRETRAIN, out, quiet=True, **how),
    "sft": lambda parent, out, **how: sft(str(parent), SFT, out, quiet=True, **how),
    "rl": _rl,
    "parallel": _parallel,
}
