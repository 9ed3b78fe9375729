"""Reading what a training run left on disk: its metrics, its configuration, its checkpoints, its rollouts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.errors import UserError

LAST = 0.1  # share of the steps over which a final training reward is averaged


def metrics(run: Path) -> pd.DataFrame:
    """metrics.jsonl of a run, one row per step; UserError where it is missing or damaged."""
    path = run / "metrics.jsonl"
    if not path.is_file():
        raise UserError(f"{run} is no training run: it has no metrics.jsonl; give the folder that trained")
    rows = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            rows.append(json.loads(line))
        except ValueError:
            raise UserError(f"{path} line {number} is not JSON; let the run end or fix the file") from None
    if not rows:
        raise UserError(f"{path} has no steps yet; let the run go on first")
    return pd.DataFrame(rows)


def resolved(run: Path) -> dict[str, Any]:
    """The resolved configuration of a run, or {} where there is none; UserError where it is damaged."""
    path = run / "resolved.json"
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (ValueError, TypeError):
        raise UserError(f"{path} is not a resolved configuration; let the run write it again") from None


def checkpoints(run: Path) -> list[Path]:
    """The checkpoint folders of a run (`step-NUMBER`) in order of step; UserError where there is none."""
    found = sorted(p for base in (run, run / "checkpoints") for p in base.glob("step-*") if p.is_dir())
    found = [p for p in found if p.name[5:].isdecimal() and (p / "config.json").is_file()]
    if not found:
        raise UserError(f"{run} has no checkpoints (step-…); give a run's folder, or checkpoints with --ckpt")
    return sorted(found, key=lambda p: int(p.name.removeprefix("step-")))


def run_of(checkpoint: Path) -> Path | None:
    """The run that a checkpoint folder lies in, or None."""
    for folder in list(checkpoint.absolute().parents)[:2]:
        if (folder / "metrics.jsonl").is_file():
            return folder
    return None


def descends(lineage: Mapping[str, Any] | None, weights: str | None, tensors: str | None) -> bool:
    """Whether a lineage names the checkpoint of these fingerprints (of its files, of its tensors) as parent.

    A parent that was saved again has other files; lineages of older versions do not know its tensors.
    """
    lineage = lineage or {}
    parents = {(lineage.get("parent"), weights), (lineage.get("parent_tensors"), tensors)}
    return any(one is not None and one == other for one, other in parents)


def final_reward(run: Path) -> float | None:
    """Mean training reward over the last LAST of the steps, or None where rewards are not recorded."""
    frame = metrics(run)
    if "reward" not in frame:
        return None
    return float(frame["reward"].tail(max(1, round(LAST * len(frame)))).mean())


def rollouts(run: Path) -> pd.DataFrame:
    """Groups of a run's rollouts: step, group, problem, n, correct, reward (mean), tokens (sum)."""
    held = run / "rollouts"  # a file a step, or a folder a step as older runs have it
    files = sorted([*held.glob("step-*.parquet"), *held.glob("step-*/rollouts.parquet")])
    if not files:
        raise UserError(f"{run} has no saved rollouts; give the folder of an RL run")
    parts = []
    for file in files:
        frame = pd.read_parquet(file, columns=["step", "group", "problem", "token_ids", "reward", "correct"])
        frame["tokens"] = frame["token_ids"].map(len)
        by_group = frame.groupby(["step", "group", "problem"], as_index=False)
        parts.append(
            by_group.agg(
                n=("correct", "size"), correct=("correct", "sum"), reward=("reward", "mean"),
                tokens=("tokens", "sum"),
            )
        )  # fmt: skip
    return pd.concat(parts, ignore_index=True)
