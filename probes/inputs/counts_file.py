"""Counts from a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.arguments import LARGEST
from evals.core.bounds import csv_rows
from evals.core.errors import UserError
from probes.inputs.sources import COLUMNS, GROUPS, Source, blank

Line = tuple[int, tuple[str, str, int, int, *tuple[str, ...]]]  # its number, and its values


def from_counts(path: Path, keys: Sequence[str] = ()) -> Source:
    """Counts from a CSV (or .csv.gz): problem, checkpoint, n, c, and optional columns cluster and stratum.

    Clusters are resampled whole, problems within their stratum. keys: further columns that are kept.
    UserError with the line of what is wrong.
    """
    rows: list[Line] = []
    groups: list[str] = []
    for line, row in csv_rows(path, COLUMNS):
        groups = groups or [c for c in dict.fromkeys((*GROUPS, *keys)) if c in row and c not in COLUMNS]
        rows.append(_row(path, line, row, groups))
    if not rows:
        raise UserError(f"{path} has no rows; it needs one per problem and checkpoint")
    frame = pd.DataFrame(_distinct(path, rows), columns=[*COLUMNS, *groups])
    _no_total(path, rows)
    names = list(dict.fromkeys(frame["checkpoint"]))
    problems = {"name": path.name, "fingerprint": None, "count": int(frame["problem"].nunique())}
    return Source(frame, [blank(n) for n in names], problems)


def _row(path: Path, line: int, row: dict[str, str], groups: Sequence[str]) -> Line:
    """One row, checked; the values of the columns `groups` come last."""
    where = f"{path} line {line}"
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


def _distinct(path: Path, rows: Sequence[Line]) -> list[tuple[str, str, int, int, *tuple[str, ...]]]:
    """The rows without their lines; UserError where a problem of a checkpoint stands twice."""
    seen: dict[tuple[str, str], int] = {}
    for line, (problem, checkpoint, *_) in rows:
        if (first := seen.setdefault((problem, checkpoint), line)) != line:
            raise UserError(
                f"{path} line {line}: problem {problem!r} of {checkpoint!r} is already in line {first}; "
                "add up its samples or drop one"
            )
    return [values for _, values in rows]


def _no_total(path: Path, rows: Sequence[Line]) -> None:
    """UserError where a line has the n and the c of all other problems of its checkpoint together."""
    sums: dict[str, tuple[int, int, int]] = {}
    for _, (_, checkpoint, n, c, *_) in rows:
        M, all_n, all_c = sums.get(checkpoint, (0, 0, 0))
        sums[checkpoint] = M + 1, all_n + n, all_c + c
    for line, (problem, checkpoint, n, c, *_) in rows:
        M, all_n, all_c = sums[checkpoint]
        if M > 3 and (2 * n, 2 * c) == (all_n, all_c):
            raise UserError(
                f"{path} line {line}: {problem!r} has the n and c of all other problems of {checkpoint!r} "
                "together, as a total; remove the line"
            )
