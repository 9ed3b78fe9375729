"""Decoding for any model of transformers that takes an attention function of ours.

Prompts of any lengths are one flat stream of tokens, without padding; a prompt's keys and values are stored
once for all rows that continue it; the cache grows in place. All but attention is the model's own forward.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Cache
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from evals.engines.decoders.heads import WithHead, last_hidden
from evals.engines.decoders.shared import SharedRows
from evals.models.ragged import Ragged, forks, ragged

ATTENTION = "excursions"
STREAM_TOKENS = 4096  # of prompts in one forward: what a layer holds for a moment stays small
# arguments of attention functions that say nothing about the function itself
SAID = {
    "position_ids",
    "cache_position",
    "use_cache",
    "output_attentions",
    "position_embeddings",
    "is_causal",
}


class StreamDecoder(WithHead):
    """See Decoder. TypeError where the model's attention is not of the plain kind that is computed here."""

    one_length = False

    def __init__(self, model: Any) -> None:
        plain = model._supports_attention_backend and model._supports_flash_attn  # ours gets no mask either
        if not plain or getattr(model, "_is_stateful", False):
            raise TypeError(f"{type(model).__name__} does not take an attention function")
        ALL_ATTENTION_FUNCTIONS.register(ATTENTION, _attention)
        self.model = model

    def prefill(self, prompts: Sequence[Sequence[int]], group: Tensor) -> Tensor:
        """See Decoder."""
        lengths = torch.tensor([len(p) for p in prompts], device=self.device)
        self.rows, logits, first = SharedRows(lengths, group, wide=True), [], 0
        for part in _parts(prompts):
            sizes = [len(p) for p in part]
            layout = ragged(sizes).to(self.device)
            index = torch.arange(first, first + len(part)).repeat_interleave(torch.tensor(sizes))
            call = _Call(self.rows, layout, index.to(self.device))
            last = torch.tensor(sizes, device=self.device).cumsum(0) - 1
            with self.ours():
                out = self.model(**self._inputs(part, call), logits_to_keep=last)
            logits.append(out.logits[0].float())
            first += len(part)
        self.rows.arrange()
        return torch.cat(logits)[group]

    def _inputs(self, part: Sequence[Sequence[int]], call: _Call) -> dict[str, Any]:
        flat = torch.tensor([[i for p in part for i in p]], device=self.device)
        positions = call.layout.positions[None] if call.layout else None
        return {"input_ids": flat, "position_ids": positions, "past_key_values": call, "excursions": call}

    @contextmanager
    def ours(self) -> Iterator[None]:
        """The model with our attention; left as it was found."""
        config = self.model.config
        before = config._attn_implementation
        config._attn_implementation = ATTENTION
        try:
            yield
        finally:
            config._attn_implementation = before

    def step(self, tokens: Tensor) -> Tensor:
        """See Decoder."""
        call, positions = _Call(self.rows), self.rows.positions[:, None]
        with self.ours():
            out = self.model(tokens[:, None], position_ids=positions, past_key_values=call, excursions=call)
        self.rows.advance()
        return out.logits[:, -1].float()

    def logits(self, ids: Tensor, layout: Ragged, at: Tensor) -> Tensor:
        """Logits (T, V) at the positions `at` (T,) of a stream `ids` (N,), with their gradient."""
        call, positions = _Call(None, layout), layout.positions[None]
        with self.ours():
            out = self.model(
                ids[None], position_ids=positions, past_key_values=call, excursions=call, logits_to_keep=at
            )
        logits: Tensor = out.logits[0]
        return logits

    def keep(self, rows: Tensor) -> None:
        """See Decoder."""
        self.rows.keep(rows)

    def hidden(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> Tensor:
        """See Decoder. A prompt that several responses follow is computed once."""
        found = []
        for part in _documents(prompts, responses):
            layout = forks([len(p) for p, _ in part], [[len(r) for r in rs] for _, rs in part])
            call = _Call(None, layout.to(self.device))
            texts, places = [], []
            start = 0
            for prompt, several in part:
                texts += [prompt, *several]
                last, start = start + len(prompt) - 1, start + len(prompt)
                for response in several:
                    places += [last, *range(start, start + len(response) - 1)]
                    start += len(response)
            with self.ours():
                x = last_hidden(self.model, **self._inputs(texts, call))
            found.append(x[0, torch.tensor(places, device=self.device)])
        return torch.cat(found)


class _Call(Cache):
    """One forward: what the model takes for its cache, and what our attention is told.

    rows: where keys and values go; None where they are not kept. layout: of the prompts in the stream, and
    index: which prompt each token is of; None for a step of one token per row.
    """

    def __init__(self, rows: SharedRows | None, layout: Ragged | None = None, index: Any = None) -> None:
        super().__init__(layers=[])
        self.rows, self.layout, self.index = rows, layout, index

    def update(self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_: Any, **__: Any) -> Any:
        """Keys and values (B, kv heads, T, D): of a stream as they are, of a step with those before."""
        if self.layout is None:
            assert self.rows is not None
            return self.rows.append(layer_idx, key_states[:, :, 0], value_states[:, :, 0])
        if self.rows is not None:
            keys, values = (t[0].transpose(0, 1) for t in (key_states, value_states))
            self.rows.store(layer_idx, keys, values, self.index, self.layout.positions)
        return key_states, value_states

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Tokens before this forward; positions are given, so nothing hangs on it."""
        return 0 if self.layout is not None or self.rows is None else self.rows.longest + self.rows.used


def _attention(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    dropout: float = 0.0,
    excursions: _Call | None = None,
    **other: Any,
) -> tuple[Tensor, None]:
    """An attention function of transformers: queries (B, heads, T, D) -> (B, T, heads, D)."""
    unknown = [name for name, said in other.items() if not (said is None or said is False or name in SAID)]
    untold = sliding_window is None and _narrow(module)
    if (
        excursions is None
        or attention_mask is not None
        or unknown
        or untold
        or other.get("is_causal") is False
    ):
        raise TypeError(f"{type(module).__name__} computes attention in a way of its own: {unknown}")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    call = excursions
    if call.layout is None:
        assert call.rows is not None
        own = (key, value)
        return call.rows.attend(module.layer_idx, query[:, :, 0], own, scale, sliding_window)[:, None], None
    cut = [call.layout.cut(t[0].transpose(0, 1)) for t in (query, key, value)]
    rectangles = [_causal(q, k, v, scale, sliding_window) for q, k, v in zip(*cut, strict=True)]
    return call.layout.join(rectangles)[None], None


def _narrow(module: Any) -> bool:
    """Whether a layer has a window that binds within the context.

    Some models put it into their mask alone, of which a text shorter than the window shows nothing. Settings
    of others name windows that their architecture does not read: it makes no such masks.
    """
    if not hasattr(sys.modules[type(module).__module__], "create_sliding_window_causal_mask"):
        return False
    config = getattr(module, "config", None)
    window, kinds = getattr(config, "sliding_window", None), getattr(config, "layer_types", None)
    if not window or (kinds and kinds[module.layer_idx] != "sliding_attention"):
        return False
    return bool(window < (getattr(config, "max_position_embeddings", None) or window))


def _causal(q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None) -> Tensor:
    """Causal attention of documents (B, T, heads, D), each token seeing `window` positions at most."""
    places = torch.arange(q.shape[1], device=q.device)
    gap = places[:, None] - places
    narrow = window is not None and q.shape[1] > window
    out = F.scaled_dot_product_attention(
        *(t.transpose(1, 2) for t in (q, k, v)),
        attn_mask=(gap >= 0) & (gap < window) if narrow else None,
        is_causal=not narrow,
        scale=scale,
        enable_gqa=q.shape[-2] != k.shape[-2],
    )
    return out.transpose(1, 2)


def _parts(prompts: Sequence[Sequence[int]]) -> Iterator[list[Sequence[int]]]:
    """Prompts in order, as many as fit into one forward."""
    part: list[Sequence[int]] = []
    for prompt in prompts:
        if part and sum(map(len, part)) + len(prompt) > STREAM_TOKENS:
            yield part
            part = []
        part.append(prompt)
    yield part


Document = tuple[Sequence[int], list[Sequence[int]]]  # a prompt and what follows it


def _documents(
    prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]
) -> Iterator[list[Document]]:
    """Prompts with the responses that follow each, equal neighbours together, as many as fit in a forward."""
    part: list[Document] = []
    tokens = 0
    for prompt, pairs in groupby(zip(prompts, responses, strict=True), key=lambda pair: tuple(pair[0])):
        for response in (r for _, r in pairs):
            new = not part or tuple(part[-1][0]) != prompt
            size = len(response) + new * len(prompt)
            if part and tokens + size > STREAM_TOKENS:
                yield part
                part, tokens, new, size = [], 0, True, len(prompt) + len(response)
            if new:
                part.append((prompt, []))
            part[-1][1].append(response)
            tokens += size
    if part:
        yield part
