"""Rollouts cut into updates, and updates into passes: what counts, what learns, with which advantage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.algorithms import advantages
from trainer.algorithms.loss import scores
from trainer.config.schema import Compute, RLConfig
from trainer.distributed import ranks as distributed
from trainer.models.stream import Stream, forked
from trainer.models.trainable import Trainable
from trainer.rollouts.rollouts import Rollouts
from trainer.run.guards import memory


@dataclass(frozen=True, slots=True)
class Part:
    """Samples of one forward and backward pass, flattened to their T response tokens.

    lengths: (S,) tokens of each sample that count. keep: (T,) False where the sampler's log-prob is not
    finite, or the sample is left out. sampled: (T,) the sampler's log-probs. advantage: (T,). learns: False
    where the loss has no gradient, so that the samples are only measured.
    """

    data: Stream
    lengths: Tensor
    keep: Tensor
    sampled: Tensor
    advantage: Tensor
    learns: bool


@dataclass(frozen=True, slots=True)
class Minibatch:
    """What one update is made of: this rank's parts, and the counts of all ranks together.

    before: two (T,) log-probs of each part under the sampling weights, at the rollouts' temperature and at 1;
    None where they are the weights still, so that the ratio is exactly 1. signal: whether any advantage
    differs from zero.
    """

    parts: list[Part]
    before: list[tuple[Tensor, Tensor]] | None
    tokens: int
    sequences: int
    nonfinite: int
    signal: bool


def minibatches(model: Trainable, batch: Rollouts, config: RLConfig) -> list[Minibatch]:
    """The updates of one step, in order. Advantages are taken over whole groups before any filter."""
    advantage = advantages(batch.rewards, config)
    size = config.minibatch * config.n
    starts = range(0, len(batch.samples), size)
    with memory(f"compute.tokens_per_pass (now {config.compute.tokens_per_pass})"):
        return [
            _minibatch(model, batch, range(s, s + size), advantage, len(starts) > 1, config) for s in starts
        ]


def _minibatch(
    model: Trainable, batch: Rollouts, samples: Sequence[int], advantage: Tensor, several: bool, c: RLConfig
) -> Minibatch:
    """The samples of one update; groups without signal and cut-off samples stay or go, as configured."""
    chosen, parted = _chosen(batch, samples, advantage, c)
    finite = [torch.tensor(batch.samples[i].logprobs or ()).isfinite() for i in chosen]
    even = distributed.is_sharded(model)
    parts = []
    for learn, those in zip((True, False), parted, strict=True):
        own = units(batch, those, c.compute)
        sizes = [_tokens(batch, unit) for unit in own]
        shares = distributed.deal(sizes, c.compute.tokens_per_pass, even=even)
        parts += [_part(batch, [own[u] for u in s], advantage, model.device, learn) for s in shares]
    before = [scores(model, part.data, c.temperature) for part in parts] if several else None
    tokens = sum(int(f.sum()) for f in finite)
    lost = sum(len(f) for f in finite) - tokens
    alive = any(bool((advantage[batch.group(i)] != 0).any()) for i in chosen)
    return Minibatch(parts, before, tokens, len(chosen), lost, alive)


def computed(batch: Rollouts, config: RLConfig) -> tuple[list[list[int]], list[list[int]]]:
    """Units of samples that the updates of a step compute, on all ranks: (learnt from, measured alone)."""
    _, (learnt, measured) = _chosen(
        batch, range(len(batch.samples)), advantages(batch.rewards, config), config
    )
    return units(batch, learnt, config.compute), units(batch, measured, config.compute)


def _chosen(
    batch: Rollouts, samples: Sequence[int], advantage: Tensor, c: RLConfig
) -> tuple[list[int], tuple[list[int], list[int]]]:
    """What stays of `samples`, in order; the same as (learnt from, measured alone)."""
    signal, learns = (advantage != 0).any(dim=1), learning(batch.rewards, c)
    chosen = [i for i in samples if c.keep_zero_variance or signal[batch.group(i)]]
    if c.mask_truncated:
        chosen = [i for i in chosen if batch.samples[i].finish_reason != "length"]
    learnt = [i for i in chosen if learns[batch.group(i)]]
    return chosen, (learnt, [i for i in chosen if not learns[batch.group(i)]])


def learning(rewards: Tensor, config: RLConfig) -> Tensor:
    """Whether the loss of each group (prompts,) has a gradient: equal rewards have one by KL or entropy."""
    if config.kl > 0 or config.entropy != 0:
        return torch.ones(len(rewards), dtype=torch.bool)
    return (advantages(rewards, config) != 0).any(dim=1)


def units(batch: Rollouts, samples: Sequence[int], compute: Compute) -> list[list[int]]:
    """Samples that the model computes together: of one prompt and of at most `tokens_per_pass` tokens.

    They share what is computed of the prompt (cf. arXiv 2506.05433); it is summed in another order, no more.
    """
    found: list[list[int]] = []
    for i in samples:
        last = found[-1] if found and compute.share_prompts else []
        like = last and batch.group(last[0]) == batch.group(i)
        if like and _tokens(batch, [*last, i]) <= compute.tokens_per_pass:
            last.append(i)
        else:
            found.append([i])
    return found


def _tokens(batch: Rollouts, unit: Sequence[int]) -> int:
    """Tokens of a unit: its prompt, once, and its responses."""
    responses = sum(len(batch.samples[i].token_ids or ()) for i in unit)
    return len(batch.prompts[batch.group(unit[0])]) + responses


def _part(
    batch: Rollouts, chosen: Sequence[list[int]], advantage: Tensor, device: torch.device, learns: bool
) -> Part:
    """Prompt and response ids as sampled; the response, with its EOS if one was drawn, is what counts."""
    samples = [i for unit in chosen for i in unit]
    groups = [
        (batch.prompts[batch.group(unit[0])], [batch.samples[i].token_ids or () for i in unit])
        for unit in chosen
    ]
    data = forked(groups or [((0,), [(0,)])], device)  # nothing to do: a token that is given no weight
    none = [] if samples else [float("nan")]
    sampled = torch.tensor([x for i in samples for x in batch.samples[i].logprobs or ()] + none)
    of_sample = advantage.flatten()[list(samples)] if samples else advantage.new_zeros(1)
    keep = sampled.isfinite()
    count = torch.zeros(len(of_sample)).index_add_(0, data.sequence.cpu(), keep.float())
    spread = of_sample.to(device)[data.sequence]
    return Part(data, count.to(device), keep.to(device), sampled.to(device), spread, learns)
