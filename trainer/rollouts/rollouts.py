"""Rollouts: the samples of training, with their rewards, kept as sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evals.core.files import replacing
from evals.core.keys import derive_seed
from evals.engines.engine import Engine
from evals.records import Problem, Request, Sample, SamplingOptions
from evals.verify import format_reward, grade
from trainer.config.load import RLConfig
from trainer.distributed import ranks as distributed


@dataclass(frozen=True, slots=True)
class Rollouts:
    """One step's rollouts, P prompts with n each, in order.

    prompts: ids of each prompt. samples: P · n samples, group after group. rewards: (P, n) float64.
    correct: (P, n) whether the verifier accepted. limits: (P, n) whether it gave up.
    ids: the problems' ids.
    """

    prompts: list[tuple[int, ...]]
    samples: list[Sample]
    rewards: torch.Tensor
    correct: torch.Tensor
    limits: torch.Tensor
    ids: list[str]

    def group(self, sample: int) -> int:
        """The number of the prompt that a sample belongs to: by place, so equal prompts stay apart."""
        return sample // self.rewards.shape[1]

    def sequence(self, sample: int) -> tuple[int, ...]:
        """Prompt and response ids of a sample, as sampled."""
        return (*self.prompts[self.group(sample)], *(self.samples[sample].token_ids or ()))


def reward_of(problem: Problem, sample: Sample, config: RLConfig) -> tuple[float, bool, bool]:
    """(reward, correct, limited) of one response: 1 if the verifier accepts, else the format reward.

    limited: the verifier gave up, at one of its limits or by an error of its own; metrics count these.
    """
    verdict = grade(problem.answer, sample.text, mode="reward", question=problem.question)
    limited = bool({"limit", "timeout"} & set(verdict.flags)) or verdict.reason.startswith("error")
    if verdict.correct or config.format_reward == 0:
        return float(verdict.correct), verdict.correct, limited
    return config.format_reward * format_reward(sample.text), False, limited


def collect(
    engine: Engine,
    problems: Sequence[Problem],
    prompts: Sequence[tuple[int, ...]],
    config: RLConfig,
    step: int,
) -> Rollouts:
    """Sample n rollouts of every prompt, each seeded by (run seed, step, place in the batch, index).

    Ranks sample and grade their share of the groups and exchange the results.
    """
    n, count = config.n, len(problems)
    mine = range(distributed.rank(), count, distributed.world())
    requests = [
        Request(prompts[p], derive_seed("rollout", config.seed, step, p, i)) for p in mine for i in range(n)
    ]
    options = SamplingOptions(config.temperature, config.top_p, config.top_k, config.max_tokens)
    samples = engine.sample(requests, options) if requests else []
    graded = [reward_of(problems[mine[j // n]], s, config) for j, s in enumerate(samples)]
    everything: list[Any] = [None] * (count * n)
    for rank, part in enumerate(distributed.gather(list(zip(samples, graded, strict=True)))):
        for j, p in enumerate(range(rank, count, distributed.world())):
            everything[p * n : (p + 1) * n] = part[j * n : (j + 1) * n]
    rewards = torch.tensor([g[0] for _, g in everything], dtype=torch.float64)
    if config.reward == "random":
        rewards = dealt(rewards, config.seed, step)
    rewards = rewards.view(count, n)
    correct = torch.tensor([g[1] for _, g in everything]).view(count, n)
    limits = torch.tensor([g[2] for _, g in everything]).view(count, n)
    ids = [p.id for p in problems]
    return Rollouts(list(prompts), [s for s, _ in everything], rewards, correct, limits, ids)


def dealt(rewards: torch.Tensor, seed: int, step: int) -> torch.Tensor:
    """The same rewards in an order drawn by (seed, step): as many, but not of what earned them."""
    order = np.random.default_rng(derive_seed("random-reward", seed, step)).permutation(len(rewards))
    return rewards[torch.from_numpy(order)]


def describe(batch: Rollouts) -> dict[str, float]:
    """Metrics of the rollouts alone; recomputable from the saved files."""
    lengths = [len(s.token_ids or ()) for s in batch.samples]
    flat = (batch.rewards == batch.rewards[:, :1]).all(dim=1)
    return {
        "reward": float(batch.rewards.mean()),
        "correct": float(batch.correct.double().mean()),
        "zero_variance": float(flat.double().mean()),
        "truncated": sum(s.finish_reason == "length" for s in batch.samples) / len(batch.samples),
        "response_tokens": sum(lengths) / len(lengths),
        "tokens": float(sum(lengths)),
        "verifier_limits": float(batch.limits.sum()),
    }


def save(folder: Path, step: int, rollouts: Rollouts) -> None:
    """Write a step's rollouts as one parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups = [rollouts.group(i) for i in range(len(rollouts.samples))]
    ids = pa.list_(pa.int32())
    table = pa.table(
        {
            "step": pa.array([step] * len(groups), pa.int32()),
            "group": pa.array(groups, pa.int32()),
            "problem": [rollouts.ids[g] for g in groups],
            "prompt_ids": pa.array([rollouts.prompts[g] for g in groups], ids),
            "token_ids": pa.array([s.token_ids for s in rollouts.samples], ids),
            "logprobs": pa.array([s.logprobs for s in rollouts.samples], pa.list_(pa.float32())),
            "text": [s.text for s in rollouts.samples],
            "finish_reason": [s.finish_reason for s in rollouts.samples],
            "reward": np.asarray(rollouts.rewards.flatten()),
            "correct": np.asarray(rollouts.correct.flatten()),
        }
    )
    with replacing(folder / f"step-{step:06d}.parquet") as stream:
        pq.write_table(table, stream)


def prune(folder: Path, after: int) -> None:
    """Remove rollouts of steps that training will do again."""
    for path in folder.glob("step-*.parquet"):
        if int(path.stem.removeprefix("step-")) > after:
            path.unlink()
