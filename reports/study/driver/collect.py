"""From a run of the study to the tables that the repository keeps: a few hundred kilobytes, no path, no text.

counts.parquet      problem by problem: where, start, recipe, seed, temperature, problem, n, c
cells.csv           one row per sampled checkpoint: fingerprint, FLOPs, and how its samples came out
training.csv        one row per run and step of RL, one per run of SFT
capability.parquet  general capability item by item
tuning.json, tasks.csv, run.json    the choice of learning rates; time by stage; machine and versions
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.errors import UserError
from evals.core.files import write_file, write_json
from reports.study.driver.tasks import rows as logged

PLACES = (  # where a checkpoint lies → (where, recipe, seed), with the groups of the pattern
    (r"study/pretrain/seed-\d+/step-\d+", ("cells", "base", "0")),
    (r"study/excursions/step-\d+/(?P<recipe>[^/]+)/seed-(?P<seed>\d+)/step-\d+", ("cells", None, None)),
    (r"arms/step-\d+/(?P<recipe>[^/]+)/seed-(?P<seed>\d+)/step-\d+", ("arms", None, None)),
)
REPORTED = ("truncated", "guess_floor", "extraction_failures", "mean_tokens", "duplicates")
STEPPED = ("step", "reward", "correct", "zero_variance", "entropy", "tokens", "flops", "seconds")


def place(path: str) -> tuple[str, str, int]:
    """(where, recipe, seed) of a checkpoint by its path; UserError where the study has none there."""
    for pattern, (where, recipe, seed) in PLACES:
        if found := re.search(rf"(^|/){pattern}/?$", path):
            named = found.groupdict()
            return where, recipe or named["recipe"], int(seed or named["seed"])
    raise UserError(
        f"{path} is no checkpoint of the study; collect the folder that reports.study.driver.run made"
    )


def collect(run: Path, out: Path) -> None:
    """Write the tables of a run, complete or not, into `out`."""
    counted, cells = _samples(run)
    if counted.empty:
        raise UserError(f"{run} has no samples yet; let the study finish its first seed")
    _parquet(out / "counts.parquet", counted)
    _csv(out / "cells.csv", cells)
    _csv(out / "training.csv", _training(run))
    _parquet(out / "capability.parquet", _capability(run, cells))
    shutil.copyfile(run / "tuning.json", out / "tuning.json")
    tasks = pd.DataFrame(logged(run))
    stages = tasks.groupby("stage", sort=False)[["wall_seconds", "core_seconds"]].sum().round(1)
    stages.insert(0, "tasks", tasks.groupby("stage", sort=False).size())
    _csv(out / "tasks.csv", stages.reset_index())
    _about(run, out / "run.json", tasks)


def _samples(run: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(counts problem by problem, one row a sampled checkpoint) of everything under samples/."""
    frames, cells = [], []
    for file in sorted((run / "samples").rglob("counts.csv")):
        held = json.loads((file.parent / "checkpoints.json").read_text())
        counted = pd.read_csv(file)
        for one in held["checkpoints"]:
            key = _key(one) | {"draw": _draw(one["name"])}
            mine = counted[counted["checkpoint"] == one["name"]]
            frames.append(mine[["problem", "n", "c"]].assign(**key))
            cells.append(key | _about_cell(one, held["problems"]))
    order = ["where", "start", "recipe", "seed", "draw", "temperature"]
    if not frames:
        return pd.DataFrame(), pd.DataFrame()
    together = pd.concat(frames, ignore_index=True)[[*order, "problem", "n", "c"]]
    together = together.astype({"n": "int16", "c": "int16"})
    return (
        together.sort_values([*order, "problem"], ignore_index=True),
        pd.DataFrame(cells).sort_values(order, ignore_index=True),
    )


def _key(one: dict[str, Any]) -> dict[str, Any]:
    where, recipe, seed = place(one["path"])
    start = int((one["lineage"] or {}).get("tokens") or 0)
    return {
        "where": where,
        "start": start,
        "recipe": recipe,
        "seed": seed,
        "temperature": float(one["report"]["temperature"]),
    }


