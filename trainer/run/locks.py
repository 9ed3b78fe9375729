"""Claims: which living process has a cell of a study in hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evals.core.locks import flock


@contextmanager
def claimed(out: Path, name: str) -> Iterator[bool]:
    """Hold the claim of a cell: True if it is ours, False where a living process has it.

    An advisory lock on a file, which the system releases when its holder dies, however it dies.
    """
    path = out / "claims" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        yield flock(stream, out, wait=False)


def held(out: Path, name: str) -> bool:
    """Whether a living process holds a claim."""
    try:
        with (out / "claims" / name).open("r") as stream:
            return not flock(stream, out, exclusive=False, wait=False)
    except FileNotFoundError:
        return False
