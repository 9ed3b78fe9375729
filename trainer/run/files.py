"""What a run writes: metrics.jsonl, cut back to the step that training resumes from; folders; full disks."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evals.core import files
from evals.core.files import write_file


def write_folder(path: Path, fill: Callable[[Path], Any]) -> None:
    """Write a folder whole, as `evals.core.files.write_folder`; on a full disk, OSError whoever fills it."""
    with full_disk(path):
        files.write_folder(path, fill)


@contextmanager
def full_disk(path: Path) -> Iterator[None]:
    """One error, OSError with ENOSPC, for what torch, numpy and tokenizers call by names of their own."""
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None:
            if getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(
                words in str(cause) for words in ("os error 28", "requested and")
            ):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
            cause = cause.__context__
        raise


class Rows:
    """A JSON-lines file of one row per step."""

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

    def sync(self) -> None:
        """Make all rows durable: a saved state must not be ahead of them."""
        if self.writes:
            with self.path.open("rb") as stream:
                os.fsync(stream.fileno())


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The whole rows of a metrics file; a last line that is still being written is left out."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if line.endswith("\n"):
                yield json.loads(line)
