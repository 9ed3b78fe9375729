"""Reading stored tensors into memory: each once, in the type asked for, with nothing beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from evals.checkpoints.stored import TORCH, Stored
from evals.core.errors import UserError

CHUNK = 1 << 20  # elements converted at a time
LARGE = 1 << 22  # bytes from which a tensor is converted while it is read, for transformers too


class NotFinite(ValueError):
    """A stored tensor holds NaN or infinite values; the message is its name."""


def read(stored: Stored, dtype: torch.dtype | None = None) -> Tensor:
    """A stored tensor; floating-point ones in `dtype` (default: as stored). NotFinite where a value is none.

    Memory: the tensor asked for and one chunk. The file is read, not mapped: mapped pages count as memory.
    """
    kind = getattr(torch, TORCH.get(stored.dtype, ""), None)
    if kind is None:
        raise UserError(f"tensor {stored.name} has the type {stored.dtype}, which this program does not read")
    floating = kind.is_floating_point
    wanted = dtype if dtype is not None and floating and kind.itemsize > 1 else kind
    if stored.value is not None:
        whole: Tensor = stored.value
        _check(whole.reshape(-1), stored.name)
        return whole.to(wanted) if floating else whole
    out = torch.empty(stored.shape, dtype=wanted)
    flat = out.view(-1)
    with stored.file.open("rb", buffering=0) as stream:
        stream.seek(stored.start)
        for first in range(0, flat.numel(), CHUNK):
            target = flat[first : first + CHUNK]
            direct = target if wanted == kind else torch.empty(len(target), dtype=kind)
            _fill(stream, direct)
            if floating and kind.itemsize > 1:
                _check(direct, stored.name)
            if direct is not target:
                target.copy_(direct)
    return out


def _fill(stream: Any, tensor: Tensor) -> None:
    """Read the bytes of a contiguous tensor."""
    view = memoryview(tensor.view(torch.uint8).numpy())
    while len(view):
        count = stream.readinto(view)
        if not count:
            raise OSError("the file ended while it was read")
        view = view[count:]


def _check(flat: Tensor, name: str) -> None:
    if flat.numel() and flat.is_floating_point() and not all(v.isfinite() for v in flat.aminmax()):
        raise NotFinite(name)


class Lazy:
    """A stored tensor as transformers takes those of a file: read when it is sliced.

    Large ones come in the type asked for; small ones as stored, since a model may keep them so.
    """

    def __init__(self, stored: Stored, dtype: torch.dtype, bad: list[str]) -> None:
        self.stored, self.bad = stored, bad
        self.dtype = dtype if stored.size >= LARGE else None

    def __getitem__(self, index: Any) -> Tensor:
        try:
            return read(self.stored, self.dtype)[index]
        except NotFinite as error:
            self.bad.append(str(error))  # transformers would make another error of it
            return torch.zeros(self.stored.shape)[index]

    def get_dtype(self) -> str:
        """As safetensors names it."""
        return self.stored.dtype

    def get_shape(self) -> list[int]:
        """Sides."""
        return list(self.stored.shape)
