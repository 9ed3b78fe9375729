"""Frames out of the findings of other probes than expand: capability, rollouts, dynamics, seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.labels import short_labels
from probes.findings.types import Finding
from reports.inputs import number


def estimates(finding: Finding) -> list[dict[str, Any]]:
    """Numbers of a study in a finding of capability or dynamics: checkpoint, benchmark, metric, y, low, high.

    benchmark None stands for the finding's problems. Rates become percent.
    """
    out = []
    for row in finding.estimates:
        if row.unit != "rate":
            continue
        if finding.probe == "capability":
            mean = row.measure == "mean"
            named: dict[str, Any] = {"benchmark": "general" if mean else row.measure, "metric": GENERAL[mean]}
        elif finding.probe == "dynamics" and row.measure in ("first", "large"):
            named = {"benchmark": None, "metric": row.label}
        else:
            continue
        values = {"y": row.estimate, "low": row.low, "high": row.high}
        out.append({"checkpoint": row.checkpoint, **named} | {k: 100 * number(v) for k, v in values.items()})
    return out


GENERAL = {False: "accuracy", True: "accuracy_mean"}


def rollout_rows(finding: Finding) -> pd.DataFrame:
    """A rollouts finding as the paper's figure takes it: training accuracy against both budgets."""
    sizes = {row["run"]: row["n"] for row in finding.extra("budgets") or []}
    rows = []
    for point in finding.extra("curves") or []:
        n = sizes.get(point["run"])
        if not n:
            continue
        one = {
            "figure": "rollout_budget",
            "benchmark": "training prompts",
            "metric": "accuracy",
            "series": f"n={n}",
            "y": 100 * number(point["correct"]),
        }
        rows.append(one | {"x_axis": "rl_examples_seen", "x": point["rollouts"] / n})
        rows.append(one | {"x_axis": "rollouts_total", "x": float(point["rollouts"])})
    return pd.DataFrame(rows)


def training(findings: Sequence[Finding]) -> pd.DataFrame:
    """What runs logged, as `reports.figures.training.along_training` takes it, from dynamics findings.

    Runs of one name in several findings are told apart by their folders, or else by their findings.
    """
    found = [f for f in findings if f.probe == "dynamics"]
    folders = {
        (i, point["run"]): _folder(finding, str(point["run"])) or f"finding {i + 1}/{point['run']}"
        for i, finding in enumerate(found)
        for point in finding.extra("training") or []
    }
    short = short_labels(folders.values())
    rows = []
    for i, finding in enumerate(found):
        recipes = {c.recipe for c in finding.checkpoints} - {None, "base"}
        recipe = recipes.pop() if len(recipes) == 1 else None
        for point in finding.extra("training") or []:
            values = {k: v for k, v in point.items() if k not in ("run", "step") and v is not None}
            place = {"run": short[folders[i, point["run"]]], "recipe": recipe, "step": point["step"]}
            rows += [place | {"metric": k, "value": float(v)} for k, v in values.items()]
    table = pd.DataFrame(rows, columns=["run", "recipe", "step", "metric", "value"])
    return table.drop_duplicates(["run", "step", "metric", "value"], ignore_index=True)


def _folder(finding: Finding, run: str) -> str | None:
    """The folder of a run, which its checkpoints lie in, or None."""
    ending = Path(run).parts
    for checkpoint in finding.checkpoints:
        for folder in list(Path(checkpoint.path or "").parents)[:2]:
            if folder.parts[-len(ending) :] == ending:
                return str(folder)
    return None


def seeds(findings: Sequence[Finding]) -> pd.DataFrame:
    """Every seed of seeds findings: metric, series, x (tokens), seed, y (percent), reward (NaN unknown)."""
    rows = []
    for finding in findings:
        if finding.probe != "seeds":
            continue
        known = {c.name: c for c in finding.checkpoints}
        for one in finding.extra("seeds") or []:
            checkpoint = known[one["checkpoint"]]
            lineage = checkpoint.lineage or {}
            if one["seed"] is None or lineage.get("tokens") is None:
                continue
            place = {"series": checkpoint.recipe or "unknown", "x": float(lineage["tokens"])}
            place |= {"seed": one["seed"], "reward": number(one.get("training_reward"))}
            rows += [place | {"metric": k, "y": 100 * v} for k, v in one.items() if k.startswith("pass@")]
    return pd.DataFrame(rows, columns=["metric", "series", "x", "seed", "y", "reward"])
