"""The side studies: rollout budget, brittleness, forecast, data against scale, problems out of range."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.inference.intervals import t_quantile
from reports.study.readings.contrasts import LEVEL, K, outcome, reading, seeds_verdict
from reports.study.readings.tables import Tables

WINDOW = 5  # steps over which training accuracy is averaged
LAST = 0.1  # share of the steps whose mean is a run's final training reward


def rollout_budget(tables: Tables, temperature: float) -> list[dict[str, Any]]:
    """Many against few rollouts of a prompt: at equal prompts seen, and at equal rollouts.

    Prompts: training accuracy over the last WINDOW steps that both have taken, seeds as samples. Rollouts:
    pass@1 on the test problems at the end, where both have drawn as many; seeds and problems as samples.
    """
    mine = tables.training[tables.training["where"] == "rollouts"]
    sizes = sorted({int(r.removeprefix("n-")) for r in mine["recipe"]})
    if len(sizes) != 2:
        return []
    few, many = (mine[mine["recipe"] == f"n-{n}"] for n in sizes)
    steps = int(min(few["step"].max(), many["step"].max()))
    window = [
        part[part["step"].between(steps - WINDOW + 1, steps)].groupby("seed")["correct"].mean().to_numpy()
        for part in (few, many)
    ]
    prompts = int(steps * many["prompts"].iloc[0])
    at_prompts = _seeds_only(window[1], window[0]) | {"says": "up", "axis": f"{prompts} prompts seen"}
    start = [int(mine["start"].iloc[0])]
    a, b = (tables.values("rollouts", f"n-{n}", start, temperature, 1) for n in sizes)
    total = int(many["prompts"].iloc[0] * many["n"].iloc[0] * many["step"].max())
    at_rollouts = reading(b, a, 1) | {"measure": 1, "says": "down", "axis": f"{total:,} rollouts"}
    texts = (
        f"n = {sizes[1]} learns more from a prompt than n = {sizes[0]} (training accuracy)",
        f"n = {sizes[1]} learns less from a rollout than n = {sizes[0]} (test pass@1)",
    )
    return [
        {"question": "7", "claim": text, "temperature": temperature, "outcome": outcome([part]), "note": "",
         "parts": [part | {"b_name": f"n-{sizes[1]}", "a_name": f"n-{sizes[0]}", "starts": start}]}
        for text, part in zip(texts, (at_prompts, at_rollouts), strict=True)
    ]  # fmt: skip


def _seeds_only(b: np.ndarray, a: np.ndarray) -> dict[str, Any]:
    """b - a with a t interval over seeds (Welch); each one number a seed."""
    v, w = b.var(ddof=1) / len(b), a.var(ddof=1) / len(a)
    free = (v + w) ** 2 / (v**2 / (len(b) - 1) + w**2 / (len(a) - 1)) if v + w > 0 else len(a) - 1
    half = t_quantile(1 - LEVEL / 2, free) * float(np.sqrt(v + w))
    d = float(b.mean() - a.mean())
    found = "up" if d - half > 0 else "down" if d + half < 0 else "open"
    means = {"a": float(a.mean()), "b": float(b.mean()), "seeds": [len(a), len(b)], "seeds_known": True}
    held = {"estimate": d, "low": d - half, "high": d + half, "state": found}
    return {"measure": "training accuracy", **held, **means}


def final_rewards(tables: Tables, recipe: str) -> pd.DataFrame:
    """start, seed, reward: mean training reward over the last LAST of the steps of each cell."""
    mine = tables.training[(tables.training["where"] == "cells") & (tables.training["recipe"] == recipe)]
    rows = []
    for (start, seed), run in mine.groupby(["start", "seed"]):
        held = run.sort_values("step")["reward"]
        rows.append(
            {"start": start, "seed": seed, "reward": float(held.tail(max(1, round(LAST * len(held)))).mean())}
        )
    return pd.DataFrame(rows)


def brittleness(tables: Tables, temperature: float, recipe: str = "rl") -> dict[str, Any]:
    """Spread over seeds at early against late starts, on test and in training reward.

    The ratio of the seeds' standard deviations (first two starts over last two), with an interval from F.
    """
    from scipy.stats import f

    rewards = final_rewards(tables, recipe)
    rows = []
    for start in tables.starts:
        tests = tables.values("cells", recipe, [start], temperature, 1).mean(1)
        mine = rewards[rewards["start"] == start]["reward"].to_numpy()
        spread = [float(x.std(ddof=1)) if len(x) > 1 else None for x in (tests, mine)]
        rows.append({"start": start, "test": tests.tolist(), "reward": mine.tolist(),
                     "test_sd": spread[0], "reward_sd": spread[1]})  # fmt: skip
    found: dict[str, Any] = {"rows": rows, "ratio": None, "low": None, "high": None}
    if len(rows) >= 4 and rows[0]["test_sd"] is not None:
        early, late = (float(np.mean([r["test_sd"] ** 2 for r in part])) for part in (rows[:2], rows[-2:]))
        free = 2 * (len(rows[0]["test"]) - 1)
        if late > 0:
            ratio = early / late
            bounds = [ratio / f.ppf(1 - LEVEL / 2, free, free), ratio / f.ppf(LEVEL / 2, free, free)]
            found |= dict(zip(("ratio", "low", "high"), np.sqrt([ratio, *bounds]).tolist(), strict=True))
    ends = (found["low"], found["high"])
    if None in ends:
        found["outcome"] = "not studied"
    else:
        found["outcome"] = (
            "reproduced" if ends[0] > 1 else "not reproduced" if ends[1] < 1 else "undetermined"
        )
    return found


def forecast(tables: Tables, temperature: float) -> dict[str, Any]:
    """Rank correlation over starts of the base's accuracy on training prompts with pass@1 that RL reaches.

    The base's accuracy is that of the first step's rollouts, before any update; p is of all orders.
    """
    from itertools import permutations

    from scipy.stats import spearmanr

    mine = tables.training[(tables.training["where"] == "cells") & (tables.training["recipe"] == "rl")]
    first = mine[mine["step"] == 1].groupby("start")["correct"].mean().reindex(tables.starts)
    reached = [float(tables.values("cells", "rl", [s], temperature, 1).mean()) for s in tables.starts]
    if len(reached) < 4:
        return {"outcome": "not studied", "base": first.tolist(), "reached": reached, "rho": None, "p": None}
    rho = float(spearmanr(first, reached).statistic)
    every = [float(spearmanr(order, reached).statistic) for order in permutations(first.tolist())]
    p = float(np.mean([x >= rho - 1e-12 for x in every]))
    return {"outcome": "reproduced" if p <= LEVEL else "undetermined", "base": first.tolist(),
            "reached": reached, "rho": rho, "p": p}  # fmt: skip


def scale(tables: Tables, temperature: float) -> dict[str, Any]:
    """A math-heavy mix against a larger model: both bases, and what RL reaches from each."""
    mine = tables.counts[(tables.counts["where"] == "scale") & (tables.counts["temperature"] == temperature)]
    if {"heavy", "large"} - set(mine["recipe"]):
        return {"outcome": "not studied", "parts": []}
    parts = []
    for where, name in (("scale", "base"), ("scale-rl", "after RL")):
        for k in (1, K):
            b, a = (tables.values(where, r, _starts(mine, r), temperature, k) for r in ("heavy", "large"))
            parts.append({"b_name": f"heavy mix, {name}", "a_name": f"larger model, {name}", "says": "up",
                          "measure": k, **reading(b, a, k, parts=2)})  # fmt: skip
    return {"outcome": outcome(parts[2:]), "parts": parts}


def _starts(mine: pd.DataFrame, recipe: str) -> list[int]:
    return [int(mine.loc[mine["recipe"] == recipe, "start"].iloc[0])]


def far(tables: Tables, temperature: float) -> list[dict[str, Any]]:
    """Problems of more operations than were trained on: every recipe against the base."""
    mine = tables.counts[(tables.counts["where"] == "far") & (tables.counts["temperature"] == temperature)]
    rows = []
    for start in sorted(mine["start"].unique().tolist()):
        for recipe in [r for r in mine.loc[mine["start"] == start, "recipe"].unique() if r != "base"]:
            readings = []
            for k in (1, K):
                b, a = (tables.values("far", r, [start], temperature, k) for r in (recipe, "base"))
                readings.append(reading(b, a, k, parts=2))
            rows.append({"start": start, "recipe": recipe, "readings": readings,
                         "verdict": seeds_verdict(*readings)})  # fmt: skip
    return rows
