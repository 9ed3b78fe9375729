"""One contract for all losses: a sum over tokens divided by one global count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from evals.engines.olmo2 import Olmo2
from evals.engines.ragged import Ragged, forks
from trainer.distributed import ranks as distributed
from trainer.run.guards import memory


@dataclass(frozen=True, slots=True)
class Stream:
    """Sequences as one flat stream: ids (N,), layout, and which predictions count.

    A prompt that is shared by several responses stands once.

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
    ends = [len(s) - r for s, r in zip(sequences, responses, strict=True)]
    return forked([(s[:e], [s[e:]]) for s, e in zip(sequences, ends, strict=True)], device)


def forked(
    groups: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]], device: torch.device | str
) -> Stream:
    """The stream of (prompt, responses to it): a prompt stands once; every response token is predicted."""
    ids: list[int] = []
    source: list[int] = []
    for prompt, responses in groups:
        if not prompt:
            raise ValueError("a response must be shorter than its sequence")
        last = len(ids) + len(prompt) - 1
        ids.extend(prompt)
        for response in responses:
            if response:
                source += [last, *range(len(ids), len(ids) + len(response) - 1)]
            ids.extend(response)
    every = [r for _, responses in groups for r in responses]
    target = torch.tensor([i for r in every for i in r], dtype=torch.int64)
    counts = torch.tensor([len(r) for r in every])
    number = torch.repeat_interleave(torch.arange(len(every)), counts)
    layout = forks([len(p) for p, _ in groups], [[len(r) for r in rs] for _, rs in groups]).to(device)
    moved = (t.to(device) for t in (torch.tensor(source, dtype=torch.int64), target, number))
    return Stream(torch.tensor(ids).to(device), layout, *moved)


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
