"""Hashes of large files, kept: a file whose inode says that nothing changed is not read again.

Kept in $EXCURSIONS_CACHE (default: `excursions` in the user's cache folder; `off`: nothing is kept).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from evals.core.errors import UserError
from evals.core.files import write_file
from evals.core.keys import content_hash

Span = tuple[int, int]  # first byte, number of bytes
LARGE = 1 << 26  # bytes from which a file is worth a note
SETTLED = 2.0  # seconds since its last change before a file is noted: clocks of file systems are coarse
VARIABLE = "EXCURSIONS_CACHE"


def known(path: str, seen: os.stat_result, spans: tuple[Span, ...]) -> tuple[str, dict[Span, str]] | None:
    """What `note` kept of a file that looks now as it did then; None where there is nothing to rely on."""
    place = _place(path, seen, spans)
    if place is None or not place.is_file():
        return None
    try:
        held = json.loads(place.read_text("utf-8"))
        whole, parts = held["whole"], held["parts"]
        if len(whole) == 64 and len(parts) == len(spans):
            return str(whole), {span: str(part) for span, part in zip(spans, parts, strict=True)}
    except (OSError, ValueError, TypeError, KeyError):
        pass  # a damaged note is none
    return None


def note(
    path: str, seen: os.stat_result, spans: tuple[Span, ...], whole: str, parts: dict[Span, str]
) -> None:
    """Keep the hashes of a large file that was as `seen` before and after reading, and not just changed."""
    place, now = _place(path, seen, spans), os.stat(path)
    unchanged = _inode(now) == _inode(seen) and time.time() - max(now.st_ctime, now.st_mtime) > SETTLED
    if place is None or not unchanged:
        return
    try:
        write_file(place, json.dumps({"whole": whole, "parts": [parts[span] for span in spans]}))
    except (OSError, UserError):
        return  # a cache folder that cannot be written is none


def _inode(seen: os.stat_result) -> list[int]:
    """What the file system changes with any change of content: ctime cannot be set by a program."""
    return [seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]


def _place(path: str, seen: os.stat_result, spans: tuple[Span, ...]) -> Path | None:
    if seen.st_size < LARGE or os.environ.get(VARIABLE) == "off":
        return None
    folder = os.environ.get(VARIABLE) or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "excursions"
    )
    return Path(folder) / "hashes" / f"{content_hash(path, _inode(seen), list(map(list, spans)))}.json"
