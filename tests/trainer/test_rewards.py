"""Rewards beside the verifier: the user's function and its errors, length, truncation, refilled groups."""

import sys
import time
from types import SimpleNamespace

import pytest
import torch

from evals.core.errors import UserError
from evals.records import Problem, Sample
from tests.trainer.loops import RL
from trainer.algorithms import advantages
from trainer.rl import checked, rl
from trainer.rollouts import rewards
from trainer.rollouts.rollouts import Rollouts, describe, refilled
from trainer.run.files import read_rows

PROBLEMS = [Problem.make(f"q{i}", "7") for i in range(4)]
SAMPLES = [Sample(text, (1,) * n, (0.0,) * n, "stop") for text, n in (("7", 1), ("8", 8), ("9", 9), ("", 10))]


def earned(monkeypatch, function, **fields):
    """(rewards, what was given up) of four samples by a function of the user's."""
    monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(score=function))
    config = RL.model_copy(update={"reward": "mine:score", "max_tokens": 10} | fields)
    found = rewards.rewards(PROBLEMS, SAMPLES, config)
    return [e.reward for e in found], [e.limited for e in found]


def test_a_function_of_the_users_is_given_the_batch_and_its_floats_are_the_rewards(monkeypatch):
    seen = []

    def score(batch):
        seen.extend(batch)
        return [len(row["response"]) / 2 for row in batch]

    assert earned(monkeypatch, score) == ([0.5, 0.5, 0.5, 0.0], [False] * 4)
    assert seen[1] == {"question": "q1", "answer": "7", "response": "8", "tokens": 8}


def test_errors_on_single_responses_are_counted_and_earn_nothing(monkeypatch):
    def picky(batch):
        return [float(row["response"]) for row in batch]  # "" raises

    assert earned(monkeypatch, picky) == ([7.0, 8.0, 9.0, 0.0], [False, False, False, True])
    nan = lambda batch: [float("nan"), 1, "x", 2]  # noqa: E731
    assert earned(monkeypatch, nan) == ([0.0, 1.0, 0.0, 2.0], [True, False, True, False])


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (
            lambda batch: 1 / 0,
            r"reward mine:score raised ZeroDivisionError: division by zero; it takes a list",
        ),
        (lambda batch: sys.exit(3), r"reward mine:score raised SystemExit"),
        (lambda batch: [1.0], r"reward mine:score returned 1 values for 4 responses"),
        (lambda batch: [float("nan")] * 4, r"returned no finite number for any of 4 responses"),
        (lambda batch: time.sleep(60), r"took more than 0\.1 s for a batch; make it faster or raise"),
    ],
)
def test_a_function_that_cannot_judge_is_one_sentence(monkeypatch, function, sentence):
    with pytest.raises(UserError, match=sentence):
        earned(monkeypatch, function, reward_timeout=0.1)


def test_maxrl_divides_by_no_negative_mean():
    """Seen to fail: a penalty for length gave advantages of 1e11."""
    config = RL.model_copy(update={"algorithm": "maxrl"})
    with pytest.raises(UserError, match=r"maxrl needs rewards that are not negative \(one is -0\.5\)"):
        advantages(torch.tensor([[0.0, -0.5]], dtype=torch.float64), config)


def test_a_function_that_is_not_there_is_named_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("nowhere:score", "math:nothing", "math:pi"):
        with pytest.raises(UserError, match=f"reward {name} "):
            checked(RL.model_copy(update={"reward": name}), "rl")
    (tmp_path / "own_reward.py").write_text("def score(batch):\n    return [1.0] * len(batch)\n")
    checked(RL.model_copy(update={"reward": "own_reward:score"}), "rl")


def test_long_responses_lose_on_a_straight_line(monkeypatch):
    got, _ = earned(monkeypatch, lambda batch: [1.0] * len(batch), overlong_penalty=1.0)
    assert got == pytest.approx([1.0, 1.0, 0.5, 0.0])


def group(rewards, ids, length=2):
    rows = torch.tensor(rewards, dtype=torch.float64)
    samples = [Sample(f"{i}", (5,) * length, (0.0,) * length, "stop") for i in ids for _ in range(2)]
    no = torch.zeros(rows.shape, dtype=torch.bool)
    return Rollouts([(len(i),) for i in ids], samples, rows, rows == 1, no, list(ids))


def test_groups_without_signal_are_replaced_in_order_and_what_was_sampled_in_vain_is_counted():
    batch = group([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], ["a", "b", "c", "d"])
    other = group([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]], ["x", "y", "z"], length=3)
    made = refilled(batch, [1, 2, 3], other, [False, True, True])
    assert made.ids == ["a", "y", "z", "d"]
    assert made.rewards.tolist() == [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    assert [s.text for s in made.samples[::2]] == made.ids
    assert [(d.prompt, d.responses) for d in made.discarded] == [(1, [2, 2]), (1, [2, 2]), (1, [3, 3])]
    assert (advantages(made.rewards, RL) != 0).any(dim=1).tolist() == [True, True, True, False]


def test_the_reward_that_is_logged_is_of_all_that_was_sampled():
    """Seen to fail: the mean over the groups kept, so that a recipe with refills seemed to earn more."""
    batch = group([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], ["a", "b", "c"])
    other = group([[0.0, 0.0], [0.0, 1.0]], ["x", "y"])
    made = refilled(batch, [1, 2], other, [False, True])
    again = refilled(made, [2], group([[1.0, 0.0]], ["z"]), [True])
    row = describe(again)
    assert row["reward"] == row["correct"] == pytest.approx(3 / 12)
    assert row["reward_kept"] == pytest.approx(3 / 6)
    assert row["discarded"] == 3
    assert describe(batch)["reward"] == describe(batch)["reward_kept"]


def test_dapo_refills_masks_what_was_cut_off_and_repeats_to_the_byte(parent, tmp_path, monkeypatch):
    """A reward that few groups tell apart: with refilling more groups have a signal."""
    few = lambda _, s, __: (float(sum(s.token_ids) % 7 == 0), False, False)  # noqa: E731
    monkeypatch.setattr(rewards, "reward_of", few)
    base = RL.model_copy(update={"steps": 2, "max_tokens": 12, "kl": 0.0})
    rows = {}
    for name, more in (
        ("plain", {}),
        ("refill", {"refill": 3}),
        ("again", {"refill": 3}),
        ("masked", {"mask_truncated": True}),
    ):
        rl(str(parent), base.model_copy(update=more), tmp_path / name, quiet=True)
        rows[name] = list(read_rows(tmp_path / name / "metrics.jsonl"))
    assert rows["refill"][0]["zero_variance"] < rows["plain"][0]["zero_variance"]
    assert rows["refill"][0]["discarded"] > 0 == rows["plain"][0]["discarded"]
    assert rows["refill"][0]["flops"] > rows["plain"][0]["flops"]
    for a, b in zip(rows["refill"], rows["again"], strict=True):
        assert {k: v for k, v in a.items() if "second" not in k} == {
            k: v for k, v in b.items() if "second" not in k
        }
    assert rows["masked"][0]["truncated"] > 0
    norms = {name: max(row["grad_norm"] for row in rows[name]) for name in ("plain", "masked")}
    assert norms["masked"] < norms["plain"]
