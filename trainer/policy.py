"""The update of a policy from rollouts: log-probs, loss, gradient over the global batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from evals.engines.olmo2 import Olmo2
from evals.errors import UserError
from trainer import distributed
from trainer.algorithms import advantages
from trainer.config import RLConfig
from trainer.grpo import clipped_surrogate, kl_penalty, weights_of
from trainer.loss import Stream, counted_logits, stream
from trainer.optimizer import clip
from trainer.rollouts import Rollouts


def needs_old(config: RLConfig) -> bool:
    """Whether log-probs before the update need a pass of their own (several updates on one batch)."""
    return config.prompts > config.minibatch


def update(
    model: Olmo2, reference: Olmo2 | None, optimizer: torch.optim.Optimizer, batch: Rollouts, config: RLConfig
) -> dict[str, float]:
    """All updates of one step; returns the mean of their metrics. Advantages are taken before any filter."""
    advantage = advantages(batch.rewards, config)
    old = old_logprobs(model, batch, config) if needs_old(config) else None
    rows = []
    for chosen in minibatches(batch, advantage, config):
        optimizer.zero_grad(set_to_none=True)
        row = gradient(model, reference, batch, chosen, advantage, old, config)
        norm = clip(model, config.optimizer.clip)
        if norm != norm:
            raise UserError(
                "a gradient of rl is not a number; lower rl.optimizer.lr; the last saved state is kept"
            )
        optimizer.step()
        rows.append(row | {"grad_norm": norm})
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}


def minibatches(batch: Rollouts, advantage: Tensor, config: RLConfig) -> list[list[int]]:
    """Sample numbers of every update of a step, in order."""
    size = config.minibatch * config.n
    return [
        [i for i in range(start, start + size) if _counts(i, advantage, config)]
        for start in range(0, len(batch.samples), size)
    ]


def _counts(sample: int, advantage: Tensor, config: RLConfig) -> bool:
    """Whether a sample stays in loss and denominator: groups without signal may be dropped."""
    return config.keep_zero_variance or bool((advantage[sample // config.n] != 0).any())


def gradient(
    model: Olmo2,
    reference: Olmo2 | None,
    batch: Rollouts,
    chosen: Sequence[int],
    advantage: Tensor,
    old: dict[int, Tensor] | None,
    config: RLConfig,
) -> dict[str, float]:
    """Add the gradient of the loss over the `chosen` samples, one sum over one global token count.

    old: log-probs before the first update by sample number; None where this is the first update, so that
    the ratio is exactly 1. Tokens whose sampler log-prob is not finite leave loss and denominator.
    """
    device = model.lm_head.weight.device
    finite = {i: _sampled(batch, i).isfinite() for i in chosen}
    tokens = int(sum(int(f.sum()) for f in finite.values()))
    totals = dict.fromkeys(("loss", "entropy", "kl", "clipped", "mismatch"), 0.0)
    for part in _passes(batch, chosen, config):
        data = _stream(batch, part, device)
        keep = torch.cat([finite[i] for i in part]).to(device)
        lengths = torch.tensor([int(finite[i].sum()) for i in part], device=device)
        logits = counted_logits(model, data)
        logp = _logp(logits / config.temperature, data)
        before = logp.detach() if old is None else torch.cat([old[i] for i in part])
        adv = torch.tensor(
            [advantage[i // config.n, i % config.n] for i in part], dtype=logp.dtype, device=device
        )
        terms = clipped_surrogate(
            logp,
            before,
            adv[data.sequence],
            low=config.clip_low,
            high=config.clip_high,
            dual=config.dual_clip,
        )
        loss, kl, entropy = terms.loss, torch.zeros_like(logp), _entropy(logits)
        if reference is not None:
            with torch.no_grad():
                base = _logp(counted_logits(reference, data) / config.temperature, data)
            kl = kl_penalty(logp, base, config.kl_estimator)
            loss = loss + config.kl * kl
        if config.entropy:
            loss = loss - config.entropy * entropy
        weight = weights_of(
            data.sequence,
            lengths,
            config.aggregation,
            tokens=max(tokens, 1),
            sequences=len(chosen),
            constant=config.max_tokens,
        )
        total = (torch.where(keep, loss, 0.0) * weight).sum()
        total.backward()
        sampled = torch.cat([torch.tensor(batch.samples[i].logprobs, dtype=torch.float32) for i in part]).to(
            device
        )
        gap = (_logp(logits.detach(), data) - sampled).abs()
        share = keep.to(logp.dtype) / max(tokens, 1)
        totals["loss"] += float(total.detach())
        for key, value in (("entropy", entropy), ("kl", kl), ("clipped", terms.clipped), ("mismatch", gap)):
            totals[key] += float((torch.where(keep, value.detach(), 0.0) * share).sum())
    distributed.sum_gradients(model.parameters())
    summed = distributed.sum_over_ranks(torch.tensor(list(totals.values()), dtype=torch.float64))
    bad = sum(int((~f).sum()) for f in finite.values())
    return dict(zip(totals, summed.tolist(), strict=True)) | {"nonfinite": float(bad)}


def _passes(batch: Rollouts, chosen: Sequence[int], config: RLConfig) -> list[list[int]]:
    """This rank's samples in parts of at most `tokens_per_pass` tokens, prompts included."""
    parts: list[list[int]] = []
    size = 0
    for i in chosen[distributed.rank() :: distributed.world()]:
        length = len(batch.prompts[batch.group(i)]) + len(batch.samples[i].token_ids or ())
        if not parts or size + length > config.tokens_per_pass:
            parts.append([])
            size = 0
        parts[-1].append(i)
        size += length
    return parts


