"""What is compared: counts of checkpoints with what is known of each, and which is set beside which.

They come from checkpoints that are sampled (`probes.inputs.checkpoints`), from sample files or a store
(here), or from a CSV (`probes.inputs.counts_file`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from evals.checkpoints.runs import descends
from evals.core.errors import UserError

if TYPE_CHECKING:
    from evals.store import SampleStore
    from probes.findings.finding import Found

COLUMNS = ("problem", "checkpoint", "n", "c")
AGAINST = ("first", "parent", "all")
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

    def finding(self, probe: str, *, command: Sequence[str] = (), **fields: Any) -> Found:
        """The finding of a probe on these checkpoints and problems, with the probe's own fields."""
        from probes.findings.finding import finding

        whole: dict[str, Any] = {"checkpoints": self.checkpoints, "problems": self.problems, **fields}
        return finding(probe, command=command, store=self.store, **whole)


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
    ordered: bool = False,
) -> Source:
    """Counts from sample files of any readable format, or from one store, graded with the project's verifier.

    A store is read where it is (grades of this version are added to it if it lacks them), and what it knows
    of prompt, decoding, engine and weights is known here too. skip_bad: leave out rows that cannot be read
    (they are counted in the store), instead of an error. ordered: the caller chooses which is A; else a store
    that does not know which of its checkpoints came first is told on standard error.
    """
    from evals.core.executor import check_executor
    from evals.core.printable import say
    from evals.grading.store_grading import grade_store, read_cells
    from evals.readers.opening import is_store, stored
    from evals.store.reading import labels, unordered

    check_executor(executor)
    paths = [Path(f) for f in files]
    target, known = stored(paths, store, skip_bad=skip_bad)
    cells = list(known)
    if not ordered and is_store(paths[0]) and (told := unordered(target)):
        say(told, err=True)
    grade_store(target, cells, workers=workers, executor=executor)
    found = read_cells(target, cells, names=labels(target, cells, known))
    checkpoints = [
        blank(report["checkpoint"])
        | {"cell": cell, "report": report, "fingerprint": target.cell(cell).get("weights")}
        for cell, report in zip(cells, found.reports, strict=True)
    ]
    names = ", ".join(path.name for path in paths)
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
    from evals.core.labels import short_labels, whole_name

    names = [whole_name(name) for name in names]
    short = short_labels(names)
    seen: dict[str, int] = {}
    out = []
    for name in names:
        label = short[name]
        seen[label] = seen.get(label, 0) + 1
        out.append(label if seen[label] == 1 else f"{label} (draw {seen[label]})")
    return out


def pairs_of(
    checkpoints: Sequence[dict[str, Any]], against: str
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs (A, B) of checkpoint descriptions; A is the one before, B the one after.

    against: "first" sets every later checkpoint beside the first, "parent" each beside its parent by
    lineage, "all" every pair in the order given. UserError where there is no such pair.
    """
    if against not in AGAINST:
        raise UserError(f"--against {against!r} is not known; choose one of {', '.join(AGAINST)}")
    if len(checkpoints) < 2:
        return []
    if against == "first":
        return [(checkpoints[0], b) for b in checkpoints[1:]]
    if against == "all":
        return list(combinations(checkpoints, 2))
    return _by_lineage(checkpoints)


def _by_lineage(checkpoints: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    pairs = []
    for b in checkpoints:
        parents = (c for c in checkpoints if descends(b["lineage"], c["fingerprint"], c.get("tensors")))
        parent = next(parents, b)
        if parent is not b:
            pairs.append((parent, b))
    if not pairs:
        without = [c["name"] for c in checkpoints if not c["lineage"]]
        why = f"{without[0]} has no lineage" if without else "no one given is the parent of another"
        raise UserError(f"--against parent finds no pair: {why}; use --against first")
    return pairs
