"""Fingerprints of a checkpoint, both from one pass over the files that are loaded.

Of the files: keys stores, seeds of samples and lineages, so that what exists keeps its name. Of the tensors:
says whether two checkpoints have the same weights, however these are spread over files and whatever stands
beside them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from evals.checkpoints.known_hashes import Hashes, Inode, Span, inode, known, note
from evals.checkpoints.stored import Stored
from evals.core.keys import content_hash

BLOCK = 1 << 22  # bytes read at a time
HEADS = ("lm_head.weight", "embed_out.weight")  # may repeat the embedding, or be left out where tied to it
EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight")


def fingerprints(
    small: Sequence[Path], files: Sequence[Path], tensors: Mapping[str, Stored]
) -> tuple[str, str, dict[str, str]]:
    """(of the files, of the tensors, of each tensor): `small` are settings, `files` hold the tensors."""
    spans: dict[Path, set[Span]] = {file: set() for file in files}
    for tensor in tensors.values():
        if tensor.value is None:
            spans[tensor.file].add((tensor.start, tensor.size))
    hashed = {file: _hash_of(file, tuple(sorted(spans[file]))) for file in files}
    whole = [*(file_hash(f) for f in small), *((f.name, f.stat().st_size, hashed[f][0]) for f in files)]
    rows = {
        name: [name, t.dtype, list(t.shape), _value_hash(t.value) or hashed[t.file][1][t.start, t.size]]
        for name, t in tensors.items()
    }
    each = {name: content_hash(row[1:]) for name, row in rows.items()}
    kept = sorted(row for name, row in rows.items() if not _repeated_head(name, each))
    return content_hash("weights", whole), content_hash("tensors", kept), each


def file_hash(path: Path) -> tuple[str, int, str]:
    """Name, size and SHA-256 of a file."""
    return path.name, path.stat().st_size, _hash_of(path, ())[0]


def _repeated_head(name: str, tensors: Mapping[str, str]) -> bool:
    """Whether it is an output head with the content of an embedding: tied weights, saved twice."""
    return name.endswith(HEADS) and any(
        tensors[other] == tensors[name] for other in tensors if other.endswith(EMBEDDINGS)
    )


def _hash_of(path: Path, spans: tuple[Span, ...]) -> Hashes:
    """SHA-256 of a file and of sorted spans of its bytes."""
    place = str(path.resolve())
    return _hashes(place, spans, inode(place))


@lru_cache(maxsize=256)
def _hashes(path: str, spans: tuple[Span, ...], seen: Inode) -> Hashes:
    """See `_hash_of`; seen: of the file as it is now."""
    if (found := known(path, seen, spans)) is None:
        began = time.time()
        found = _read(path, spans, seen.size)
        note(path, seen, spans, found, began)
    return found


def _read(path: str, spans: tuple[Span, ...], size: int) -> Hashes:
    """The hashes from the file's bytes.

    Spans that overlap, as views of one tensor in a `.bin` do, are read again.
    """
    whole, parts, again = hashlib.sha256(), dict[Span, str](), list[Span]()
    with open(path, "rb") as stream, ThreadPoolExecutor(1) as beside:
        for start, length in spans:
            if start < stream.tell():
                again.append((start, length))
                continue
            _feed(stream, start - stream.tell(), whole, beside)
            part = hashlib.sha256()
            _feed(stream, length, whole, beside, part)
            parts[start, length] = part.hexdigest()
        _feed(stream, size - stream.tell(), whole, beside)
        for start, length in again:
            stream.seek(start)
            part = hashlib.sha256()
            _feed(stream, length, part, beside)
            parts[start, length] = part.hexdigest()
    return whole.hexdigest(), parts


def _feed(stream: BinaryIO, count: int, whole: Any, beside: ThreadPoolExecutor, part: Any = None) -> None:
    """Read `count` bytes into one or two digests; the second is updated in this thread meanwhile."""
    while count > 0 and (block := stream.read(min(BLOCK, count))):
        count -= len(block)
        if part is None:
            whole.update(block)
        else:
            other = beside.submit(whole.update, block)
            part.update(block)
            other.result()


def _value_hash(value: Any) -> str | None:
    """SHA-256 of the bytes of a tensor that was read already; None where there is none."""
    if value is None:
        return None
    import torch

    return hashlib.sha256(value.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()
