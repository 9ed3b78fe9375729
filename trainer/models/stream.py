"""Sequences as one flat stream of tokens, with the predictions that count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from evals.models.ragged import Ragged, forks


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
