"""Rollouts: the samples of training, with their rewards, kept as sampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evals.engines import Engine
from evals.records import Problem, Request, Sample, SamplingOptions, derive_seed
from evals.verify import format_reward, grade
from trainer import distributed
from trainer.config import RLConfig
from trainer.files import write_folder


@dataclass(frozen=True, slots=True)
class Rollouts:
    """One step's rollouts, P prompts with n each, in order.

    prompts: ids of each prompt. samples: P · n samples, group after group. rewards: (P, n) float64.
    correct: (P, n) whether the verifier accepted. ids: the problems' ids.
    """

    prompts: list[tuple[int, ...]]
    samples: list[Sample]
    rewards: torch.Tensor
    correct: torch.Tensor
    ids: list[str]

    def group(self, sample: int) -> int:
        """The number of the prompt that a sample belongs to."""
        return sample // self.rewards.shape[1]


def options_of(config: RLConfig) -> SamplingOptions:
    """How rollouts are sampled: the untruncated policy itself."""
    return SamplingOptions(config.temperature, 1.0, 0, config.max_tokens)


def reward_of(problem: Problem, sample: Sample, config: RLConfig) -> tuple[float, bool]:
    """(reward, correct) of one response: 1 if the verifier accepts, else the format reward if boxed."""
    correct = grade(problem.answer, sample.text, mode="reward").correct
    if correct or config.format_reward == 0:
        return float(correct), correct
    return config.format_reward * format_reward(sample.text), correct


def collect(
    engine: Engine,
    problems: Sequence[Problem],
    prompts: Sequence[tuple[int, ...]],
    config: RLConfig,
    step: int,
) -> Rollouts:
    """Sample n rollouts of every prompt, each seeded by (run seed, step, place in the batch, index).

    Ranks sample their share of the groups and exchange the results.
    """
    mine = range(distributed.rank(), len(problems), distributed.world())
    requests = [
        Request(prompts[p], derive_seed("rollout", config.seed, step, p, i))
        for p in mine
        for i in range(config.n)
    ]
    samples = engine.sample(requests, options_of(config)) if requests else []
    graded = [
        reward_of(problems[p], samples[j * config.n + i], config)
        for j, p in enumerate(mine)
        for i in range(config.n)
    ]
    everything: list[list[Any]] = [[] for _ in problems]
    for rank, part in enumerate(distributed.gather(list(zip(samples, graded, strict=True)))):
        for j, p in enumerate(range(rank, len(problems), distributed.world())):
            everything[p] = part[j * config.n : (j + 1) * config.n]
    flat = [entry for group in everything for entry in group]
    rewards = torch.tensor([g[0] for _, g in flat], dtype=torch.float64).view(len(problems), config.n)
    correct = torch.tensor([g[1] for _, g in flat]).view(len(problems), config.n)
    return Rollouts(list(prompts), [s for s, _ in flat], rewards, correct, [p.id for p in problems])


def save(folder: Path, step: int, rollouts: Rollouts) -> None:
    """Write a step's rollouts as one parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    n = rollouts.rewards.shape[1]
    table = pa.table(
        {
            "step": pa.array([step] * len(rollouts.samples), pa.int32()),
            "group": pa.array(np.repeat(np.arange(len(rollouts.ids)), n), pa.int32()),
            "problem": [rollouts.ids[rollouts.group(i)] for i in range(len(rollouts.samples))],
            "prompt_ids": pa.array(
                [rollouts.prompts[rollouts.group(i)] for i in range(len(rollouts.samples))],
                pa.list_(pa.int32()),
            ),
            "token_ids": pa.array([s.token_ids for s in rollouts.samples], pa.list_(pa.int32())),
            "logprobs": pa.array([s.logprobs for s in rollouts.samples], pa.list_(pa.float32())),
            "text": [s.text for s in rollouts.samples],
            "finish_reason": [s.finish_reason for s in rollouts.samples],
            "reward": rollouts.rewards.flatten().numpy(),
            "correct": rollouts.correct.flatten().numpy(),
        }
    )
    write_folder(
        folder / f"step-{step:06d}", lambda target: pq.write_table(table, target / "rollouts.parquet")
    )


def prune(folder: Path, after: int) -> None:
    """Remove rollouts of steps that training will do again."""
    import shutil

    for path in folder.glob("step-*"):
        if int(path.name.removeprefix("step-")) > after:
            shutil.rmtree(path)
