"""What the study keeps of its run on a real language model: verdicts, readings, checks; no text, no path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from reports.study.driver.tasks import rows as logged

SHOWN = ("estimate", "low", "high")


def collected(run: Path) -> dict[str, Any]:
    """Every comparison of a run of `reports.study.driver.real`; UserError where it has not ended."""
    path = run / "probe" / "findings.json"
    if not path.is_file():
        raise UserError(f"{path} is missing; let `python -m reports.study.driver.real` end")
    (found,) = [f for f in json.loads(path.read_text("utf-8"))["findings"] if f["probe"] == "expand"]
    places = {c["name"]: Path(c["path"]).parts for c in found["checkpoints"]}
    tasks = logged(run)
    return {
        "model": _model(run),
        "problems": found["problems"]["name"],
        "pairs": [_pair(pair, places[pair["b"]]) for pair in found["comparisons"]],
        "core_hours": round(sum(t["core_seconds"] for t in tasks) / 3600, 2),
        "versions": found["provenance"]["versions"],
    }


def _pair(pair: dict[str, Any], parts: tuple[str, ...]) -> dict[str, Any]:
    """One comparison: the recipe and seed by the folder RECIPE/seed-N/step-M, readings at k = 1 and K."""
    K = pair["options"]["K"]
    ks = [1, K]
    at = {k: pair["k"].index(k) for k in ks}
    delta, passk = pair["delta"], pair["passk"]
    return {
        "recipe": parts[-3],
        "seed": int(parts[-2].removeprefix("seed-")),
        "problems": pair["problems"],
        "n": pair["n"],
        "readings": [
            {"k": k, "a": passk["a"]["estimate"][at[k]], "b": passk["b"]["estimate"][at[k]]}
            | {key: delta[key][at[k]] for key in SHOWN}
            for k in ks
        ],
        "verdict": {key: pair["headline"][key] for key in ("outcome", "kind")},
        "failed": [c["detail"] for c in pair["confounds"] if c["passed"] is False],
        "unknown": [c["name"] for c in pair["confounds"] if c["passed"] is None],
    }


def _model(run: Path) -> dict[str, Any]:
    """Architecture and size of the start, by its config.json."""
    (config,) = sorted((run / "start" / "seed-0").glob("step-*/config.json"))[-1:]
    held = json.loads(config.read_text("utf-8"))
    return {key: held.get(key) for key in ("architectures", "hidden_size", "num_hidden_layers")}
