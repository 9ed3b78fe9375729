"""The findings of a study as one table: one row per number."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.files import write_file
from probes.findings.finding import read_findings

COLUMNS = [
    *("start", "recipe", "seed", "probe", "kind", "checkpoint", "a", "b", "measure", "label", "unit"),
    *("estimate", "low", "high", "p", "p_holm", "problems", "outcome", "K", "file"),
]


def write_table(run: Path) -> Path:
    """RUN/findings/findings.parquet: one row per estimate, difference and verdict of all its findings.

    Columns start, recipe, seed, probe, kind (estimate, difference or verdict), checkpoint, a, b, measure,
    label, unit, estimate, low, high, p, p_holm, problems, outcome, K, file.
    """
    rows: list[dict[str, Any]] = []
    folder = run / "findings"
    for file in sorted(folder.rglob("*.json")):
        for item in read_findings(file):
            held = item.get("study") or {}
            place = {k: held.get(k) for k in ("start", "recipe", "seed")} | {"probe": item["probe"]}
            rows += [place | row | {"file": str(file.relative_to(folder))} for row in tidy(item)]
    stream = io.BytesIO()
    pd.DataFrame(rows, columns=COLUMNS).to_parquet(stream, index=False)
    path = folder / "findings.parquet"
    write_file(path, stream.getvalue())
    return path


def tidy(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbers of a finding as rows: its estimates, its differences, the verdicts of an expand finding."""
    rows = [{"kind": "estimate", **_kept(e)} for e in item.get("estimates") or ()]
    rows += [{"kind": "difference", **_kept(d)} for d in item.get("differences") or ()]
    for c in item.get("comparisons") or ():
        for number in c["verdict"]["numbers"]:
            name = f"pass@{number['k']}"
            rows.append(
                {"kind": "verdict", "a": c["a"], "b": c["b"], "measure": name, "label": name, "unit": "rate",
                 **{k: number[k] for k in ("estimate", "low", "high", "p")}, "problems": c["problems"],
                 "outcome": c["verdict"]["outcome"], "K": c["options"]["K"]}
            )  # fmt: skip
    return rows


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k in COLUMNS}
