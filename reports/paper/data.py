"""The paper's numbers: the copy that ships with the package, or a file of the same columns."""

from __future__ import annotations

import csv
from importlib import resources
from pathlib import Path

import pandas as pd

from evals.core.errors import UserError

COLUMNS = ("figure", "benchmark", "metric", "series", "x_axis", "x", "y")
CITATION = (
    "R. Bansal, C. Mohri, T. Qin, D. Alvarez-Melis, S. Kakade: RL Excursions during Pre-Training: "
    "Re-examining Policy Optimization for LLM Training. arXiv:2606.04272, 2026."
)


def shipped() -> Path:
    """Where the package's copy stands."""
    return Path(str(resources.files("reports.paper").joinpath("figures.csv")))


def load_numbers(path: Path | None = None) -> pd.DataFrame:
    """Figure numbers: figure, benchmark, metric, series, x_axis, x (text), y (percent).

    Lines that start with # are the citation. UserError where the file is none of these.
    """
    path = path or shipped()
    try:
        with path.open(encoding="utf-8-sig") as stream:
            lines = [line for line in stream if not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); give the figures' CSV with --data") from error
    frame = _parsed(path, lines)
    if missing := [c for c in COLUMNS if c not in frame.columns]:
        raise UserError(f"{path} has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
    if frame.empty:
        raise UserError(f"{path} has no rows; it needs one per point of a figure")
    y = pd.to_numeric(frame["y"], errors="coerce")
    if y.isna().any():
        row = int(y.isna().to_numpy().argmax())
        raise UserError(f"{path} data row {row + 1}: y must be a number, got {frame['y'].iloc[row]!r}")
    return frame.assign(y=y)[list(COLUMNS)]


def _parsed(path: Path, lines: list[str]) -> pd.DataFrame:
    """The rows as text, every one as long as the header."""
    try:
        header, *rows = list(csv.reader(lines)) or [[]]
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV table: {error}") from error
    if not header:
        raise UserError(f"{path} is empty; it needs the columns {', '.join(COLUMNS)}")
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise UserError(f"{path} data row {number} has {len(row)} fields and the header {len(header)}")
    return pd.DataFrame(rows, columns=header, dtype=str)
