"""Body and head of a transformers model, apart: hidden states first, logits of as many as fit in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def last_hidden(model: Any, **inputs: Any) -> Tensor:
    """Final hidden states (B, T, width): what the model's head is given, whatever the head does then."""
    outputs: list[Any] = []

    def kept(forward: Any) -> Any:
        def forwarded(*args: Any, **kwargs: Any) -> Any:
            outputs.append(forward(*args, **kwargs))
            return outputs[-1]

        return forwarded

    with _Body(model, kept):
        model(**inputs, logits_to_keep=1)
    hidden: Tensor = outputs[-1].last_hidden_state
    return hidden


def _head_logits(model: Any, hidden: Tensor) -> Tensor:
    """Logits (M, V) in fp32 of hidden states (M, width): the model's own forward, its body left out.

    So scaling and soft caps that an architecture has after its head are part of it.
    """
    with _Body(model, lambda _: lambda *args, **kwargs: _Given(hidden[None])):
        ids = torch.zeros(1, len(hidden), dtype=torch.long, device=hidden.device)
        return model(input_ids=ids, use_cache=False).logits[0].float()


class WithHead:
    """What decoders of a transformers model share."""

    model: Any

    @property
    def device(self) -> torch.device:
        """Where the weights are now."""
        return self.model.device

    @property
    def vocab_size(self) -> int:
        """Logits of a position."""
        return int(self.model.get_output_embeddings().weight.shape[0])

    def head(self, hidden: Tensor) -> Tensor:
        """See Decoder."""
        return _head_logits(self.model, hidden)


class _Given:
    """What a body returns, with hidden states and nothing else in it."""

    def __init__(self, hidden: Tensor) -> None:
        self.last_hidden_state = hidden

    def __getitem__(self, place: int) -> Tensor | None:
        return None if place else self.last_hidden_state

    def __getattr__(self, name: str) -> None:
        return None


class _Body:
    """The model's body replaced for a while: `wrap` takes its forward and returns another."""

    def __init__(self, model: Any, wrap: Callable[[Any], Any]) -> None:
        self.body = getattr(model.base_model, "decoder", model.base_model)  # OPT's forward calls its decoder
        if self.body is model:
            raise TypeError(f"{type(model).__name__} has no body apart from its head")
        self.wrap = wrap

    def __enter__(self) -> None:
        self.body.forward = self.wrap(self.body.forward)

    def __exit__(self, *_: Any) -> None:
        del self.body.forward
