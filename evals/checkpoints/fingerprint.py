"""Fingerprints of a checkpoint, both from one pass over the files that are loaded.

Of the files: keys stores, seeds of samples and lineages, so that what exists keeps its name. Of the tensors:
says whether two checkpoints have the same weights, however these are spread over files and whatever stands
beside them. Hashes of large files are kept, so that a file whose inode says that nothing changed is not read
again: in $EXCURSIONS_CACHE (default: `excursions` in the user's cache folder; `off`: nothing is kept).
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from evals.checkpoints.stored import Stored
from evals.core.errors import UserError
from evals.core.files import write_file
from evals.core.keys import content_hash

Span = tuple[int, int]  # first byte, number of bytes
Hashes = tuple[str, dict[Span, str]]  # SHA-256 of the whole, and of each span

LARGE = 1 << 26  # bytes from which the hashes of a file are kept
SETTLED = 10.0  # seconds since its last change before they are: clocks of file systems are coarse
VARIABLE = "EXCURSIONS_CACHE"
BLOCK = 1 << 20  # bytes read at a time
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
    block = memoryview(bytearray(BLOCK))
    with open(path, "rb", buffering=0) as stream, ThreadPoolExecutor(1) as beside:
        for start, length in spans:
            if start < stream.tell():
                again.append((start, length))
                continue
            _feed(stream, block, start - stream.tell(), whole, beside)
            part = hashlib.sha256()
            _feed(stream, block, length, whole, beside, part)
            parts[start, length] = part.hexdigest()
        _feed(stream, block, size - stream.tell(), whole, beside)
        for start, length in again:
            stream.seek(start)
            part = hashlib.sha256()
            _feed(stream, block, length, part, beside)
            parts[start, length] = part.hexdigest()
    return whole.hexdigest(), parts


def _feed(
    stream: FileIO, block: memoryview, count: int, whole: Any, beside: ThreadPoolExecutor, part: Any = None
) -> None:
    """Read `count` bytes into one or two digests; the second is updated in this thread meanwhile.

    block: memory for the bytes, used again: new memory of this size costs as much as the digest.
    """
    while count > 0 and (found := stream.readinto(block[: min(len(block), count)])):
        count -= found
        if part is None:
            whole.update(block[:found])
        else:
            other = beside.submit(whole.update, block[:found])
            part.update(block[:found])
            other.result()


def _value_hash(value: Any) -> str | None:
    """SHA-256 of the bytes of a tensor that was read already; None where there is none."""
    if value is None:
        return None
    import torch

    return hashlib.sha256(value.reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()


class Inode(NamedTuple):
    """What a file system changes with any change of content: no program can set ctime.

    Not of a writer that keeps the file mapped: its stores may come later than the ctime.
    """

    device: int
    number: int
    size: int
    modified: int
    changed: int


def inode(path: str) -> Inode:
    """Of a file that is opened for it: an open asks a network file system anew."""
    with open(path, "rb") as stream:
        seen = os.fstat(stream.fileno())
    return Inode(seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def known(path: str, seen: Inode, spans: tuple[Span, ...]) -> Hashes | None:
    """What `note` kept of a file that looks now as it did then; None where there is nothing to rely on."""
    if (place := _place(path, seen, spans)) is None:
        return None
    try:
        held = json.loads(place.read_text("utf-8"))
        whole, parts = held["whole"], held["parts"]
        if len(whole) == 64 and len(parts) == len(spans):
            return str(whole), {span: str(part) for span, part in zip(spans, parts, strict=True)}
    except (OSError, ValueError, TypeError, KeyError):
        pass  # none there, not ours to read, or damaged
    return None


def note(path: str, seen: Inode, spans: tuple[Span, ...], found: Hashes, began: float) -> None:
    """Keep the hashes of a large file that was read from `began` (seconds since 1970) on.

    Only where it was as `seen` before and after, and had not changed just before `began`.
    """
    if (place := _place(path, seen, spans)) is None:
        return
    whole, parts = found
    try:
        if began - max(seen.changed, seen.modified) / 1e9 > SETTLED and inode(path) == seen:
            write_file(place, json.dumps({"whole": whole, "parts": [parts[span] for span in spans]}))
    except (OSError, UserError):
        pass  # a cache folder that cannot be written is none


def _place(path: str, seen: Inode, spans: tuple[Span, ...]) -> Path | None:
    if seen.size < LARGE or os.environ.get(VARIABLE) == "off":
        return None
    folder = os.environ.get(VARIABLE) or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "excursions"
    )
    return Path(folder) / "hashes" / f"{content_hash(path, seen, list(map(list, spans)))}.json"
