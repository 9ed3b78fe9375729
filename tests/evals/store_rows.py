"""Rows for the store, and a writer that runs in a process of its own."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from evals.store import SampleStore

CELL = "c" * 32


def rows(count: int = 100, problems: int = 7, cell: str = CELL) -> list[dict[str, Any]]:
    """Samples of a few problems, in no particular order."""
    made = [
        {"key": f"{cell[:4]}-{i}", "cell": cell, "checkpoint": "a", "problem": f"p{i % problems}",
         "index": i // problems, "text": f"text {i}", "token_ids": [i, i + 1], "logprobs": [-0.5, -1.0]}
        for i in range(count)
    ]  # fmt: skip
    random.Random(0).shuffle(made)
    return made


def add_part(path: Path, which: int, count: int) -> None:
    """Add two thirds of the rows (two writers overlap in one), a ninth at a time, merging after each."""
    store = SampleStore(path)
    mine = [r for i, r in enumerate(rows(count)) if i % 3 != which]
    for part in range(3):
        store.add(mine[part::3])
        store.compact([CELL])