def _draw(name: str) -> int:
    found = re.search(r" \(draw (\d+)\)$", name)
    return int(found.group(1)) - 1 if found else 0


def _about_cell(one: dict[str, Any], problems: dict[str, Any]) -> dict[str, Any]:
    report, lineage = one["report"], one["lineage"] or {}
    return {
        "weights": one["fingerprint"],
        "problems": problems["fingerprint"],
        "samples": report["n"] * report["problems"] if isinstance(report["n"], int) else None,
        "flops": lineage.get("flops"),
        **{key: report.get(key) for key in REPORTED},
    }


def _runs(run: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every finished training run that is an excursion, with its key."""
    for folder in ("study/excursions", "arms"):
        for done in sorted((run / folder).rglob("DONE")):
            steps = sorted(done.parent.glob("step-*"))
            if not steps:
                continue
            where, recipe, seed = place(str(steps[-1].relative_to(run)))
            lineage = json.loads((steps[-1] / "lineage.json").read_text())
            key = {"where": where, "start": lineage["tokens"], "recipe": recipe, "seed": seed}
            yield done.parent, key


def _training(run: Path) -> pd.DataFrame:
    """metrics.jsonl of every excursion: each step of RL, of SFT the last one alone."""
    frames = []
    for folder, key in _runs(run):
        frame = pd.read_json(folder / "metrics.jsonl", lines=True)
        frame["seconds"] = frame["seconds"].cumsum().round(1)
        frame = frame if "reward" in frame else frame.tail(1)
        settings = json.loads((folder / "resolved.json").read_text())
        settings = settings.get("rl", settings)
        kept = [c for c in (*STEPPED, "loss") if c in frame]
        size = {k: settings[k] for k in ("prompts", "n") if k in settings}
        frames.append(frame[kept].assign(**key, **size))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _capability(run: Path, cells: pd.DataFrame) -> pd.DataFrame:
    """Items of the world's own cloze, right or wrong (metric acc), and bits per byte of its documents."""
    from evals.capability import read_items

    measured = ("task", "item", "correct", "bits")
    known = cells[cells["where"] == "cells"].drop_duplicates("weights").set_index("weights")
    frames = []
    for folder in sorted((run / "capability").glob("*/*")):
        if (folder / "DONE").is_file():
            items = read_items(folder)
            items = items[items["metric"].isin(["acc", "bits_per_byte"]) & items["weights"].isin(known.index)]
            keys = known.loc[items["weights"], ["start", "recipe", "seed"]].reset_index(drop=True)
            frames.append(pd.concat([keys, items[[*measured]].reset_index(drop=True)], axis=1))
    if not frames:
        return pd.DataFrame(columns=["start", "recipe", "seed", *measured])
    order = ["start", "recipe", "seed", "task", "item"]
    return pd.concat(frames).drop_duplicates(order).sort_values(order, ignore_index=True)


def _about(run: Path, path: Path, tasks: pd.DataFrame) -> None:
    """Machine, versions and time, and what was run of what was planned."""
    environment = run / "study" / "env.json"
    held = json.loads(environment.read_text()) if environment.is_file() else {}
    done = sorted(str(k["recipe"]) for _, k in _runs(run) if k["where"] == "cells")
    write_json(
        path,
        {
            **held,
            "processor": processor(),
            "cells": len(done),
            "core_hours": round(float(tasks["core_seconds"].sum()) / 3600, 2),
            "wall_hours": round(_covered(tasks) / 3600, 2),
        },
    )


def _covered(tasks: pd.DataFrame) -> float:
    """Seconds during which at least one task was running: tasks that ran side by side count once."""
    total, until = 0.0, float("-inf")
    for began, wall in sorted(zip(tasks["began"], tasks["wall_seconds"], strict=True)):
        total += max(0.0, began + wall - max(began, until))
        until = max(until, began + wall)
    return total


def processor() -> str:
    """The kind of processor of this machine."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def _csv(path: Path, frame: pd.DataFrame) -> None:
    write_file(path, str(frame.to_csv(index=False, lineterminator="\n")))


def _parquet(path: Path, frame: pd.DataFrame) -> None:
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False, compression="zstd")
    write_file(path, stream.getvalue())
