"""Random-reward RL, the control: as much reward as the verifier gave, and nothing to learn from it."""

import pandas as pd
import pytest
import torch

from trainer.config.schema import RLConfig
from trainer.rl import rl
from trainer.rollouts import rewards
from trainer.rollouts.rollouts import dealt


def test_dealt_rewards_are_as_many_and_keyed() -> None:
    """The multiset stays, the order is decided by (seed, step) alone."""
    rewards = torch.tensor([1.0] * 30 + [0.0] * 70, dtype=torch.float64)
    one = dealt(rewards, 0, 3)
    assert one.sum() == 30
    assert set(one.tolist()) == {0.0, 1.0}
    assert torch.equal(one, dealt(rewards, 0, 3))
    assert not torch.equal(one, dealt(rewards, 1, 3))
    assert not torch.equal(one, dealt(rewards, 0, 4))


def test_dealt_rewards_do_not_know_what_earned_them() -> None:
    """Over 2,000 steps every rollout is rewarded equally often, within five standard errors."""
    rewards = torch.tensor([1.0] * 4 + [0.0] * 12, dtype=torch.float64)
    share = torch.stack([dealt(rewards, 0, step) for step in range(2000)]).mean(0)
    assert share.sub(0.25).abs().max() < 5 * (0.25 * 0.75 / 2000) ** 0.5


@pytest.mark.parametrize("reward", ["verifier", "random"])
def test_training_takes_the_dealt_rewards(parent, tmp_path, monkeypatch, reward) -> None:
    """What is saved beside each rollout: its true verdict, and the reward that was trained on."""
    monkeypatch.setattr(
        rewards, "reward_of", lambda _, s, __: (s.token_ids[0] % 2 + 0.0, s.token_ids[0] % 2 > 0, False)
    )
    config = RLConfig(steps=2, prompts=4, minibatch=4, n=8, max_tokens=4, limit=8, kl=0.0, reward=reward)
    rl(str(parent), config, tmp_path / "run", quiet=True)
    rows = pd.concat([pd.read_parquet(p) for p in sorted((tmp_path / "run" / "rollouts").glob("*.parquet"))])
    assert rows.groupby("step")["reward"].sum().tolist() == rows.groupby("step")["correct"].sum().tolist()
    assert rows["correct"].any()
    assert (rows["reward"] == rows["correct"]).all() == (reward == "verifier")
