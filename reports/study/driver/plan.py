"""What the study runs, from its two files: study.toml (the cells) and plan.toml (all else)."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[2] / "gallery" / "micro"
RECIPES = ("rl", "sft", "sft-gold", "sft-rl", "sft-gold-rl", "parallel")


@dataclass(frozen=True, slots=True)
class Plan:
    """The study as it is to be run.

    study: the file of the cells. table: plan.toml, by its sections. starts, seeds: of the cells. tuned: a
    record of learning rates that are taken as they are, or None where they are yet to be chosen.
    """

    study: Path
    table: dict[str, Any]
    starts: tuple[int, ...]
    seeds: tuple[int, ...]
    tuned: dict[str, Any] | None = None


def load(home: Path = HOME, *, quick: bool = False) -> Plan:
    """The plan of a folder with study.toml and plan.toml.

    quick: the smaller study of its [quick] section, whose cells are cells of the whole one: the learning
    rates are those on record, or those of that section where none are.
    """
    table = tomllib.loads((home / "plan.toml").read_text("utf-8"))
    small = table.pop("quick")
    cells = tomllib.loads((home / "study.toml").read_text("utf-8"))["study"]
    if not quick:
        return Plan(home / "study.toml", table, tuple(cells["starts"]), tuple(cells["seeds"]))
    record = home / "data" / "tuning.json"
    tuned = {"chosen": small.get("rates"), "tries": [], "how": table["tuning"]}
    if record.is_file():
        tuned = json.loads(record.read_text("utf-8"))
    kept = {"probe": table["probe"] | small["probe"]} | {k: table[k] for k in ("general",) if k in table}
    return Plan(home / "study.toml", kept, tuple(small["starts"]), tuple(small["seeds"]), tuned)
