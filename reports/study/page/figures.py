"""The figures of the study's page, drawn as the paper's are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evals.core.errors import UserError
from evals.core.files import write_file
from reports.study.driver.plan import RECIPES
from reports.study.readings.claims import CEILING
from reports.study.readings.contrasts import K, reading
from reports.study.readings.tables import Tables

MILLION = 1e6
LAST = 0.1  # share of the steps whose mean is a run's final training reward


def draw(tables: Tables, folder: Path, temperature: float) -> list[Path]:
    """Write every figure that the tables have numbers for, as PNG; returns the files."""
    from reports.figures.export import png_bytes
    from reports.figures.seeds import reward_against_test
    from reports.paper import figures

    made: tuple[tuple[str, Callable[[pd.DataFrame], Any], pd.DataFrame], ...] = (
        ("overview", figures.gains, differences(tables, temperature)),
        ("passk", figures.over_tokens, curves(tables, temperature)),
        ("brittleness", reward_against_test, rewards(tables, temperature)),
    )
    written = []
    for name, function, frame in made:
        if len(frame):
            write_file(folder / f"{name}.png", png_bytes(function(frame)))
            written.append(folder / f"{name}.png")
    return written


def differences(tables: Tables, temperature: float) -> pd.DataFrame:
    """Every recipe minus the base of its start, in points: the mean with its interval, and every seed."""
    rows = []
    for metric in (f"delta_pass@{1}", f"delta_pass@{K}", "delta_general"):
        for recipe in RECIPES:
            for start in tables.starts:
                b, a = (_values(tables, metric, r, start, temperature) for r in (recipe, "base"))
                if (
                    b is None
                    or a is None
                    or (metric == "delta_general" and min(a.mean(), b.mean()) > CEILING)
                ):
                    continue
                held = reading(b, a, 1)
                place = _place(metric, recipe, start)
                ends = {key: 100 * held[key] for key in ("low", "high")}
                rows.append(place | {"y": 100 * held["estimate"]} | ends)
                if len(b) > 1:
                    rows += [place | {"y": 100 * d, "seed": s} for s, d in enumerate(held["per_seed"])]
    return _framed(rows)


def curves(tables: Tables, temperature: float) -> pd.DataFrame:
    """pass@1, 8 and K of the base and of every recipe, in percent: the seeds' mean, and every seed."""
    rows = []
    for k in (1, 8, K):
        for recipe in ("base", *RECIPES):
            for start in tables.starts:
                values = tables.values("cells", recipe, [start], temperature, k).mean(1)
                place = _place(f"pass@{k}", recipe, start)
                rows.append(place | {"y": 100 * float(values.mean())})
                if len(values) > 1:
                    rows += [place | {"y": 100 * float(v), "seed": s} for s, v in enumerate(values)]
    return _framed(rows)


def rewards(tables: Tables, temperature: float) -> pd.DataFrame:
    """Final training reward against test pass@1 of every cell with RL in it."""
    frames = []
    for recipe in ("rl", "sft-rl", "sft-gold-rl", "parallel"):
        held = final_rewards(tables, recipe)
        for start in tables.starts if len(held) else []:
            seeds = tables.seeds("cells", recipe, [start], temperature)
            if not seeds:
                continue
            tests = tables.values("cells", recipe, [start], temperature, 1).mean(1)
            both = pd.DataFrame({"seed": seeds, "y": 100 * tests})
            mine = held[held["start"] == start].merge(both, on="seed")
            place = {"series": recipe, "x": start}
            frames.append(mine[["reward", "seed", "y"]].assign(**place))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def final_rewards(tables: Tables, recipe: str) -> pd.DataFrame:
    """start, seed, reward: mean training reward over the last tenth of the steps of each cell."""
    mine = tables.training[(tables.training["where"] == "cells") & (tables.training["recipe"] == recipe)]
    rows = []
    for (start, seed), run in mine.groupby(["start", "seed"]):
        held = run.sort_values("step")["reward"]
        last = float(held.tail(max(1, round(LAST * len(held)))).mean())
        rows.append({"start": start, "seed": seed, "reward": last})
    return pd.DataFrame(rows)


def _values(tables: Tables, metric: str, recipe: str, start: int, temperature: float) -> np.ndarray | None:
    try:
        if metric == "delta_general":
            return tables.general(recipe, [start], "correct")
        return tables.values("cells", recipe, [start], temperature, int(metric.rpartition("@")[2]))
    except UserError:
        return None


def _place(metric: str, recipe: str, start: int) -> dict[str, Any]:
    axis = {"x_axis": "pretrain_tokens_M", "x": start / MILLION}
    return {"benchmark": "world", "metric": metric, "series": recipe, **axis}


def _framed(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).reindex(
        columns=["benchmark", "metric", "series", "x_axis", "x", "y", "low", "high", "seed"]
    )
