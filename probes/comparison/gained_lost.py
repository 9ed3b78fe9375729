"""Problems whose rate changed, and those solved by only one of two checkpoints, with a few samples."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis import PairedCounts
from analysis.problems.changes import changes
from probes.inputs.sources import Source

LISTED = 50  # problems gained or lost that are written out with their samples
SAMPLES_SHOWN = 4
LONGEST = 4000  # characters of a sample that are written out


def changed(source: Source, a: str, b: str, pair: PairedCounts | None = None) -> dict[str, Any]:
    """The problems whose rate changed, and those gained (only B solves them) and lost (only A).

    pair: the counts that are compared (default: all). Returns {"improved", "worsened": records {problem,
    rate_a, rate_b, p, q} of `analysis.problems.changes`, whose share of false ones is controlled; "gained",
    "lost": records, "gained_total", "lost_total"}, largest change first. One model drawn twice gains and
    loses problems, too. A record of these has problem, question, gold, a and b ({"n", "c"}), and samples of
    each ({"text", "correct", "answer"}), correct ones first. Texts are what the models wrote, cut at LONGEST
    characters: escape them before showing.
    """
    pair = pair or PairedCounts.from_frame(source.counts, a, b)
    found = changes(pair.without_short()[0])
    moved = {kind: found.listed(getattr(found, kind)) for kind in ("improved", "worsened")}
    ids = pair.problems.tolist()
    counted = {
        name: pd.DataFrame({"n": n, "c": right}, index=ids).sort_index()
        for name, n, right in ((a, pair.n_a, pair.c_a), (b, pair.n_b, pair.c_b))
    }
    rates = {side: counted[name]["c"] / counted[name]["n"] for side, name in (("a", a), ("b", b))}
    c = pd.DataFrame(rates)
    order = (c["b"] - c["a"]).abs().sort_values(ascending=False, kind="stable").index
    gained, lost = (c["a"] == 0) & (c["b"] > 0), (c["a"] > 0) & (c["b"] == 0)
    chosen = {kind: order[mask[order]].tolist() for kind, mask in (("gained", gained), ("lost", lost))}
    totals = {f"{kind}_total": len(ids) for kind, ids in chosen.items()}
    chosen = {kind: ids[:LISTED] for kind, ids in chosen.items()}
    texts = _Texts(source, (a, b), {p for ids in chosen.values() for p in ids})
    numbers = {name: {p: (int(n), int(c)) for p, n, c in counted[name].itertuples()} for name in (a, b)}
    listed = {kind: [_record(p, numbers, texts, a, b) for p in ids] for kind, ids in chosen.items()}
    return moved | listed | totals


class _Texts:
    """Questions and samples of the problems that are written out."""

    def __init__(self, source: Source, names: tuple[str, str], wanted: set[str]) -> None:
        self.questions: dict[str, Any] = {}
        self.samples: dict[str, dict[str, list[dict[str, Any]]]] = {n: {} for n in names}
        if source.store is None or not wanted:
            return
        store = source.store
        self.questions = {p: q for p, q in store.problems().items() if p in wanted}
        cells = {d["name"]: d["cell"] for d in source.checkpoints}
        self.samples = {n: _samples_of(store, cells[n], wanted, source.n) for n in names}


def _samples_of(store: Any, cell: str, wanted: set[str], n: int | None) -> dict[str, list[dict[str, Any]]]:
    """A few samples of each wanted problem, correct ones first."""
    from evals.store.store import grade_group

    place = ["problem", "index"]
    texts = store.sample_table.read(cell, [*place, "text"], wanted).to_pandas()
    texts = texts if n is None else texts[texts["index"] < n]
    grades = store.grade_table.read(grade_group(cell), [*place, "correct", "answer"], wanted).to_pandas()
    joined = texts.merge(grades, on=place).sort_values(
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


def _record(
    problem: str, numbers: dict[str, dict[str, tuple[int, int]]], texts: _Texts, a: str, b: str
) -> dict[str, Any]:
    known = texts.questions.get(problem)
    counted = {
        side: dict(zip("nc", numbers[name][problem], strict=True))
        for side, name in zip("ab", (a, b), strict=True)
    }
    return {
        "problem": problem,
        "question": known.question if known else None,
        "gold": known.answer if known else None,
        **counted,
        "samples": {"a": texts.samples[a].get(problem, []), "b": texts.samples[b].get(problem, [])},
    }
