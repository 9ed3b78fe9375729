"""The findings of a study as one table: one row per number."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.files import write_file
from probes.findings import frames
from probes.findings.finding import read_findings

COLUMNS = ["start", "recipe", "seed", *frames.COLUMNS, "file"]


def write_table(run: Path) -> Path:
    """RUN/findings/findings.parquet: one row per estimate, difference and verdict of all its findings.

    Columns start, recipe, seed, probe, kind (estimate, difference or verdict), checkpoint, a, b, measure,
    label, unit, estimate, low, high, p, p_holm, problems, outcome, K, file.
    """
    rows: list[dict[str, Any]] = []
    folder = run / "findings"
    for file in sorted(folder.rglob("*.json")):
        for item in read_findings(file):
            place = {k: (item.study or {}).get(k) for k in ("start", "recipe", "seed")}
            rows += [place | row | {"file": str(file.relative_to(folder))} for row in frames.numbers(item)]
    stream = io.BytesIO()
    pd.DataFrame(rows, columns=COLUMNS).to_parquet(stream, index=False)
    path = folder / "findings.parquet"
    write_file(path, stream.getvalue())
    return path
