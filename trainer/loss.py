"""One contract for all losses: a sum over tokens divided by one global count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from evals.engines.olmo2 import Olmo2
from evals.engines.ragged import Ragged, ragged
from trainer import distributed
from trainer.stops import memory


@dataclass(frozen=True, slots=True)
class Stream:
    """Sequences as one flat stream: ids (N,), layout, and which predictions count.

    source, target: (T,) positions of the logits that count and the ids they must predict.
    sequence: (T,) number of the sequence of each counted token.
    """

    ids: Tensor
    layout: Ragged
    source: Tensor
    target: Tensor
    sequence: Tensor


def stream(
    sequences: Sequence[Sequence[int]], responses: Sequence[int], device: torch.device | str
) -> Stream:
    """The stream of whole sequences; the last `responses[i]` tokens of sequence i are the ones predicted.

    Masks come from lengths alone. The response must leave at least one token before it.
    """
    lengths = [len(s) for s in sequences]
    if any(not 0 <= r < n for n, r in zip(lengths, responses, strict=True)):
        raise ValueError("a response must be shorter than its sequence")
    counted, ends = torch.tensor(responses), torch.tensor(lengths).cumsum(0)
    number = torch.repeat_interleave(torch.arange(len(lengths)), counted)
    before = counted.cumsum(0) - counted
    source = (ends - counted - 1)[number] + torch.arange(len(number)) - before[number]
    ids = torch.tensor([i for s in sequences for i in s])
    layout = ragged(lengths).to(device)
    return Stream(ids.to(device), layout, source.to(device), ids[source + 1].to(device), number.to(device))


def counted_logits(model: Olmo2, batch: Stream) -> Tensor:
    """Logits (T, vocab), fp32 at least, at the counted positions only."""
    logits: Tensor = model(batch.ids, batch.layout, batch.source)
    return logits


def token_losses(model: Olmo2, batch: Stream) -> Tensor:
    """Negative log-likelihood (T,) of every counted token."""
    return F.cross_entropy(counted_logits(model, batch), batch.target, reduction="none")


def add_gradient(
    model: Olmo2, sequences: Sequence[Sequence[int]], responses: Sequence[int], tokens_per_pass: int
) -> float:
    """Leave in `.grad` the gradient of the mean loss over all counted tokens of all ranks; returns it.

    Every rank is given the whole batch, takes its share, and divides by the one global count.
    """
    count, lengths = sum(responses), [len(s) for s in sequences]
    device = model.lm_head.weight.device
    total = torch.zeros((), dtype=torch.float64, device=device)
    with memory(f"compute.tokens_per_pass (now {tokens_per_pass})"):
        for part in distributed.deal(lengths, tokens_per_pass, even=distributed.is_sharded(model)):
            batch = stream(*distributed.fill([(sequences[i], responses[i]) for i in part]), device)
            losses = token_losses(model, batch)
            loss = losses.sum() / count if part else losses.sum() * 0.0
            loss.backward()
            total += loss.detach()
    distributed.sum_gradients(model)
    return float(distributed.sum_over_ranks(total))
