"""The gradient of a policy from rollouts: log-probs, loss, one sum over the global batch."""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.algorithms import ALGORITHMS
from trainer.algorithms.contract import full_kl, kl_penalty, weights_of
from trainer.algorithms.correction import importance_weights
from trainer.algorithms.loss import counted_logits, entropy_of, logp_of, logp_pair
from trainer.config.schema import RLConfig
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.models.trainable import Trainable
from trainer.rollouts.minibatches import Minibatch, Part
from trainer.run.guards import memory

MEASURES = ("loss", "entropy", "kl", "clipped", "mismatch", "importance", "capped")


def gradient(
    model: Trainable, reference: Trainable | None, minibatch: Minibatch, config: RLConfig
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
    model: Trainable,
    reference: Trainable | None,
    part: Part,
    before: tuple[Tensor, Tensor] | None,
    config: RLConfig,
) -> dict[str, Tensor]:
    """Per-token loss (T,) with gradient, and what is measured beside it."""
    logits = counted_logits(model, part.data)
    logp = logp_of(logits, part.data, config.temperature)
    old, plain = before or logp_pair(logits.detach(), part.data, config.temperature)
    advantage = part.advantage.to(logp.dtype)
    terms = ALGORITHMS[config.algorithm].terms(logp, old, advantage, config)
    loss, kl = terms.loss, torch.zeros_like(logp)
    if reference is not None:
        penalty, kl = _kl(reference, part, logits, logp, config)
        loss = loss + config.kl * penalty
    bonus = float(config.entropy) if isinstance(config.entropy, int | float) else 0.0
    with torch.set_grad_enabled(bonus > 0 and part.learns):
        entropy = entropy_of(logits)
    if bonus > 0:
        loss = loss - bonus * entropy
    importance, capped = torch.ones_like(logp), torch.zeros_like(logp)
    if config.correction in ("token", "sequence"):
        importance = importance_weights(plain, part.sampled, part.data.sequence, config)
        capped = ((importance == 0) | (importance == config.correction_cap)).to(logp.dtype)
        loss = loss * importance
    return {
        "loss": loss,
        "entropy": entropy,
        "kl": kl,
        "clipped": terms.clipped,
        "mismatch": (plain - part.sampled).abs(),
        "importance": importance,
        "capped": capped,
    }


def _kl(
    reference: Trainable, part: Part, logits: Tensor, logp: Tensor, config: RLConfig
) -> tuple[Tensor, Tensor]:
    """(penalty, estimate), each (T,), against the reference at the rollouts' temperature.

    They differ for k1 alone, whose penalty has the gradient of the KL and not its value.
    """
    with torch.no_grad():
        other = counted_logits(reference, part.data)
        shard.settle(reference)
    if config.kl_estimator == "full":
        exact = full_kl(logits / config.temperature, other / config.temperature)
        return exact, exact
    beside = logp_of(other, part.data, config.temperature)
    penalty = kl_penalty(logp, beside, config.kl_estimator)
    return penalty, logp - beside if config.kl_estimator == "k1" else penalty
