"""What the study keeps of its run on a real language model: verdicts, readings, checks; no text, no path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from reports.study.driver.real import PROBLEMS
from reports.study.driver.tasks import rows as logged

SHOWN = ("estimate", "low", "high")


def collected(run: Path) -> dict[str, Any]:
    """Every comparison of a run of `reports.study.driver.real`; UserError where it has not ended."""
    found, by_template = (_finding(run / folder / "findings.json") for folder in (PROBLEMS, "probe"))
    reports = {c["name"]: c for c in by_template["checkpoints"]}
    pairs = zip(found["comparisons"], by_template["comparisons"], strict=True)
    return {
        "model": _model(run),
        "problems": by_template["problems"]["name"],
        "templates": by_template["comparisons"][0]["resampled"]["count"],
        "pairs": [_pair(*pair, reports) for pair in pairs],
        "core_hours": round(sum(t["core_seconds"] for t in logged(run)) / 3600, 2),
        "versions": found["provenance"]["versions"],
    }


def _finding(path: Path) -> dict[str, Any]:
    """The finding of `probes expand` in a file."""
    if not path.is_file():
        raise UserError(f"{path} is missing; let `python -m reports.study.driver.real` end")
    (found,) = [f for f in json.loads(path.read_text("utf-8"))["findings"] if f["probe"] == "expand"]
    return dict(found)


def _pair(pair: dict[str, Any], by_template: dict[str, Any], reports: dict[str, Any]) -> dict[str, Any]:
    """One comparison by problems and by templates; recipe and seed by the folder RECIPE/seed-N/step-M."""
    if (pair["a"], pair["b"]) != (by_template["a"], by_template["b"]):
        raise UserError("the two findings of the run are of other pairs; make them again")
    parts = Path(reports[pair["b"]]["path"]).parts
    asked = [*by_template["confounds"], *by_template["checks"]]
    return {
        "recipe": parts[-3],
        "seed": int(parts[-2].removeprefix("seed-")),
        "problems": pair["problems"],
        "n": pair["n"],
        "readings": _readings(pair),
        "verdict": _verdict(pair),
        "by_template": {"readings": _readings(by_template), "verdict": _verdict(by_template)},
        "crossover": pair["crossover"],
        "without": {
            key: [(reports[pair[side]].get("report") or {}).get(key) for side in ("a", "b")]
            for key in ("truncated", "extraction_failures")
        },
        "failed": [c["name"] for c in asked if c["passed"] is False],
        "unknown": [c["name"] for c in asked if c["passed"] is None],
    }


def _verdict(pair: dict[str, Any]) -> dict[str, Any]:
    return {key: pair["headline"][key] for key in ("outcome", "kind")}


def _readings(pair: dict[str, Any]) -> list[dict[str, Any]]:
    """The comparison at k = 1 and K."""
    delta, passk = pair["delta"], pair["passk"]
    at = {k: pair["k"].index(k) for k in (1, pair["options"]["K"])}
    return [
        {"k": k, "a": passk["a"]["estimate"][i], "b": passk["b"]["estimate"][i]}
        | {key: delta[key][i] for key in SHOWN}
        for k, i in at.items()
    ]


def _model(run: Path) -> dict[str, Any]:
    """Architecture and size of the start, by its config.json."""
    (config,) = sorted((run / "start" / "seed-0").glob("step-*/config.json"))[-1:]
    held = json.loads(config.read_text("utf-8"))
    return {key: held.get(key) for key in ("architectures", "hidden_size", "num_hidden_layers")}
