"""Hashes of large files, kept: a file whose inode says that nothing changed is not read again.

Kept in $EXCURSIONS_CACHE (default: `excursions` in the user's cache folder; `off`: nothing is kept).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from evals.core.errors import UserError
from evals.core.files import write_file
from evals.core.keys import content_hash

Span = tuple[int, int]  # first byte, number of bytes
Hashes = tuple[str, dict[Span, str]]  # SHA-256 of the whole, and of each span
LARGE = 1 << 26  # bytes from which a file is worth a note
SETTLED = 10.0  # seconds since its last change before a file is noted: clocks of file systems are coarse
VARIABLE = "EXCURSIONS_CACHE"


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
