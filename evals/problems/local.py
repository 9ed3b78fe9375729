"""Benchmarks as local files: a folder of data in the place of the hub."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from evals.core.errors import UserError
from evals.problems.files import SUFFIXES

VARIABLE = "EXCURSIONS_DATA"  # the folder, where no --data says another
OTHER_NAMES = {"minerva": "minerva_math"}


def data_folder(data: Path | None = None) -> Path | None:
    """The folder of local data: `data`, else of $EXCURSIONS_DATA, else None; UserError where it is none."""
    named = data or os.environ.get(VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise UserError(f"data folder {folder} does not exist; check --data or {VARIABLE}")
    return folder


def local_file(benchmark: str, split: str, data: Path | None = None) -> Path | None:
    """The file of a benchmark's split in the folder of local data, or None.

    NAME/SPLIT.jsonl, NAME_SPLIT.jsonl, or for a benchmark's one file NAME.jsonl; there or in a folder below.
    """
    folder = data_folder(data)
    if folder is None:
        return None
    return next((path for path in _candidates(folder, benchmark, split) if path.is_file()), None)


def _candidates(folder: Path, benchmark: str, split: str) -> Iterator[Path]:
    below = sorted(p for p in folder.iterdir() if p.is_dir())
    for name in (benchmark, OTHER_NAMES.get(benchmark, benchmark)):
        for place in (folder, *below):
            for stem in (f"{name}/{split}", f"{name}_{split}", f"{name}-{split}", name):
                yield from (place / f"{stem}{suffix}" for suffix in SUFFIXES)
