"""Short names for things that are known by long ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def whole_name(name: str) -> str:
    """The name of a checkpoint; of a folder that is named by dots alone (`.`, `..`), its path."""
    return str(Path(name).resolve()) if Path(name).name in ("", "..") else name


def short_labels(names: Iterable[str]) -> dict[str, str]:
    """For each name its last parts, as many as it takes to tell all of them apart."""
    parts = {name: Path(name).parts for name in names}
    short = {name: "/".join(p[-1:]) or name for name, p in parts.items()}
    for depth in range(2, max(map(len, parts.values()), default=1) + 1):
        if len(set(short.values())) == len(short):
            break
        short = {name: "/".join(p[-depth:]) for name, p in parts.items()}
    return short
