"""Writing so that a kill at any moment leaves either the old or the new, never a half."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def write_file(path: Path, data: bytes | str) -> None:
    """Write a file under a temporary name, fsync it, rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp{os.getpid()}")
    try:
        with temporary.open("wb") as stream:
            stream.write(data.encode() if isinstance(data, str) else data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, data: Any) -> None:
    """Write JSON, sorted, one key a line."""
    write_file(path, json.dumps(data, indent=1, sort_keys=True) + "\n")


def write_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder under a temporary name, fsync its files, rename it; an existing folder is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp{os.getpid()}")
    shutil.rmtree(temporary, ignore_errors=True)
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
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what a killed writer left behind."""
    for left in folder.rglob(".*.tmp*"):
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


class Rows:
    """A JSON-lines file of one row per step, cut back to the step that training resumes from."""

    def __init__(self, path: Path, *, keep: int, writes: bool = True) -> None:
        """Keep the first `keep` rows of an existing file; `writes` is False on all ranks but one."""
        self.path, self.writes = path, writes
        if writes:
            lines = path.read_text("utf-8").splitlines()[:keep] if path.is_file() else []
            write_file(path, "".join(line + "\n" for line in lines))

    def add(self, row: dict[str, Any]) -> None:
        """Append one row and hand it to the operating system."""
        if self.writes:
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")


def read_rows(path: Path) -> Iterable[dict[str, Any]]:
    """The rows of a JSON-lines file."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)
