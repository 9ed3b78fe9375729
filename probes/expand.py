"""The main probe: did training expand what a model can solve, or only sharpen it?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from analysis import AnalysisError, Options, PairedCounts, compare
from evals.errors import UserError
from probes.checks import confounds, same_weights
from probes.finding import SCHEMA, provenance
from probes.sources import Source

AGAINST = ("first", "parent", "all")
LISTED = 50  # problems gained or lost that are written out with their samples
SAMPLES_SHOWN = 4


def expand(
    source: Source, options: Options | None = None, *, against: str = "first", command: Sequence[str] = ()
) -> dict[str, Any]:
    """The expand finding of two or more checkpoints.

    against: "first" compares every later checkpoint with the first, "parent" each with its parent by
    lineage, "all" every pair in the order given (Holm-adjusted over the pairs). Definitions: `analysis.compare`.
    """
    if len(source.checkpoints) < 2:
        name = source.checkpoints[0]["name"] if source.checkpoints else "none"
        raise UserError(f"a comparison needs two checkpoints, got one ({name}); give another")
    comparisons = []
    for a, b in _pairs(source, against):
        pair = PairedCounts.from_frame(source.counts, a["name"], b["name"])
        report_a, report_b = a["report"] or {}, b["report"] or {}
        chosen = options or Options()
        floors = {"guess_floor_a": report_a.get("guess_floor"), "guess_floor_b": report_b.get("guess_floor")}
        result = compare(pair, chosen).to_dict()
        checks = same_weights(a["fingerprint"], b["fingerprint"]) + confounds(a["report"], b["report"])
        comparisons.append(
            {"a": a["name"], "b": b["name"], **result, "guess_floor": floors, "confounds": checks}
        )
    first = comparisons[0]
    return {
        "schema": SCHEMA,
        "probe": "expand",
        "checkpoints": source.checkpoints,
        "problems": source.problems,
        "comparisons": comparisons,
        "checks": first["confounds"] + first["checks"],
        "changed": _changed(source, first) if source.store else None,
        "provenance": provenance(list(command), str(source.store) if source.store else None),
    }


def _pairs(source: Source, against: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs (A, B): A is the one before, B the one after."""
    held = source.checkpoints
    if against == "first":
        return [(held[0], b) for b in held[1:]]
    if against == "all":
        return list(combinations(held, 2))
    if against != "parent":
        raise UserError(f"--against {against!r} is not known; choose one of {', '.join(AGAINST)}")
    by_weights = {c["fingerprint"]: c for c in held if c["fingerprint"]}
    pairs = [(by_weights[p], c) for c in held if (p := (c["lineage"] or {}).get("parent")) in by_weights]
    if not pairs:
        raise UserError("no checkpoint given is the parent of another by lineage; use --against first")
    return pairs


def _changed(source: Source, comparison: dict[str, Any]) -> dict[str, Any]:
    """Problems solved at least once by only one of the two, with a few samples of each."""
    from evals.store import SampleStore

    assert source.store is not None
    wide = source.counts.pivot(index="problem", columns="checkpoint", values=["n", "c"])
    a, b = comparison["a"], comparison["b"]
    c = wide["c"]
    gained = c.index[(c[a] == 0) & (c[b] > 0)]
    lost = c.index[(c[a] > 0) & (c[b] == 0)]
    order = (c[b] - c[a]).abs().sort_values(ascending=False, kind="stable").index
    chosen = {
        "gained": [p for p in order if p in set(gained)][:LISTED],
        "lost": [p for p in order if p in set(lost)][:LISTED],
    }
    store = SampleStore(source.store)
    cells = {d["name"]: d["cell"] for d in source.checkpoints}
    wanted = {p for ids in chosen.values() for p in ids}
    samples = {name: _samples_of(store, cells[name], wanted) for name in (a, b)}
    questions = store.problems()
    return {
        kind: [_described(p, wide, samples, questions, a, b) for p in ids] for kind, ids in chosen.items()
    } | {"gained_total": len(gained), "lost_total": len(lost)}


def _samples_of(store: Any, cell: str, wanted: set[str]) -> dict[str, list[dict[str, Any]]]:
    """A few samples of each wanted problem, correct ones first."""
    columns = ["key", "problem", "index", "text"]
    texts = store.samples([cell], columns=columns, problems=wanted)
    grades = store.grades([cell])[["key", "correct", "answer"]]
    joined = texts.merge(grades, on="key").sort_values(
        ["problem", "correct", "index"], ascending=[True, False, True]
    )
    shown = joined.groupby("problem").head(SAMPLES_SHOWN)
    out: dict[str, list[dict[str, Any]]] = {}
    for row in shown.itertuples():
        answer = None if pd.isna(row.answer) else row.answer
        out.setdefault(row.problem, []).append(
            {"text": row.text, "correct": bool(row.correct), "answer": answer}
        )
    return out


def _described(
    problem: str,
    wide: pd.DataFrame,
    samples: dict[str, dict[str, list[dict[str, Any]]]],
    questions: dict[str, Any],
    a: str,
    b: str,
) -> dict[str, Any]:
    known = questions.get(problem)
    return {
        "problem": problem,
        "question": known.question if known else None,
        "gold": known.answer if known else None,
        "a": {"n": int(wide["n"][a][problem]), "c": int(wide["c"][a][problem])},
        "b": {"n": int(wide["n"][b][problem]), "c": int(wide["c"][b][problem])},
        "samples": {"a": samples[a].get(problem, []), "b": samples[b].get(problem, [])},
    }


def store_of(out: Path) -> Path:
    """Where a probe's samples stand under its output folder."""
    return out / "store"


__all__ = ["AGAINST", "AnalysisError", "expand", "store_of"]
