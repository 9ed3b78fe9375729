"""Writing so that a kill at any moment leaves either the old or the new, never a half."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

NUMBER = re.compile(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?%?|-")
TEMPORARY = re.compile(r"\..+\.tmp\d+-[0-9a-f]{8}", re.DOTALL)  # the names that `_temporary` makes


def plain_cell(value: Any) -> Any:
    """A value of a CSV; text that a spreadsheet would run as a formula is quoted."""
    formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if formula and not NUMBER.fullmatch(value) else value


@contextmanager
def replacing(path: Path, *, sync_rename: bool = True) -> Iterator[IO[bytes]]:
    """A stream under a temporary name; on leaving, fsync it, rename it, fsync the rename.

    sync_rename False: the caller makes a series of renames durable with one `sync_folder`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        if sync_rename:
            sync_folder(path.parent)
    except OSError as error:
        raise _named(error, path) from None
    finally:
        temporary.unlink(missing_ok=True)


def write_file(path: Path, data: bytes | memoryview | str) -> None:
    """Write a file whole, as in `replacing`."""
    with replacing(path) as stream:
        stream.write(data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)


def write_json(path: Path, data: Any) -> None:
    """Write JSON, sorted, one key a line."""
    write_file(path, json.dumps(data, indent=1, sort_keys=True) + "\n")


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder under a temporary name, fsync its files, rename it; an existing folder is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        fill(temporary)
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb") as stream:
                    os.fsync(stream.fileno())
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what a killed writer left behind. Only where nobody else is writing."""
    for left in folder.rglob(".*.tmp*"):
        if not TEMPORARY.fullmatch(left.name) or left.is_symlink():
            continue  # the user's own
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _temporary(path: Path) -> Path:
    """A name of its own for every writer; hidden, so that no reader of the folder takes it for data."""
    return path.with_name(f".{path.name}.tmp{os.getpid()}-{secrets.token_hex(4)}")


def _named(error: OSError, path: Path) -> OSError:
    """The same error with the file's real name: a write that fails (disk full) does not tell it."""
    return error if error.filename else type(error)(error.errno, error.strerror, str(path))
