"""Counts from a CSV file."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.arguments import LARGEST
from evals.core import bounds
from evals.core.errors import UserError
from probes.inputs.sources import COLUMNS, GROUPS, Source, blank


def from_counts(path: Path, keys: Sequence[str] = ()) -> Source:
    """Counts from a CSV (or .csv.gz): problem, checkpoint, n, c, and optional columns cluster and stratum.

    Clusters are resampled whole, problems within their stratum. keys: further columns that are kept.
    UserError with the line of what is wrong.
    """
    try:
        with bounds.opened(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            reader.fieldnames = [(name or "").strip() for name in reader.fieldnames or ()]
            if missing := [c for c in COLUMNS if c not in reader.fieldnames]:
                raise UserError(f"{path} has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
            groups = [
                c for c in dict.fromkeys((*GROUPS, *keys)) if c in reader.fieldnames and c not in COLUMNS
            ]
            rows = [_row(path, reader.line_num, row, groups) for row in reader]
            lines = _distinct(path, rows)
    except OSError as error:
        raise UserError(f"counts {path} cannot be read ({error.strerror}); check the path") from error
    except (UnicodeDecodeError, csv.Error, bounds.Bound) as error:
        raise UserError(f"{path} is not a CSV file in UTF-8: {error}; save it as one") from error
    if not rows:
        raise UserError(f"{path} has no rows; it needs one per problem and checkpoint")
    frame = pd.DataFrame(lines, columns=[*COLUMNS, *groups])
    names = list(dict.fromkeys(frame["checkpoint"]))
    problems = {"name": path.name, "fingerprint": None, "count": int(frame["problem"].nunique())}
    return Source(frame, [blank(n) for n in names], problems)


def _row(
    path: Path, line: int, row: dict[str, Any], groups: Sequence[str]
) -> tuple[int, tuple[str, str, int, int, *tuple[str, ...]]]:
    """(line, values) of one row, checked; the values of the columns `groups` come last."""
    where = f"{path} line {line}"
    if None in row or None in row.values():
        raise UserError(f"{where}: it has not as many fields as the header; fix or remove the line")
    try:
        n, c = (int(x) if (x := float(row[name])).is_integer() else int(row[name]) for name in "nc")
    except (ValueError, OverflowError):
        raise UserError(
            f"{where}: n and c must be whole numbers, got {row['n']!r:.40} and {row['c']!r:.40}; fix the line"
        ) from None
    problem, checkpoint = row["problem"].strip(), row["checkpoint"].strip()
    if not problem or not checkpoint:
        raise UserError(f"{where}: problem and checkpoint must not be empty; name them")
    if not 1 <= n <= LARGEST or not 0 <= c <= n:
        raise UserError(
            f"{where}: needs n from 1 to {LARGEST:,} and c from 0 to n, "
            f"got n={n!s:.40}, c={c!s:.40}; fix the line"
        )
    if empty := [name for name in groups if not row[name].strip()]:
        raise UserError(f"{where}: column {empty[0]!r} is empty; fill it in every line or remove the column")
    return line, (problem, checkpoint, n, c, *(row[name].strip() for name in groups))


def _distinct(
    path: Path, rows: Sequence[tuple[int, tuple[str, str, int, int, *tuple[str, ...]]]]
) -> list[tuple[str, str, int, int, *tuple[str, ...]]]:
    """The rows without their lines; UserError where a problem of a checkpoint stands twice."""
    seen: dict[tuple[str, str], int] = {}
    for line, (problem, checkpoint, *_) in rows:
        if (first := seen.setdefault((problem, checkpoint), line)) != line:
            raise UserError(
                f"{path} line {line}: problem {problem!r} of {checkpoint!r} is already in line {first}; "
                "add up its samples or drop one"
            )
    return [values for _, values in rows]
