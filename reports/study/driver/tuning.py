"""The choice of learning rates: equal tries for each optimizer, on validation problems."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from evals.core.files import write_json

BRANCHES = ("rl", "sft")  # the optimizers; every recipe uses one of them or both


def choose(tries: list[dict[str, Any]]) -> dict[str, float]:
    """{branch: learning rate} of the best pass@1 on validation problems; the smaller rate where two tie."""
    best: dict[str, float] = {}
    for branch in BRANCHES:
        mine = [t for t in tries if t["branch"] == branch]
        best[branch] = max(mine, key=lambda t: (t["pass@1"], -t["lr"]))["lr"]
    return best


def record(path: Path, tries: list[dict[str, Any]], how: dict[str, Any]) -> None:
    """Write what was tried and what was chosen."""
    write_json(path, {"how": how, "tries": tries, "chosen": choose(tries)})


def chosen(path: Path) -> dict[str, float]:
    """{branch: learning rate} of a record."""
    return dict(json.loads(path.read_text("utf-8"))["chosen"])


def accuracy(counts: Path) -> dict[str, float]:
    """pass@1 and the share of problems solved at least once, of a counts.csv with one checkpoint."""
    with counts.open(newline="") as stream:
        rows = [(int(r["n"]), int(r["c"])) for r in csv.DictReader(stream)]
    return {
        "pass@1": sum(c / n for n, c in rows) / len(rows),
        "solved": sum(c > 0 for _, c in rows) / len(rows),
        "n": rows[0][0],
        "problems": len(rows),
    }
