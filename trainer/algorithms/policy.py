"""The gradient of a policy from rollouts: log-probs, loss, one sum over the global batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from evals.engines.olmo2 import Olmo2
from trainer.algorithms.grpo import clipped_surrogate, kl_penalty, weights_of
from trainer.algorithms.loss import Stream, counted_logits, forked
from trainer.algorithms.registry import advantages
from trainer.config.load import Compute, RLConfig
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.rollouts.rollouts import Rollouts
from trainer.run.guards import memory

MEASURES = ("loss", "entropy", "kl", "clipped", "mismatch")


@dataclass(frozen=True, slots=True)
class Part:
    """Samples of one forward and backward pass, flattened to their T response tokens.

    lengths: (S,) tokens of each sample that count. keep: (T,) False where the sampler's log-prob is not
    finite. sampled: (T,) the sampler's log-probs. advantage: (T,). learns: False where the loss has no
    gradient, so that the samples are only measured.
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


def minibatches(model: Olmo2, batch: Rollouts, config: RLConfig) -> list[Minibatch]:
    """The updates of one step, in order. Advantages are taken over whole groups before any filter."""
    advantage = advantages(batch.rewards, config)
    size = config.minibatch * config.n
    starts = range(0, len(batch.samples), size)
    with memory(f"compute.tokens_per_pass (now {config.compute.tokens_per_pass})"):
        return [
            _minibatch(model, batch, range(s, s + size), advantage, len(starts) > 1, config) for s in starts
        ]


def _minibatch(
    model: Olmo2, batch: Rollouts, samples: Sequence[int], advantage: Tensor, several: bool, config: RLConfig
) -> Minibatch:
    """The samples of one update; groups without signal stay or go, as configured."""
    signal, learns = (advantage != 0).any(dim=1), learning(batch.rewards, config)
    chosen = [i for i in samples if config.keep_zero_variance or signal[batch.group(i)]]
    finite = [torch.tensor(batch.samples[i].logprobs or ()).isfinite() for i in chosen]
    even = distributed.is_sharded(model)
    device = model.lm_head.weight.device
    parts = []
    for learn in (True, False):
        mine = units(batch, [i for i in chosen if bool(learns[batch.group(i)]) == learn], config.compute)
        sizes = [_tokens(batch, unit) for unit in mine]
        shares = distributed.deal(sizes, config.compute.tokens_per_pass, even=even)
        parts += [_part(batch, [mine[u] for u in s], advantage, device, learn) for s in shares]
    before = [_scores(model, part, config) for part in parts] if several else None
    tokens = sum(int(f.sum()) for f in finite)
    lost = sum(len(f) for f in finite) - tokens
    alive = any(bool(signal[batch.group(i)]) for i in chosen)
    return Minibatch(parts, before, tokens, len(chosen), lost, alive)


def learning(rewards: Tensor, config: RLConfig) -> Tensor:
    """Whether the loss of each group (prompts,) has a gradient: equal rewards have one by KL or entropy."""
    if config.kl > 0 or config.entropy > 0:
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


def gradient(
    model: Olmo2, reference: Olmo2 | None, minibatch: Minibatch, config: RLConfig
) -> dict[str, float]:
    """Add the gradient of the loss over a minibatch: one sum, divided by counts over all ranks.

    Tokens whose sampler log-prob is not finite leave loss and denominator. Returns the metrics.
    """
    totals = torch.zeros(len(MEASURES), dtype=torch.float64)
    with memory(f"compute.tokens_per_pass (now {config.compute.tokens_per_pass})"):
        for number, part in enumerate(minibatch.parts):
            before = minibatch.before[number] if minibatch.before else None
            with torch.set_grad_enabled(part.learns):
                values = _loss(model, reference, part, before, config)
            weight = weights_of(
                part.data.sequence,
                part.lengths,
                config.aggregation,
                tokens=max(minibatch.tokens, 1),
                sequences=max(minibatch.sequences, 1),
                constant=config.max_tokens,
            ).to(values["loss"].dtype)
            total = (torch.where(part.keep, values["loss"], 0.0) * weight).sum()
            if part.learns:
                total.backward()
            else:
                shard.settle(model)
            mean = part.keep / max(minibatch.tokens, 1)
            rest = [torch.where(part.keep, values[m].detach(), 0.0) * mean for m in MEASURES[1:]]
            sums = [float(total.detach()), *(float(r.sum()) for r in rest)]
            totals += torch.tensor(sums, dtype=torch.float64)
    distributed.sum_gradients(model)
    distributed.sum_over_ranks(totals)
    counts = {"nonfinite": float(minibatch.nonfinite), "signal": float(minibatch.signal)}
    return dict(zip(MEASURES, totals.tolist(), strict=True)) | counts


def _loss(
    model: Olmo2,
    reference: Olmo2 | None,
    part: Part,
    before: tuple[Tensor, Tensor] | None,
    config: RLConfig,
) -> dict[str, Tensor]:
    """Per-token loss (T,) with gradient, and what is measured beside it."""
    logits = counted_logits(model, part.data)
    logp = _logp(logits, part.data, config.temperature)
    old, plain = before or _both(logits.detach(), part.data, config)
    terms = clipped_surrogate(
        logp,
        old,
        part.advantage.to(logp.dtype),
        low=config.clip_low,
        high=config.clip_high,
        dual=config.dual_clip,
    )
    loss, kl = terms.loss, torch.zeros_like(logp)
    if reference is not None:
        kl = kl_penalty(logp, _scores(reference, part, config)[0], config.kl_estimator)
        loss = loss + config.kl * kl
    with torch.set_grad_enabled(config.entropy > 0 and part.learns):
        entropy = _entropy(logits)
    if config.entropy > 0:
        loss = loss - config.entropy * entropy
    gap = (plain - part.sampled).abs()
    return {"loss": loss, "entropy": entropy, "kl": kl, "clipped": terms.clipped, "mismatch": gap}


@torch.no_grad()
def _scores(model: Olmo2, part: Part, config: RLConfig) -> tuple[Tensor, Tensor]:
    """Log-probs (T,) of a part's tokens at the rollouts' temperature and at 1, without gradient."""
    logits = counted_logits(model, part.data)
    shard.settle(model)
    return _both(logits, part.data, config)


def _both(logits: Tensor, data: Stream, config: RLConfig) -> tuple[Tensor, Tensor]:
    tempered = _logp(logits, data, config.temperature)
    return tempered, tempered if config.temperature == 1 else _logp(logits, data, 1.0)


def _logp(logits: Tensor, data: Stream, temperature: float) -> Tensor:
    """Log-probability (T,) of every counted token under the tempered policy, which is what sampled it."""
    tempered = logits if temperature == 1 else logits / temperature
    return -F.cross_entropy(tempered, data.target, reduction="none")


def _entropy(logits: Tensor) -> Tensor:
    """Entropy (T,) in nats of the distribution at temperature 1 over the full vocabulary."""
    logp = logits.log_softmax(-1)
    return -(logp.exp() * logp).sum(-1)
