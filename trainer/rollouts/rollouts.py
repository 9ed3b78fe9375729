"""Rollouts: the samples of training, with their rewards, kept as sampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evals.core.files import replacing
from evals.core.keys import derive_seed
from evals.engines.engine import Engine
from evals.records import Problem, Request, Sample, SamplingOptions
from trainer.config.schema import RLConfig
from trainer.data.asking import asking_of
from trainer.distributed import ranks as distributed
from trainer.rollouts.rewards import rewards


@dataclass(frozen=True, slots=True)
class Discarded:
    """A group that was sampled and is not used: tokens of its prompt and of each response, and (n,) what they
    earned, as in Rollouts."""

    prompt: int
    responses: list[int]
    rewards: torch.Tensor
    correct: torch.Tensor
    limits: torch.Tensor


@dataclass(frozen=True, slots=True)
class Rollouts:
    """One step's rollouts, P prompts with n each, in order.

    prompts: ids of each prompt. samples: P · n samples, group after group. rewards: (P, n) float64.
    correct: (P, n) whether the verifier accepted. limits: (P, n) whether it gave up.
    ids: the problems' ids. discarded: groups sampled in vain.
    """

    prompts: list[tuple[int, ...]]
    samples: list[Sample]
    rewards: torch.Tensor
    correct: torch.Tensor
    limits: torch.Tensor
    ids: list[str]
    discarded: list[Discarded] = field(default_factory=list)

    def group(self, sample: int) -> int:
        """The number of the prompt that a sample belongs to: by place, so equal prompts stay apart."""
        return sample // self.rewards.shape[1]

    def discard(self, group: int) -> Discarded:
        """What is kept of a group that is not used."""
        n = self.rewards.shape[1]
        lengths = [len(s.token_ids or ()) for s in self.samples[group * n : (group + 1) * n]]
        earned = self.rewards[group], self.correct[group], self.limits[group]
        return Discarded(len(self.prompts[group]), lengths, *earned)

    def drawn(self, name: str) -> torch.Tensor:
        """`rewards`, `correct` or `limits` of all groups that were sampled, the discarded ones last."""
        rest = [getattr(group, name)[None] for group in self.discarded]
        return torch.cat([getattr(self, name), *rest])

    def sequence(self, sample: int) -> tuple[int, ...]:
        """Prompt and response ids of a sample, as sampled."""
        return (*self.prompts[self.group(sample)], *(self.samples[sample].token_ids or ()))


def collect(
    engine: Engine,
    problems: Sequence[Problem],
    prompts: Sequence[tuple[int, ...]],
    config: RLConfig,
    *key: int,
    before: str = "",
) -> Rollouts:
    """Sample n rollouts of every prompt, each seeded by (run seed, *key, place in the batch, index).

    key: the step, and the number of the refill where it is one. before: what the prompts have said of every
    response, which its text begins with. Ranks sample and grade their share of the groups and exchange the
    results.
    """
    n, count = config.n, len(problems)
    stops = asking_of(config).stops or ()
    everything = answered(
        engine,
        prompts,
        [[derive_seed("rollout", config.seed, *key, p, i) for i in range(n)] for p in range(count)],
        SamplingOptions(config.temperature, 1.0, 0, config.max_tokens, stops),
        lambda places, samples: rewards([problems[p] for p in places], samples, config),
        before,
    )
    values = torch.tensor([e[0] for _, e in everything], dtype=torch.float64)
    if config.reward == "random":
        values = dealt(values, config.seed, *key)
    correct = torch.tensor([e[1] for _, e in everything]).view(count, n)
    limits = torch.tensor([e[2] for _, e in everything]).view(count, n)
    ids = [p.id for p in problems]
    return Rollouts(list(prompts), [s for s, _ in everything], values.view(count, n), correct, limits, ids)


def answered(
    engine: Engine,
    prompts: Sequence[tuple[int, ...]],
    seeds: Sequence[Sequence[int]],
    options: SamplingOptions,
    judge: Callable[[list[int], list[Sample]], Sequence[Any]],
    before: str,
) -> list[Any]:
    """(sample, what `judge` says of it) for every prompt and each of its seeds, prompt after prompt.

    Ranks sample and judge their share of the prompts and exchange the results. judge: takes the number of the
    prompt of each sample, and the samples. before: what every text begins with.
    """
    own = range(distributed.rank(), len(prompts), distributed.world())
    requests = [Request(prompts[p], seed) for p in own for seed in seeds[p]]
    samples = engine.sample(requests, options) if requests else []
    samples = [replace(s, text=before + s.text) for s in samples] if before else samples
    pairs = iter(zip(samples, judge([p for p in own for _ in seeds[p]], samples), strict=True))
    shares = distributed.gather([[next(pairs) for _ in seeds[p]] for p in own])
    return [pair for p in range(len(prompts)) for pair in shares[p % len(shares)][p // len(shares)]]


def refilled(batch: Rollouts, flat: Sequence[int], other: Rollouts, signal: Sequence[bool]) -> Rollouts:
    """`batch` with its groups `flat` replaced, in order, by those of `other` that have a signal.

    What is not used afterwards is kept as `discarded`: it was sampled and costs.
    """
    n, useful = batch.rewards.shape[1], [g for g, has in enumerate(signal) if has]
    takes = dict(zip(flat, useful, strict=False))
    places = [(other, takes[g]) if g in takes else (batch, g) for g in range(len(batch.prompts))]
    rest = [(batch, g) for g in takes] + [(other, g) for g in range(len(signal)) if g not in takes.values()]

    def rows(name: str) -> torch.Tensor:
        return torch.stack([getattr(source, name)[g] for source, g in places])

    return Rollouts(
        [source.prompts[g] for source, g in places],
        [s for source, g in places for s in source.samples[g * n : (g + 1) * n]],
        rows("rewards"),
        rows("correct"),
        rows("limits"),
        [source.ids[g] for source, g in places],
        [*batch.discarded, *(source.discard(g) for source, g in rest)],
    )


def dealt(rewards: torch.Tensor, seed: int, *key: int) -> torch.Tensor:
    """The same rewards in an order drawn by (seed, *key): as many, but not of what earned them."""
    order = np.random.default_rng(derive_seed("random-reward", seed, *key)).permutation(len(rewards))
    return rewards[torch.from_numpy(order)]


def describe(batch: Rollouts) -> dict[str, float]:
    """Metrics of the rollouts alone; recomputable from the saved files where no group was discarded.

    reward, correct and verifier_limits are of all that was sampled, so that recipes compare whether or not
    they replace groups; reward_kept and the rest are of the groups that are trained on.
    """
    lengths = np.array([len(s.token_ids or ()) for s in batch.samples])
    cut = np.array([s.finish_reason == "length" for s in batch.samples])
    right = batch.correct.flatten().numpy()
    kinds = {"right": right & ~cut, "wrong": ~right & ~cut, "cut": cut}
    flat = (batch.rewards == batch.rewards[:, :1]).all(dim=1)
    return {
        "reward": float(batch.drawn("rewards").mean()),
        "reward_kept": float(batch.rewards.mean()),
        "correct": float(batch.drawn("correct").double().mean()),
        "zero_variance": float(flat.double().mean()),
        "truncated": float(cut.mean()),
        "response_tokens": float(lengths.mean()),
        **{f"tokens_{kind}": float(lengths[are].mean()) for kind, are in kinds.items() if are.any()},
        "tokens": float(lengths.sum()),
        "verifier_limits": float(batch.drawn("limits").sum()),
        "discarded": float(len(batch.discarded)),
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
