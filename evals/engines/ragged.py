"""Documents of any lengths as one flat stream of tokens, without padding and without a mask.

Everything but attention works token by token on the flat stream (N, width). For attention the documents
are gathered into a few rectangles of like length, each document its own row, and scattered back: they
cannot see each other because they never share a row. Right padding within a rectangle is invisible to
real tokens under a causal mask, and its outputs are dropped.
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
    """

    positions: Tensor
    rows: tuple[Tensor, ...]
    inverse: Tensor

    def cut(self, flat: Tensor) -> tuple[Tensor, ...]:
        """Stream (N, …) -> one tensor (documents, length, …) per rectangle."""
        rectangles: tuple[Tensor, ...] = _Cut.apply(flat, self)
        return rectangles

    def join(self, rectangles: Sequence[Tensor]) -> Tensor:
        """Rectangles -> stream (N, …); what stands in the padding is dropped."""
        flat: Tensor = _Join.apply(self, *rectangles)
        return flat

    def to(self, device: torch.device | str) -> Ragged:
        """The same layout on another device."""
        return Ragged(
            self.positions.to(device), tuple(r.to(device) for r in self.rows), self.inverse.to(device)
        )


class _Cut(torch.autograd.Function):
    """Gather into rectangles. Every token stands in one place, so its gradient is gathered back; padding
    repeats some token, but nothing that is kept attends to it, so its gradient is zero."""

    @staticmethod
    def forward(ctx: Any, flat: Tensor, layout: Ragged) -> tuple[Tensor, ...]:
        ctx.layout = layout
        return tuple(flat[index] for index in layout.rows)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return torch.cat([g.flatten(0, 1) for g in grads])[ctx.layout.inverse], None


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
    sizes = np.asarray(lengths, dtype=np.int64)
    if sizes.size == 0 or sizes.min() < 1:
        raise ValueError("documents must have at least one token each")
    starts = np.cumsum(sizes) - sizes
    total = int(sizes.sum())
    positions = np.arange(total) - np.repeat(starts, sizes)
    # a document is padded to the longest of its bucket; buckets grow by about a quarter
    bucket = np.ceil(np.log(np.maximum(sizes, 16)) / np.log(1.25)).astype(int)
    rows, inverse, base = [], np.empty(total, dtype=np.int64), 0
    for label in np.unique(bucket):
        members = np.flatnonzero(bucket == label)
        width = int(sizes[members].max())
        columns = np.arange(width)
        real = columns[None, :] < sizes[members, None]
        index = np.where(real, starts[members, None] + columns[None, :], starts[members, None])
        inverse[index[real]] = base + np.flatnonzero(real.ravel())
        rows.append(torch.from_numpy(index))
        base += index.size
    return Ragged(torch.from_numpy(positions), tuple(rows), torch.from_numpy(inverse))
