"""Where counts come from: a CSV of counts, foreign sample files, or checkpoints sampled here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from evals.errors import UserError
from evals.records import SamplingOptions

COLUMNS = ("problem", "checkpoint", "n", "c")


@dataclass(frozen=True, slots=True)
class Source:
    """Counts of two or more checkpoints, and what is known about each.

    counts: columns problem, checkpoint, n, c (strict grades). checkpoints: one description each, in the
    order given. store: where samples and grades stand, or None.
    """

    counts: pd.DataFrame
    checkpoints: list[dict[str, Any]]
    problems: dict[str, Any]
    store: Path | None = None
    cells: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sampling:
    """How checkpoints are sampled: options of `probes expand` that reach the engine."""

    problems: str = "world:test"
    n: int = 32
    options: SamplingOptions = field(default_factory=SamplingOptions)
    shots: tuple[int, ...] = ()
    template: str | None = None
    seed: int = 0
    limit: int | None = None
    engine: str = "torch"
    processes: int = 1


def from_counts(path: Path) -> Source:
    """Counts from a CSV with columns problem, checkpoint, n, c."""
    import csv

    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if missing := [c for c in COLUMNS if c not in (reader.fieldnames or ())]:
                raise UserError(f"{path} has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
            rows = [_row(path, number, row) for number, row in enumerate(reader, 2)]
    except OSError as error:
        raise UserError(f"counts {path} cannot be read ({error.strerror}); check the path") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not a CSV file in UTF-8: {error}") from error
    if not rows:
        raise UserError(f"{path} has no rows; it needs one per problem and checkpoint")
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    names = list(dict.fromkeys(frame["checkpoint"]))
    problems = {"name": path.name, "fingerprint": None, "count": int(frame["problem"].nunique())}
    return Source(frame, [_described(n) for n in names], problems)


def _row(path: Path, number: int, row: dict[str, Any]) -> tuple[str, str, int, int]:
    try:
        n, c = int(row["n"]), int(row["c"])
    except (TypeError, ValueError):
        raise UserError(
            f"{path} line {number}: n and c must be whole numbers, got {row['n']!r} and {row['c']!r}"
        ) from None
    if not row["problem"] or not row["checkpoint"]:
        raise UserError(f"{path} line {number}: problem and checkpoint must not be empty")
    if n < 1 or not 0 <= c <= n:
        raise UserError(f"{path} line {number}: needs n of at least 1 and c from 0 to n, got n={n}, c={c}")
    return row["problem"], row["checkpoint"], n, c


def _described(name: str) -> dict[str, Any]:
    keys = ("path", "fingerprint", "recipe", "lineage", "cell", "report")
    return {"name": name, **dict.fromkeys(keys)}


def store_of(out: Path) -> Path:
    """Where a probe's samples stand under its output folder."""
    return out / "store"


def from_samples(files: Sequence[Path | str], store: Path, workers: int = 1) -> Source:
    """Counts from sample files of any readable format, graded with the project's verifier."""
    from evals.readers import import_samples

    from evals.grading import cell_report, counts, grade_store
    from evals.store import SampleStore

    target = SampleStore(store)
    cells = list(dict.fromkeys(import_samples(files, target)))
    grade_store(target, cells, workers=workers)
    frame = counts(target, cells)
    checkpoints = []
    for cell in cells:
        report = cell_report(target, cell)
        checkpoints.append(_described(report["checkpoint"]) | {"cell": cell, "report": report})
    names = ", ".join(str(f) for f in files)
    problems = {"name": names, "fingerprint": None, "count": int(frame["problem"].nunique())}
    return Source(frame, checkpoints, problems, store, cells)


def from_checkpoints(names: Sequence[str], sampling: Sampling, store: Path, *, quiet: bool = False) -> Source:
    """Counts from checkpoints, sampled into the store (what is there already is not sampled again)."""
    from evals.checkpoints import open_checkpoint
    from evals.grading import cell_report, counts, grade_store
    from evals.problems import load_problems
    from evals.store import SampleStore
    from probes.sampling import sample_checkpoint

    found = [open_checkpoint(name) for name in names]
    problems = load_problems(sampling.problems, limit=sampling.limit)
    target = SampleStore(store)
    labels = _labels(names)
    cells = []
    for i, checkpoint in enumerate(found):
        draw = sum(other.weights == checkpoint.weights for other in found[:i])
        cells.append(
            sample_checkpoint(checkpoint, labels[i], i, draw, problems, sampling, target, quiet=quiet)
        )
    grade_store(target, cells, workers=sampling.processes)
    frame = counts(target, cells)
    checkpoints = [
        {
            "name": label,
            "path": c.name,
            "fingerprint": c.weights,
            "recipe": (c.lineage or {}).get("recipe"),
            "lineage": c.lineage,
            "cell": cell,
            "report": cell_report(target, cell),
        }
        for label, c, cell in zip(labels, found, cells, strict=True)
    ]
    described = {"name": problems.name, "fingerprint": problems.fingerprint, "count": len(problems.problems)}
    return Source(frame, checkpoints, described, store, cells)


def _labels(names: Sequence[str]) -> list[str]:
    """Short distinct labels: the last parts of the paths that tell them apart."""
    parts = [Path(n).parts for n in names]
    for depth in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(p[-depth:]) for p in parts]
        if len(set(labels)) == len(set(parts)):
            break
    seen: dict[str, int] = {}
    out = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        out.append(label if seen[label] == 1 else f"{label} (draw {seen[label]})")
    return out
