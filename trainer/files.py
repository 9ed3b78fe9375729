"""Rows of a run on disk; how files and folders are written is `evals.files`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from evals.files import sweep, write_file, write_folder, write_json

__all__ = ["Rows", "read_rows", "sweep", "write_file", "write_folder", "write_json"]


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
