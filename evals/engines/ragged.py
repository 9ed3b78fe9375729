"""Documents of any lengths as one flat stream of tokens, without padding and without a mask.

Everything but attention works token by token on the flat stream (N, width). For attention the documents
are gathered into a few rectangles of like length, each document its own row, and scattered back: they
cannot see each other because they never share a row. Right padding within a rectangle is invisible to
real tokens under a causal mask, and its outputs are dropped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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

    def to(self, device: torch.device | str) -> Ragged:
        """The same layout on another device."""
        return Ragged(
            self.positions.to(device), tuple(r.to(device) for r in self.rows), self.inverse.to(device)
        )


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
