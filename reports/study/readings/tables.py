"""The study's tables, as the findings read them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import pass_at_k
from evals.core.errors import UserError

MOST_BITS = 8.0  # of a byte
Values = np.ndarray  # (S, M): one row a training seed, one column a problem or an item


@dataclass(frozen=True, slots=True)
class Tables:
    """What `reports.study.driver.collect` wrote: see there for the columns."""

    counts: pd.DataFrame
    cells: pd.DataFrame
    training: pd.DataFrame
    capability: pd.DataFrame
    tuning: dict[str, Any]
    tasks: pd.DataFrame
    run: dict[str, Any]
    known: dict[Any, Values] = field(default_factory=dict)

    @property
    def starts(self) -> list[int]:
        """Tokens seen at the starts, ascending."""
        mine = self.counts[(self.counts["where"] == "cells") & (self.counts["recipe"] == "base")]
        return sorted(int(s) for s in mine["start"].unique())

    @property
    def has_arms(self) -> bool:
        """Whether the study changed RL in one thing at a time."""
        return bool((self.counts["where"] == "arms").any())

    @property
    def temperatures(self) -> list[float]:
        """At which whole seeds were sampled, the highest first."""
        return sorted(self.counts["temperature"].unique().tolist(), reverse=True)

    def seeds(self, where: str, recipe: str, starts: list[int], temperature: float) -> list[int]:
        """Seeds of a recipe that every one of these starts has."""
        mine = self.counts[
            (self.counts["where"] == where)
            & (self.counts["recipe"] == recipe)
            & (self.counts["temperature"] == temperature)
        ]
        by = [set(mine.loc[mine["start"] == s, "seed"]) for s in starts]
        return sorted(set.intersection(*by)) if by else []

    def values(
        self, where: str, recipe: str, starts: list[int], temperature: float, k: int, draw: int = 0
    ) -> Values:
        """(S, M) pass@k of each seed and problem, averaged over starts; UserError where nothing is there."""
        seeds = self.seeds(where, recipe, starts, temperature)
        rows = [
            np.mean([self._cell(where, recipe, s, seed, temperature, draw, k) for s in starts], axis=0)
            for seed in seeds
        ]
        if not rows:
            raise UserError(f"the study has no samples of {recipe} at all of {starts}, T = {temperature}")
        return np.stack(rows)

    def _cell(
        self, where: str, recipe: str, start: int, seed: int, temperature: float, draw: int, k: int
    ) -> Values:
        key = (where, recipe, start, seed, temperature, draw)
        if key not in self.known:
            by = ["where", "recipe", "start", "seed", "temperature", "draw"]
            for name, group in self.counts.groupby(by, sort=False):
                ordered = group.sort_values("problem")
                self.known[name] = ordered[["n", "c"]].to_numpy(int)
        held = self.known[key]
        out: Values = pass_at_k(held[:, 0], held[:, 1], [k])[:, 0]
        return out

    def general(self, recipe: str, starts: list[int], column: str, kinds: tuple[str, ...] = ()) -> Values:
        """(S, I) of each seed, averaged over starts: items "correct" (0 or 1), or "
        ""bits" per byte over MOST_BITS.

        kinds: of the tasks, by the end of their name; all where none is given.
        """
        mine = self.capability[self.capability["recipe"] == recipe]
        mine = mine.dropna(subset=[column]) if column in mine else mine.head(0)
        mine = mine[mine["task"].str.endswith(kinds)] if kinds else mine
        by = [set(mine.loc[mine["start"] == s, "seed"]) for s in starts]
        seeds = sorted(set.intersection(*by)) if by else []
        if not seeds:
            raise UserError(f"the study has no general capability of {recipe} at all of {starts}")
        ordered = mine.sort_values(["task", "item"])
        held = {key: group[column].to_numpy(float) for key, group in ordered.groupby(["start", "seed"])}
        values = np.stack([np.mean([held[s, seed] for s in starts], axis=0) for seed in seeds])
        return np.minimum(values / MOST_BITS, 1) if column == "bits" else values


def read(folder: Path) -> Tables:
    """The tables of a folder; UserError where one is missing."""
    try:
        return Tables(
            counts=pd.read_parquet(folder / "counts.parquet"),
            cells=pd.read_csv(folder / "cells.csv"),
            training=pd.read_csv(folder / "training.csv"),
            capability=pd.read_parquet(folder / "capability.parquet"),
            tuning=json.loads((folder / "tuning.json").read_text("utf-8")),
            tasks=pd.read_csv(folder / "tasks.csv"),
            run=json.loads((folder / "run.json").read_text("utf-8")),
        )
    except OSError as error:
        raise UserError(f"{error.filename} is missing; run `python -m reports.study.build`") from error
