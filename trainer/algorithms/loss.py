"""One contract for all losses: a sum over tokens divided by one global count."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.models.stream import Stream, stream
from trainer.models.trainable import Trainable
from trainer.run.guards import memory


def counted_logits(model: Trainable, batch: Stream) -> Tensor:
    """Logits (T, vocab), fp32 at least, at the counted positions only."""
    logits: Tensor = model(batch.ids, batch.layout, batch.source)
    return logits


def token_losses(model: Trainable, batch: Stream) -> Tensor:
    """Negative log-likelihood (T,) of every counted token."""
    return F.cross_entropy(counted_logits(model, batch), batch.target, reduction="none")


def logp_of(logits: Tensor, batch: Stream, temperature: float = 1.0) -> Tensor:
    """Log-probability (T,) of every counted token under the tempered policy, which is what sampled it."""
    tempered = logits if temperature == 1 else logits / temperature
    return -F.cross_entropy(tempered, batch.target, reduction="none")


def logp_pair(logits: Tensor, batch: Stream, temperature: float) -> tuple[Tensor, Tensor]:
    """Log-probabilities (T,) at the rollouts' temperature and at 1."""
    tempered = logp_of(logits, batch, temperature)
    return tempered, tempered if temperature == 1 else logp_of(logits, batch)


@torch.no_grad()
def scores(model: Trainable, batch: Stream, temperature: float) -> tuple[Tensor, Tensor]:
    """`logp_pair` of a model that is not trained on them."""
    logits = counted_logits(model, batch)
    shard.settle(model)
    return logp_pair(logits, batch, temperature)


def entropy_of(logits: Tensor) -> Tensor:
    """Entropy (T,) in nats of the distribution at temperature 1 over the full vocabulary."""
    logp = logits.log_softmax(-1)
    return -(logp.exp() * logp).sum(-1)


def add_gradient(
    model: Trainable, sequences: Sequence[Sequence[int]], responses: Sequence[int], tokens_per_pass: int
) -> float:
    """Leave in `.grad` the gradient of the mean loss over all counted tokens of all ranks; returns it.

    Every rank is given the whole batch, takes its share, and divides by the one global count.
    """
    count, lengths = sum(responses), [len(s) for s in sequences]
    total = torch.zeros((), dtype=torch.float64, device=model.device)
    with memory(f"compute.tokens_per_pass (now {tokens_per_pass})"):
        for part in distributed.deal(lengths, tokens_per_pass, even=distributed.is_sharded(model)):
            batch = stream(*distributed.fill([(sequences[i], responses[i]) for i in part]), model.device)
            losses = token_losses(model, batch)
            loss = losses.sum() / count if part else losses.sum() * 0.0
            loss.backward()
            total += loss.detach()
    distributed.sum_gradients(model)
    return float(distributed.sum_over_ranks(total))
