"""One contract for all losses: a sum over tokens divided by one global count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from evals.engines.olmo2 import Olmo2
from evals.engines.ragged import Ragged, ragged


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


def stream(sequences: Sequence[Sequence[int]], responses: Sequence[int], device: torch.device) -> Stream:
    """The stream of whole sequences; the last `responses[i]` tokens of sequence i are the ones predicted.

    Masks come from lengths alone. The response must leave at least one token before it.
    """
    lengths = [len(s) for s in sequences]
    if any(not 0 <= r < n for n, r in zip(lengths, responses, strict=True)):
        raise ValueError("a response must be shorter than its sequence")
    ends = torch.tensor(lengths).cumsum(0)
    source = torch.cat(
        [torch.arange(e - r - 1, e - 1) for e, r in zip(ends.tolist(), responses, strict=True)]
    )
    number = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(responses))
    ids = torch.tensor([i for s in sequences for i in s])
    layout = ragged(lengths).to(device)
    return Stream(ids.to(device), layout, source.to(device), ids[source + 1].to(device), number.to(device))


def counted_logits(model: Olmo2, batch: Stream) -> Tensor:
    """Logits (T, vocab), fp32 at least, at the counted positions only."""
    hidden = model.hidden(batch.ids, batch.layout)
    logits = model.lm_head(hidden[batch.source])
    return logits if logits.dtype == torch.float64 else logits.float()


def token_losses(model: Olmo2, batch: Stream) -> Tensor:
    """Negative log-likelihood (T,) of every counted token."""
    return F.cross_entropy(counted_logits(model, batch), batch.target, reduction="none")
