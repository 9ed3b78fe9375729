"""Counts of checkpoints that are sampled here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.asking import Asking
from evals.sampling import Where
from probes.inputs.sources import Source, labels_of, templated

if TYPE_CHECKING:
    from evals.checkpoints.checkpoint import Checkpoint
    from evals.problems.sets import ProblemSet


@dataclass(frozen=True, slots=True)
class Variant:
    """Another asking of the first checkpoint, for robustness: what changes, and in words how it is asked."""

    changes: dict[str, Any]
    words: str


def variants_of(
    shots: Sequence[int] | None, temperatures: Sequence[float] | None, templates: Sequence[str] | None
) -> tuple[Variant, ...]:
    """Variants that change one thing each."""
    return (
        *(Variant({"shots": s}, f"{s} shots") for s in shots or ()),
        *(Variant({"temperature": float(t)}, f"temperature {t:g}") for t in temperatures or ()),
        *(Variant({"template": t}, f"template {t}") for t in templates or ()),
    )


@dataclass(frozen=True, slots=True)
class Sampling:
    """How checkpoints are sampled.

    askings: one for all, or one per checkpoint. variants: other askings under which the first checkpoint is
    sampled too. data: folder of local files that stand for benchmarks.
    """

    problems: str = "world:test"
    n: int = 32
    askings: tuple[Asking, ...] = (Asking(),)
    seed: int = 0
    limit: int | None = None
    where: Where = field(default_factory=Where)
    variants: tuple[Variant, ...] = ()
    data: Path | None = None

    def asking(self, i: int) -> Asking:
        """How checkpoint number i is asked."""
        return self.askings[min(i, len(self.askings) - 1)]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One cell: a checkpoint, its label, how it is asked; draw: 1, 2, … where weights are given again."""

    checkpoint: Checkpoint
    label: str
    asking: Asking
    draw: int
    words: str | None = None


def from_checkpoints(names: Sequence[str], sampling: Sampling, store: Path) -> Source:
    """Counts from checkpoints, sampled into the store (what is there already is not sampled again)."""
    from evals.core.executor import check_executor
    from evals.engines.open import find_checkpoint
    from evals.grading.store_grading import grade_store, read_cells
    from evals.problems import load_problems
    from evals.sampling import sample
    from evals.store import SampleStore

    where = sampling.where
    check_executor(where.executor)
    how = {"tokenizer": where.tokenizer, "trust_remote_code": where.trust_remote_code}
    found = [find_checkpoint(name, where.engine, where.server, **how) for name in names]  # type: ignore[arg-type]
    problems = load_problems(sampling.problems, sampling.limit, sampling.data)
    wanted = _wanted(found, labels_of(names), sampling, problems.name)
    target = SampleStore(store)
    cells = [
        sample(w.checkpoint, problems, w.asking, sampling.n, where, target, w.label, seed=sampling.seed,
               draw=w.draw)
        for w in wanted
    ]  # fmt: skip
    grade_store(target, cells, workers=where.processes, executor=where.executor)
    called = [w.label for w in wanted]  # the store may know the same weights by another
    read = read_cells(target, cells, {p.id for p in problems.problems}, sampling.n, called)
    described = [_described(*three) for three in zip(wanted, cells, read.reports, strict=True)]
    return Source(
        templated(read.counts, {p.id: p.meta for p in problems.problems}),
        described[: len(found)],
        _of_problems(problems),
        target,
        cells[: len(found)],
        described[len(found) :],
        sampling.n,
        read.tallies,
        "templates",
    )


def _of_problems(problems: ProblemSet) -> dict[str, Any]:
    return {"name": problems.name, "fingerprint": problems.fingerprint, "count": len(problems.problems)}


def _wanted(
    found: Sequence[Checkpoint], labels: Sequence[str], sampling: Sampling, problems: str
) -> list[_Wanted]:
    """The cells of all checkpoints, then those of the first one's variants; all askings are settled first.

    Where a lineage says how training asked, the others are not asked by a benchmark's worked examples.
    """
    from evals.sampling.prompts_to_samples import settle

    known = None if any((c.lineage or {}).get("prompt") for c in found) else problems
    wanted = []
    for i, (checkpoint, label) in enumerate(zip(found, labels, strict=True)):
        again = sum(other.weights == checkpoint.weights for other in found[:i])
        wanted.append(_Wanted(checkpoint, label, settle(checkpoint, sampling.asking(i), known), again))
    first = wanted[0]
    for variant in sampling.variants:
        asking = settle(first.checkpoint, replace(sampling.asking(0), **variant.changes), known)
        if asking not in [w.asking for w in wanted if w.checkpoint is first.checkpoint]:
            label = f"{first.label} ({variant.words})"
            wanted.append(_Wanted(first.checkpoint, label, asking, 0, variant.words))
    return wanted


def _described(wanted: _Wanted, cell: str, report: dict[str, Any]) -> dict[str, Any]:
    lineage = wanted.checkpoint.lineage
    return {
        "name": wanted.label,
        "path": wanted.checkpoint.name,
        "fingerprint": wanted.checkpoint.weights,
        "tensors": wanted.checkpoint.tensors,
        "recipe": (lineage or {}).get("recipe"),
        "lineage": lineage,
        "cell": cell,
        "report": report,
        **({"asked": wanted.words} if wanted.words else {}),
    }
