"""Where counts come from: a CSV of counts, or sample files; checkpoints: `probes.inputs.checkpoints`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.arguments import LARGEST
from evals.core.errors import UserError

if TYPE_CHECKING:
    from evals.store import SampleStore

COLUMNS = ("problem", "checkpoint", "n", "c")
GROUPS = ("cluster", "stratum")  # optional: problems that hang together, problems of one kind


@dataclass(frozen=True, slots=True)
class Source:
    """Counts of two or more checkpoints, and what is known about each.

    counts: columns problem, checkpoint, n, c (strict grades). checkpoints: one description each, in the
    order given. store: where samples and grades stand, or None. variants: the first checkpoint under other
    prompts, described alike, counted under their own names. n: only so many samples of a problem are meant.
    tallies: what was read of each cell already (`evals.store.tally`). clusters: what the clusters are that a
    column `cluster` of the counts names.
    """

    counts: pd.DataFrame
    checkpoints: list[dict[str, Any]]
    problems: dict[str, Any]
    store: SampleStore | None = None
    cells: list[str] = field(default_factory=list)
    variants: list[dict[str, Any]] = field(default_factory=list)
    n: int | None = None
    tallies: dict[str, pd.DataFrame] = field(default_factory=dict)
    clusters: str = "clusters"

    @property
    def groups(self) -> pd.DataFrame:
        """The clusters and strata that the counts name: one row per problem, as index; perhaps no columns."""
        return self.counts.drop_duplicates("problem").set_index("problem").filter(GROUPS)


def from_counts(path: Path, keys: Sequence[str] = ()) -> Source:
    """Counts from a CSV (or .csv.gz): problem, checkpoint, n, c, and optional columns cluster and stratum.

    Clusters are resampled whole, problems within their stratum. keys: further columns that are kept.
    UserError with the line of what is wrong.
    """
    import csv
    import io

    from evals.core import bounds

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
    if not row["problem"] or not row["checkpoint"]:
        raise UserError(f"{where}: problem and checkpoint must not be empty; name them")
    if not 1 <= n <= LARGEST or not 0 <= c <= n:
        raise UserError(
            f"{where}: needs n from 1 to {LARGEST:,} and c from 0 to n, "
            f"got n={n!s:.40}, c={c!s:.40}; fix the line"
        )
    if empty := [name for name in groups if not row[name].strip()]:
        raise UserError(f"{where}: column {empty[0]!r} is empty; fill it in every line or remove the column")
    return line, (row["problem"], row["checkpoint"], n, c, *(row[name].strip() for name in groups))


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


def templated(counts: pd.DataFrame, metas: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The counts with the template of each problem as its cluster, where problems are made from such.

    metas: the metadata of each problem. Problems of one template stand or fall together, so intervals that
    take them for independent are too narrow (2411.00640). Nothing changes where a problem has no template,
    where all have the same one, and where each has its own.
    """
    found = {p: metas.get(p, {}).get("template") for p in counts["problem"].unique()}
    if None in found.values() or not 1 < len(set(map(str, found.values()))) < len(found):
        return counts
    return counts.assign(cluster=[str(found[p]) for p in counts["problem"]])


def blank(name: str) -> dict[str, Any]:
    """The description of a checkpoint of which only the name is known."""
    keys = ("path", "fingerprint", "recipe", "lineage", "cell", "report")
    return {"name": name, **dict.fromkeys(keys)}


def store_of(out: Path) -> Path:
    """Where a probe's samples stand under its output folder."""
    return out / "store"


def from_samples(
    files: Sequence[Path | str],
    store: Path,
    workers: int = 1,
    *,
    skip_bad: bool = False,
    executor: str = "local",
) -> Source:
    """Counts from sample files of any readable format, or from one store, graded with the project's verifier.

    A store is read where it is (grades of this version are added to it if it lacks them), and what it knows
    of prompt, decoding, engine and weights is known here too. skip_bad: leave out rows that cannot be read
    (they are counted in the store), instead of an error.
    """
    from evals.core.executor import check_executor
    from evals.grading.cells import read_cells
    from evals.grading.store_grading import grade_store
    from evals.readers.opening import stored
    from evals.store.reading import labels

    check_executor(executor)
    target, cells = stored([Path(f) for f in files], store, skip_bad=skip_bad)
    grade_store(target, cells, workers=workers, executor=executor)
    found = read_cells(target, cells, names=labels(target, cells))
    checkpoints = [
        blank(report["checkpoint"])
        | {"cell": cell, "report": report, "fingerprint": target.cell(cell).get("weights")}
        for cell, report in zip(cells, found.reports, strict=True)
    ]
    names = ", ".join(Path(f).name for f in files)
    problems = {"name": names, "fingerprint": None, "count": int(found.counts["problem"].nunique())}
    counts = templated(found.counts, {i: p.meta for i, p in target.problems().items()})
    return Source(counts, checkpoints, problems, target, cells, tallies=found.tallies, clusters="templates")


def chosen(source: Source, names: Sequence[str] | None) -> Source:
    """The source with only these checkpoints, in this order (None: all); UserError for an unknown name."""
    if not names:
        return source
    by_name = {d["name"]: d for d in source.checkpoints}
    for name in names:
        if name not in by_name:
            raise UserError(f"no checkpoint {name!r} in these files; choose among {', '.join(by_name)}")
    counts = source.counts[source.counts["checkpoint"].isin(names)].reset_index(drop=True)
    kept = [by_name[name] for name in dict.fromkeys(names)]
    return replace(source, counts=counts, checkpoints=kept, cells=[d["cell"] for d in kept])


def described(names: Sequence[str]) -> list[dict[str, Any]]:
    """Descriptions of checkpoints that are not sampled: name, path, fingerprint, recipe, lineage."""
    from evals.checkpoints.checkpoint import open_checkpoint

    found = [open_checkpoint(name) for name in names]
    return [
        blank(label)
        | {
            "path": c.name,
            "fingerprint": c.weights,
            "tensors": c.tensors,
            "recipe": (c.lineage or {}).get("recipe"),
            "lineage": c.lineage,
        }
        for label, c in zip(labels_of(names), found, strict=True)
    ]


def labels_of(names: Sequence[str]) -> list[str]:
    """Short distinct labels; the same checkpoint given again is another draw of it."""
    from evals.core.labels import short_labels

    short = short_labels(names)
    seen: dict[str, int] = {}
    out = []
    for name in names:
        label = short[name]
        seen[label] = seen.get(label, 0) + 1
        out.append(label if seen[label] == 1 else f"{label} (draw {seen[label]})")
    return out
