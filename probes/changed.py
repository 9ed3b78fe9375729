"""Problems solved by only one of two checkpoints, with a few samples of each."""

from __future__ import annotations

from typing import Any

import pandas as pd

from probes.sources import Source

LISTED = 50  # problems gained or lost that are written out with their samples
SAMPLES_SHOWN = 4
LONGEST = 4000  # characters of a sample that are written out


def changed(source: Source, a: str, b: str) -> dict[str, Any]:
    """The problems gained (only B solves them) and lost (only A), largest change first.

    Returns {"gained": records, "lost": records, "gained_total", "lost_total"}; a record has problem,
    question, gold, a and b ({"n", "c"}), and samples of each ({"text", "correct", "answer"}), correct ones
    first. Texts are what the models wrote, cut at LONGEST characters: escape them before showing.
    """
    wide = source.counts.pivot(index="problem", columns="checkpoint", values=["n", "c"])
    c = wide["c"]
    order = (c[b] - c[a]).abs().sort_values(ascending=False, kind="stable").index
    gained, lost = (c[a] == 0) & (c[b] > 0), (c[a] > 0) & (c[b] == 0)
    chosen = {kind: [p for p in order if mask[p]] for kind, mask in (("gained", gained), ("lost", lost))}
    totals = {f"{kind}_total": len(ids) for kind, ids in chosen.items()}
    chosen = {kind: ids[:LISTED] for kind, ids in chosen.items()}
    held = _Held(source, (a, b), {p for ids in chosen.values() for p in ids})
    return {kind: [_record(p, wide, held, a, b) for p in ids] for kind, ids in chosen.items()} | totals


class _Held:
    """Questions and samples of the problems that are written out."""

    def __init__(self, source: Source, names: tuple[str, str], wanted: set[str]) -> None:
        self.questions: dict[str, Any] = {}
        self.samples: dict[str, dict[str, list[dict[str, Any]]]] = {n: {} for n in names}
        if source.store is None or not wanted:
            return
        from evals.store import SampleStore

        store = SampleStore(source.store)
        self.questions = store.problems()
        cells = {d["name"]: d["cell"] for d in source.checkpoints}
        self.samples = {n: _samples_of(store, cells[n], wanted) for n in names}


def _samples_of(store: Any, cell: str, wanted: set[str]) -> dict[str, list[dict[str, Any]]]:
    """A few samples of each wanted problem, correct ones first."""
    texts = store.samples([cell], columns=["key", "problem", "index", "text"], problems=wanted)
    grades = store.grades([cell], columns=["key", "correct", "answer"])
    joined = texts.merge(grades, on="key").sort_values(
        ["problem", "correct", "index"], ascending=[True, False, True]
    )
    out: dict[str, list[dict[str, Any]]] = {}
    for row in joined.groupby("problem").head(SAMPLES_SHOWN).itertuples():
        answer = None if pd.isna(row.answer) else str(row.answer)
        text = str(row.text or "")
        shown = text if len(text) <= LONGEST else text[:LONGEST] + " …"
        out.setdefault(str(row.problem), []).append(
            {"text": shown, "correct": bool(row.correct), "answer": answer}
        )
    return out


def _record(problem: str, wide: pd.DataFrame, held: _Held, a: str, b: str) -> dict[str, Any]:
    known = held.questions.get(problem)
    return {
        "problem": problem,
        "question": known.question if known else None,
        "gold": known.answer if known else None,
        "a": {"n": int(wide["n"][a][problem]), "c": int(wide["c"][a][problem])},
        "b": {"n": int(wide["n"][b][problem]), "c": int(wide["c"][b][problem])},
        "samples": {"a": held.samples[a].get(problem, []), "b": held.samples[b].get(problem, [])},
    }
