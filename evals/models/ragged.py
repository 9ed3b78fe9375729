"""Documents of any lengths as one flat stream of tokens, without padding and without a mask.

Everything but attention works token by token on the flat stream (N, width). For attention the documents
are gathered into a few rectangles of like length, each document its own row, and scattered back: they
cannot see each other because they never share a row. Right padding within a rectangle is invisible to
real tokens under a causal mask, and its outputs are dropped.

A document may fork: one prompt, several responses. The prompt then stands in the stream once, so that all
but attention is computed once for it, and in the rectangles once for each of its responses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Ragged:
    """How a flat stream of documents is cut.

    positions: (N,) position of each token in its document.
    rows: rectangles (documents, length) of indices into the stream.
    inverse: (N,) where each token of the stream stands in the concatenated, flattened rectangles.
    forked: whether some tokens stand in several rows; `inverse` is then one of their places.
    """

    positions: Tensor
    rows: tuple[Tensor, ...]
    inverse: Tensor
    forked: bool = False

    @property
    def straight(self) -> bool:
        """Whether the stream is one rectangle as it lies, so that cutting it needs no copy."""
        return len(self.rows) == 1 and self.rows[0].numel() == len(self.inverse)

    def cut(self, flat: Tensor) -> tuple[Tensor, ...]:
        """Stream (N, …) -> one tensor (documents, length, …) per rectangle."""
        if self.straight:
            return (flat.unflatten(0, self.rows[0].shape),)
        rectangles: tuple[Tensor, ...] = _Cut.apply(flat, self)
        return rectangles

    def join(self, rectangles: Sequence[Tensor]) -> Tensor:
        """Rectangles -> stream (N, …); what stands in the padding is dropped."""
        if self.straight:
            return rectangles[0].flatten(0, 1)
        flat: Tensor = _Join.apply(self, *rectangles)
        return flat

    def to(self, device: torch.device | str) -> Ragged:
        """The same layout on another device."""
        rows = tuple(r.to(device) for r in self.rows)
        return Ragged(self.positions.to(device), rows, self.inverse.to(device), self.forked)


class _Cut(torch.autograd.Function):
    """Gather into rectangles. A token that stands in one place has its gradient gathered back, one of a
    shared prompt the sum over its places; padding repeats some token, but nothing that is kept attends to
    it, so its gradient is zero."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, layout: Ragged) -> tuple[Tensor, ...]:
        ctx.layout = layout
        return tuple(flat[index] for index in layout.rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        layout, whole = ctx.layout, torch.cat([g.flatten(0, 1) for g in grads])
        if not layout.forked:
            return whole[layout.inverse], None
        flat = whole.new_zeros(len(layout.inverse), *whole.shape[1:])
        flat.flatten(1).index_add_(0, torch.cat([r.flatten() for r in layout.rows]), whole.flatten(1))
        return flat, None


class _Join(torch.autograd.Function):
    """Gather back into the stream; the gradient of padding is zero."""

    @staticmethod
    def forward(ctx: Any, layout: Ragged, *rectangles: Tensor) -> Tensor:
        ctx.layout = layout
        return torch.cat([r.flatten(0, 1) for r in rectangles])[layout.inverse]

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (grad,) = grads
        rows = ctx.layout.rows
        flat = grad.new_zeros(sum(r.numel() for r in rows), *grad.shape[1:])
        flat[ctx.layout.inverse] = grad
        parts = flat.split([r.numel() for r in rows])
        return None, *(p.unflatten(0, r.shape) for p, r in zip(parts, rows, strict=True))


def ragged(lengths: Sequence[int]) -> Ragged:
    """The layout of documents with these lengths (each at least 1), in stream order."""
    return forks([0] * len(lengths), [[n] for n in lengths])


def forks(prompts: Sequence[int], responses: Sequence[Sequence[int]]) -> Ragged:
    """The layout of prompts, each followed in the stream by its responses, which do not see each other.

    prompts: length of each, 0 where its responses are whole documents. responses: their lengths.
    """
    counts = [len(r) for r in responses]
    tail = np.asarray([n for r in responses for n in r], dtype=np.int64)
    head = np.repeat(np.asarray(prompts, dtype=np.int64), counts)
    if tail.size == 0 or min(counts) < 1 or (head + tail).min() < 1:
        raise ValueError("documents must have at least one token each")
    whole = np.asarray([p + sum(r) for p, r in zip(prompts, responses, strict=True)], dtype=np.int64)
    head_start = np.repeat(np.cumsum(whole) - whole, counts)
    passed = np.repeat(np.cumsum(prompts), counts)  # tokens of prompts up to and with one's own
    return _layout(head_start, head, np.cumsum(tail) - tail + passed, tail, int(whole.sum()))


def _layout(
    head_start: np.ndarray, head: np.ndarray, tail_start: np.ndarray, tail: np.ndarray, total: int
) -> Ragged:
    """Rows that are two spans of the stream each: `head` tokens from `head_start`, then `tail` others."""
    sizes, first = head + tail, np.where(head > 0, head_start, tail_start)
    # a document is padded to the longest of its bucket; buckets grow by about a quarter
    bucket = np.ceil(np.log(np.maximum(sizes, 16)) / np.log(1.25)).astype(int)
    positions, inverse = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    rows, base = [], 0
    for label in np.unique(bucket):
        members = np.flatnonzero(bucket == label)
        columns = np.arange(int(sizes[members].max()))
        real = columns < sizes[members, None]
        in_head = columns < head[members, None]
        spans = np.where(in_head, head_start[members, None], (tail_start - head)[members, None])
        index = np.where(real, spans + columns, first[members, None])
        inverse[index[real]] = base + np.flatnonzero(real.ravel())
        positions[index[real]] = np.broadcast_to(columns, real.shape)[real]
        rows.append(torch.from_numpy(index))
        base += index.size
    forked = int(sizes.sum()) > total
    return Ragged(torch.from_numpy(positions), tuple(rows), torch.from_numpy(inverse), forked)
