"""What a model must be to be trained: the protocol that the loops know. `native` and `wrapped` fulfil it."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from evals.engines.decoders import Decoder
from evals.models.ragged import Ragged
from trainer.config.schema import AdapterConfig


class Costs(NamedTuple):
    """What a token costs: weights of all layers that it is multiplied with, layers · attention width, and
    hidden size · vocabulary."""

    matrices: int
    attention: int
    head: int


class Trainable(nn.Module):
    """A causal language model in fp32 whose forward pass takes a flat stream of sequences.

    context: longest sequence, in tokens. costs: for counting FLOPs. vocabulary: rows of the head.
    shares_prompts: whether a prompt with several responses is computed once. adapter: what is trained alone.
    """

    context: int
    costs: Costs
    vocabulary: int
    shares_prompts = False
    adapter: AdapterConfig | None = None

    def prove(self) -> None:
        """Find out, whole and on its device, which fast way of computing it is right."""

    def recomputing(self) -> AbstractContextManager[None]:
        """What holds while layers are computed once more."""
        return nullcontext()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @abstractmethod
    def forward(self, ids: Tensor, layout: Ragged | None = None, at: Tensor | None = None) -> Tensor:
        """Logits (T, V), fp32 at least, at the positions `at` (T,) of the stream `ids` (N,)."""

    @abstractmethod
    def blocks(self) -> list[nn.Module]:
        """The layers, each a unit of sharding."""

    @abstractmethod
    def head(self) -> nn.Module | None:
        """The output matrix, or None where it is the embedding."""

    @abstractmethod
    def decoder(self) -> Decoder:
        """Incremental decoding with the present weights."""

    @abstractmethod
    def twin(self) -> Trainable:
        """A whole model of the same shape on the same device, its weights to be copied in."""

    def learnt(self) -> dict[str, Tensor]:
        """What training changes, by name: the state to resume from."""
        return self.state_dict()

    @abstractmethod
    def save_weights(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """Write `weights` (whole, from `state_dict`) as model.safetensors that other tools read."""

    @abstractmethod
    def save(self, folder: Path, tokenizer: Any, weights: dict[str, Tensor]) -> None:
        """Write a checkpoint folder of `weights` (whole, from `state_dict`), all but its lineage."""
