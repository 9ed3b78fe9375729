"""Who may write a store, and when: advisory locks on files, released by the system when a process dies.

Every writer holds the store's own lock shared; whoever leaves last gets it exclusive for a moment and
removes what killed writers left behind. A run claims its part of a cell, so that no two runs draw the
same samples.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from evals.core.errors import BusyError, UserError
from evals.core.files import sweep

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
FOLDER = ".locks"


@contextmanager
def shared(root: Path) -> Iterator[None]:
    """Hold the store's lock with all other writers; the last to leave tidies up."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK).open("a") as stream:
        flock(stream, root, exclusive=False)
        yield
    tidy(root)


def tidy(root: Path) -> None:
    """Remove temporary files and released locks, if nobody is writing."""
    with (root / LOCK).open("a") as stream:
        if flock(stream, root, wait=False):
            sweep(root)
            shutil.rmtree(root / FOLDER, ignore_errors=True)
            pending = root / "pending"
            for folder in (*sorted(pending.rglob("*"), reverse=True), pending):
                if folder.is_dir() and not any(folder.iterdir()):
                    folder.rmdir()


@contextmanager
def exclusive(root: Path, name: str) -> Iterator[None]:
    """Wait for a lock of this name, and hold it. Only inside `shared`."""
    with _open(root, name) as stream:
        flock(stream, root)
        yield


@contextmanager
def claim(root: Path, cell: str, shard: tuple[int, int]) -> Iterator[None]:
    """Hold shard (i, N) of a cell; UserError where a running process holds what overlaps. Inside `shared`."""
    part, parts = shard
    held: list[IO[str]] = []
    try:
        with exclusive(root, f"claims-{cell}"):
            mine = f"claim-{cell}-{parts}-{part}"
            others = [
                f.name for f in (root / FOLDER).glob(f"claim-{cell}-*") if f.name.split("-")[2] != str(parts)
            ]
            for name in (*others, mine):
                stream = _open(root, name)
                held.append(stream)
                if not flock(stream, root, wait=False):
                    raise BusyError(
                        f"another run is sampling the same samples into {root} (cell {cell[:12]}); "
                        "wait for it, or give every run its own --part i/N with the same N"
                    )
            for stream in held[:-1]:
                stream.close()
        yield
    finally:
        for stream in held:
            stream.close()


def _open(root: Path, name: str) -> IO[str]:
    (root / FOLDER).mkdir(exist_ok=True)
    return (root / FOLDER / name).open("a")


def flock(stream: IO[str], root: Path, *, exclusive: bool = True, wait: bool = True) -> bool:
    """Lock an open file under `root` until it is closed; False where another has it and `wait` is off."""
    if fcntl is None:
        raise UserError("stores and runs are written on Linux and macOS alone; on Windows use WSL")
    try:
        kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
        fcntl.flock(stream, kind if wait else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise UserError(
            f"{root} is on a file system without locks ({error.strerror}); choose another folder"
        ) from error
    return True
