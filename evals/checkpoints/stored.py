"""The tensors that lie in weight files: names, types, shapes and places, read from the headers alone.

safetensors: the header is JSON. `.bin`: torch's zip files, read with weights only (no pickle's code runs), of
which torch tells where each tensor's bytes lie. A name loses what a wrapper put around it (`WRAPPERS`).
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from evals.core.errors import UserError, first_line

SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
TORCH = {
    "BOOL": "bool", "U8": "uint8", "I8": "int8", "F8_E5M2": "float8_e5m2", "F8_E4M3": "float8_e4m3fn",
    "U16": "uint16", "I16": "int16", "F16": "float16", "BF16": "bfloat16", "U32": "uint32", "I32": "int32",
    "F32": "float32", "U64": "uint64", "I64": "int64", "F64": "float64", "C64": "complex64",
}  # fmt: skip
OUTER = ("module.", "base_model.model.", "pretrained_model.")  # DDP and DeepSpeed; PEFT; TRL's value head
INNER = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")  # torch.compile; FSDP
NESTED = ("state_dict", "model_state_dict", "module")  # where other trainers keep the weights in a .bin
# stored by old versions or other trainers, and no part of the model: rotary tables, masks, TRL's value head
UNUSED = re.compile(r"(rotary_emb\.inv_freq$|(attn|attention)\.masked_bias$|^v_head\.)")
MASK = re.compile(r"(attn|attention)\.bias$")  # where it has more dimensions than a bias
HEADER = 100_000_000  # bytes: the format's own limit


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor in a file.

    name: without what a wrapper put before it. dtype: as safetensors writes it. start, size: its bytes in
    the file, in row-major order. value: the tensor itself where its bytes do not lie so.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path
    start: int
    size: int
    value: Any = None


def stored_tensors(files: Sequence[Path], name: str) -> dict[str, Stored]:
    """The tensors of a checkpoint's weight files by name, without buffers that no model loads.

    UserError where a file is cut off or damaged, or two tensors of one name stand in the files.
    """
    found: dict[str, Stored] = {}
    for file in files:
        read = _of_safetensors if file.suffix == ".safetensors" else _of_pickle
        for tensor in read(file, name):
            if tensor.name in found:
                raise UserError(
                    f"checkpoint {name} is damaged: {tensor.name} stands in its weight files twice; "
                    "remove the files that are not part of it, or save it again"
                )
            found[tensor.name] = tensor
    return {k: v for k, v in found.items() if not _unused(v)}


def wrapped(files: Sequence[Path], name: str) -> bool:
    """Whether tensors of these files have a wrapper's prefix in their names, which other programs keep."""
    return any(unwrapped(key) != key for file in files for key in _keys(file, name))


def unwrapped(key: str) -> str:
    """A tensor's name without the prefixes of wrappers."""
    for inner in INNER:
        key = key.replace(inner, "")
    while outer := next((p for p in OUTER if key.startswith(p)), None):
        key = key.removeprefix(outer)
    return key


def _unused(tensor: Stored) -> bool:
    return bool(UNUSED.search(tensor.name) or (len(tensor.shape) > 2 and MASK.search(tensor.name)))


def _keys(file: Path, name: str) -> list[str]:
    if file.suffix == ".safetensors":
        return list(_header(file, name)[0])
    return list(_unpickled(file, name))


def _half(file: Path, name: str) -> UserError:
    return UserError(f"checkpoint {name} is half-written: {file.name} is missing or cut off; save it again")


def _header(file: Path, name: str) -> tuple[dict[str, Any], int]:
    """The entries of a safetensors header, and where the data begin; UserError where it is cut off."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        head = stream.read(8)
        if len(head) < 8 or (length := struct.unpack("<Q", head)[0]) > min(size - 8, HEADER):
            raise _half(file, name)
        try:
            header = json.loads(stream.read(length))
            header.pop("__metadata__", None)
            ends = [int(entry["data_offsets"][1]) for entry in header.values()]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError):
            raise _half(file, name) from None
    if 8 + length + max(ends, default=0) != size:
        raise _half(file, name)
    return header, 8 + length


def _of_safetensors(file: Path, name: str) -> list[Stored]:
    """The tensors of a safetensors file in the order of their bytes; UserError where its header lies."""
    header, data = _header(file, name)
    found: list[Stored] = []
    for key, entry in header.items():
        kind, shape, offsets = entry.get("dtype"), entry.get("shape"), entry["data_offsets"]
        sound = (
            isinstance(kind, str)
            and isinstance(shape, list)
            and all(type(side) is int and side >= 0 for side in shape)
            and len(offsets) == 2
            and all(type(at) is int for at in offsets)
            and 0 <= offsets[0] <= offsets[1]
        )
        size = offsets[1] - offsets[0] if sound else 0
        if not sound or (kind in SIZES and math.prod(shape) * SIZES[kind] != size):
            raise UserError(
                f"checkpoint {name} is damaged: the header of {file.name} gives {key!r} a type, a shape and "
                "a place that do not fit each other; save it again"
            )
        found.append(Stored(unwrapped(key), kind, tuple(shape), file, data + offsets[0], size))
    found.sort(key=lambda t: (t.start, t.size))
    for one, other in pairwise(found):
        if one.start + one.size > other.start:
            raise UserError(
                f"checkpoint {name} is damaged: {one.name} and {other.name} share bytes of {file.name}; "
                "save it again"
            )
    return found


def _unpickled(file: Path, name: str) -> Mapping[str, Any]:
    """The state dict of a torch file without its data; UserError where it holds anything but tensors."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    try:
        with FakeTensorMode():
            state = torch.load(file, map_location="cpu", weights_only=True)
        while isinstance(state, dict) and (inner := [k for k in NESTED if isinstance(state.get(k), dict)]):
            state = state[inner[0]]
    except Exception as error:  # zipfile, pickle and torch raise many kinds
        reason = first_line(error)
        if "weights_only" in str(error) or "WeightsUnpickler" in str(error):
            reason = "it holds more than tensors, and a pickle's code is never run"
        raise UserError(
            f"checkpoint {name} does not load: {file.name} cannot be read ({reason}); "
            "save it again with save_pretrained, which writes safetensors"
        ) from error
    if not isinstance(state, dict) or not state or not all(isinstance(k, str) for k in state):
        raise UserError(f"checkpoint {name} does not load: {file.name} holds no tensors; save it again")
    return {k: v for k, v in state.items() if isinstance(v, torch.Tensor)}


def _of_pickle(file: Path, name: str) -> list[Stored]:
    """The tensors of a `.bin` file. Those whose bytes cannot be pointed at are read at once."""
    import torch

    kinds = {getattr(torch, v): k for k, v in TORCH.items()}
    found: list[Stored] = []
    whole: Any = None
    for key, fake in _unpickled(file, name).items():
        offset = fake.untyped_storage()._checkpoint_offset
        kind, shape, start, value = kinds.get(fake.dtype, str(fake.dtype)), tuple(fake.shape), 0, None
        if offset is not None and fake.is_contiguous():
            start = offset + fake.storage_offset() * fake.element_size()
        else:
            if whole is None:
                whole = torch.load(file, map_location="cpu", weights_only=True)
                while inner := [k for k in NESTED if isinstance(whole.get(k), dict)]:
                    whole = whole[inner[0]]
            value = whole[key].detach().contiguous()
        size = fake.numel() * fake.element_size()
        found.append(Stored(unwrapped(key), kind, shape, file, start, size, value))
    return found
