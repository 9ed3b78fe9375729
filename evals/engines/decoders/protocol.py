"""What the sampling loop needs of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Decoder(Protocol):
    """Decodes and scores rows of token ids. Rows that share a prompt are adjacent."""

    model: Any
    one_length: bool  # whether all prompts of a batch must have one length

    @property
    def device(self) -> torch.device:
        """Where the weights are now."""

    @property
    def vocab_size(self) -> int:
        """Logits of a position."""

    def prefill(self, prompts: Sequence[Sequence[int]], group: Tensor) -> Tensor:
        """Take prompts; row r continues prompts[group[r]]. Returns next-token logits (R, V) in fp32."""

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token per row; returns next-token logits (R, V) in fp32."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in this order."""

    def hidden(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> Tensor:
        """What `head` takes, (tokens of all responses, …): for each response token what predicts it."""

    def head(self, hidden: Tensor) -> Tensor:
        """Logits (M, V) in fp32 of some rows of `hidden`."""


def predicting(lengths: Sequence[tuple[int, int]]) -> Tensor:
    """Positions in a stream of documents (prompt and response lengths) that predict response tokens."""
    places, start = [], 0
    for prompt, response in lengths:
        places.append(torch.arange(start + prompt - 1, start + prompt + response - 1))
        start += prompt + response
    return torch.cat(places)