def _stream(batch: Rollouts, part: Sequence[int], device: torch.device) -> Stream:
    """Prompt and response ids as sampled; the response, with its EOS if one was drawn, is what counts."""
    responses = [batch.samples[i].token_ids or () for i in part]
    whole = [(*batch.prompts[batch.group(i)], *r) for i, r in zip(part, responses, strict=True)]
    return stream(whole, [len(r) for r in responses], device)


def _sampled(batch: Rollouts, sample: int) -> Tensor:
    """The sampler's own log-probs (T,) of one sample."""
    return torch.tensor(batch.samples[sample].logprobs or (), dtype=torch.float32)


def _logp(logits: Tensor, data: Stream) -> Tensor:
    """Log-probability (T,) of every counted token."""
    return logits.log_softmax(-1).gather(-1, data.target[:, None])[:, 0]


def _entropy(logits: Tensor) -> Tensor:
    """Entropy (T,) in nats of the distribution at temperature 1 over the full vocabulary."""
    logp = logits.log_softmax(-1)
    return -(logp.exp() * logp).sum(-1)


@torch.no_grad()
def old_logprobs(model: Olmo2, batch: Rollouts, config: RLConfig) -> dict[int, Tensor]:
    """Log-probs of this rank's samples under the weights that sampled them, at the rollouts' temperature.

    Every update deals its samples to ranks anew, so a rank scores the samples of all its shares.
    """
    device = model.lm_head.weight.device
    old: dict[int, Tensor] = {}
    for part in _passes_of_all(batch, config):
        data = _stream(batch, part, device)
        logp = _logp(counted_logits(model, data) / config.temperature, data)
        for i, piece in zip(
            part, logp.split([len(batch.samples[i].token_ids or ()) for i in part]), strict=True
        ):
            old[i] = piece
    return old


def _passes_of_all(batch: Rollouts, config: RLConfig) -> list[list[int]]:
    """All samples in parts: each rank scores everything it may need without a transfer."""
    longest = max(len(p) for p in batch.prompts) + max(len(s.token_ids or ()) for s in batch.samples)
    size = max(1, config.tokens_per_pass // longest)
    numbers = range(len(batch.samples))
    return [list(numbers[at : at + size]) for at in range(0, len(numbers), size)]
