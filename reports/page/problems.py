"""Problems with their counts and samples, as a page shows them: read from the store, or from the finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from evals.core.errors import UserError
from probes.findings.types import Finding

LONGEST = 6000  # characters of one sample; its end is kept, since the answer stands there
LONGEST_QUESTION = 4000
CELLS = 4  # checkpoints whose samples are all shown; of more, the first pair's

Sample = list[Any]  # text, 1 if correct else 0, answer or None, its number


@dataclass(slots=True)
class ProblemSet:
    """The problems of one store or finding, for all comparisons made on them.

    names: checkpoints; pairs: (a, b) as places in names; problems: id, question, gold; counts: n and c of
    every problem under every checkpoint, None where it was not sampled; samples: of one problem, by
    checkpoint, at most so many of each. complete: whether all problems are there, not only some.
    """

    names: list[str]
    pairs: list[tuple[int, int]]
    problems: list[tuple[str, str | None, str | None]]
    counts: list[list[tuple[int, int] | None]]
    texts: list[pd.DataFrame | None] = field(default_factory=list)
    partial: str | None = None
    complete: bool = False

    def pair(self, a: str, b: str) -> Any:
        """`analysis.PairedCounts` of two checkpoints, None where this set does not hold all problems."""
        from analysis import PairedCounts

        if not self.complete or a not in self.names or b not in self.names:
            return None
        i, j = self.names.index(a), self.names.index(b)
        rows = [(*x, *y) for sampled in self.counts if (x := sampled[i]) and (y := sampled[j])]
        return PairedCounts.from_arrays(*zip(*rows, strict=True)) if len(rows) > 1 else None

    def samples(self, most: int) -> Iterator[list[list[Sample]]]:
        """Problem by problem: the samples of every checkpoint, correct ones first, `most` of each."""
        places = [_by_problem(t, most) for t in self.texts]
        for problem, _, _ in self.problems:
            yield [by_problem.get(problem, []) for by_problem in places]


def collect(findings: Sequence[Finding], folder: Path) -> list[ProblemSet]:
    """One set per store, and one for each finding whose store is not there.

    folder: where the findings lie.
    """
    grouped: dict[Any, list[Finding]] = {}
    for number, finding in enumerate(findings):
        if finding.probe == "expand":
            store = _store(finding, folder)
            grouped.setdefault(store or number, []).append(finding)
    sets = []
    for key, group in grouped.items():
        found = _read(key, group) if isinstance(key, Path) else [from_finding(group[0])]
        sets += [one for one in found if one]
    return sets


def _read(store: Path, group: list[Finding]) -> list[ProblemSet | None]:
    """The store's set; where it cannot be read (graded by another version), the findings' own lists."""
    try:
        return [from_store(store, group)]
    except UserError as error:
        listed = [from_finding(finding) for finding in group]
        for one in listed:
            if one:
                one.partial = f"{one.partial} The store was not read: {error}."
        return listed


def _store(finding: Finding, folder: Path) -> Path | None:
    """The store of a finding's samples, beside it or where it says: the one that holds its cells."""
    named = finding.provenance.get("store")
    cells = [c.cell for c in finding.checkpoints]
    if not named or not all(cells):
        return None
    there = [p for p in (folder / Path(named).name, Path(named)) if (p / "store.json").is_file()]
    held = (p for p in there if set(cells) <= {file.stem for file in (p / "cells").glob("*.json")})
    return next(iter((*held, *there)), None)


def from_finding(finding: Finding) -> ProblemSet | None:
    """What the finding itself lists: problems gained and lost by its first comparison, a few samples each."""
    changed = finding.changed
    if not changed:
        return None
    comparison = finding.comparison
    problems: list[tuple[str, str | None, str | None]] = []
    counts: list[list[tuple[int, int] | None]] = []
    rows: dict[str, list[tuple[Any, ...]]] = {"a": [], "b": []}
    for kind in ("gained", "lost"):
        for one in changed[kind]:
            problems.append((str(one["problem"]), _cut(one["question"], LONGEST_QUESTION), one["gold"]))
            counts.append([(one[s]["n"], one[s]["c"]) for s in ("a", "b")])
            for side in ("a", "b"):
                rows[side] += [
                    (str(one["problem"]), i, s["text"], s["correct"], s["answer"])
                    for i, s in enumerate(one["samples"][side])
                ]
    listed, total = len(problems), changed.get("gained_total", 0) + changed.get("lost_total", 0)
    texts = [
        pd.DataFrame(rows[s], columns=["problem", "index", "text", "correct", "answer"]) for s in ("a", "b")
    ]
    partial = (
        f"The finding lists {listed:,} of {total:,} problems gained or lost, with a few samples of each."
    )
    if not any(len(t) for t in texts):
        partial = (
            f"{listed:,} of {total:,} problems gained or lost, without samples: counts alone were given."
        )
    return ProblemSet([comparison.a, comparison.b], [(0, 1)], problems, counts, list(texts), partial)


def from_store(path: Path, findings: Sequence[Finding]) -> ProblemSet:
    """Every problem of a store's cells, with samples of the first pair (of all, where they are few)."""
    from evals.store import SampleStore
    from evals.store.reading import counts

    store = SampleStore(path)
    names: dict[str, str] = {}  # cell → name
    most: dict[str, int | None] = {}  # samples of a problem that were read; a store may hold more by now
    for finding in findings:
        for c in finding.checkpoints:
            known_n, cell = (c.report or {}).get("n_most"), str(c.cell)
            names[cell] = c.name
            most[cell] = max(most.get(cell) or 0, known_n) if isinstance(known_n, int) else None
    cells = list(names)
    pairs = []
    for finding in findings:
        place = {c.name: cells.index(str(c.cell)) for c in finding.checkpoints}
        pairs += [(place[c.a], place[c.b]) for c in finding.comparisons]
    shown = set(cells) if len(cells) <= CELLS else {cells[i] for i in pairs[0]}
    known = store.problems()
    tables = [counts(store, [cell], n=most[cell]).set_index("problem")[["n", "c"]] for cell in cells]
    ids = list(dict.fromkeys(p for table in tables for p in table.index))
    asked: list[tuple[str, str | None, str | None]] = [
        (p, _cut(known[p].question, LONGEST_QUESTION), known[p].answer) if p in known else (p, None, None)
        for p in ids
    ]
    counted = [{p: (int(n), int(c)) for p, n, c in t.itertuples()} for t in tables]
    matrix = [[h.get(p) for h in counted] for p in ids]
    texts = [_texts(store, cell, most[cell]) if cell in shown else None for cell in cells]
    notes = []
    if len(shown) < len(cells):
        notes.append(f"Samples are shown of the first two of {len(cells)} checkpoints; counts of all.")
    compared = {c.problems for finding in findings for c in finding.comparisons}
    if compared != {len(ids)}:
        told = ", ".join(f"{M:,}" for M in sorted(compared))
        notes.append(f"These are all {len(ids):,} problems of the store, of which {told} are compared.")
    partial = " ".join(notes) or None
    return ProblemSet([names[c] for c in cells], pairs, asked, matrix, texts, partial, complete=True)


def _texts(store: Any, cell: str, n: int | None) -> pd.DataFrame:
    """problem, index, text, correct, answer of one cell, of the first n samples of each problem."""
    samples = store.samples([cell], columns=["key", "problem", "index", "text"])
    samples = samples if n is None else samples[samples["index"] < n]
    grades = store.grades([cell], columns=["key", "correct", "answer"])
    joined = samples.merge(grades, on="key", how="left")
    if joined["correct"].isna().any():
        raise UserError(
            f"store {store.path} has samples without grades; run `evals grade {store.path}` first"
        )
    return joined.drop(columns="key")


def _by_problem(texts: pd.DataFrame | None, most: int) -> dict[str, list[Sample]]:
    """The samples of each problem, correct ones first."""
    if texts is None or texts.empty:
        return {}
    codes, problems = pd.factorize(texts["problem"])
    correct, index = (texts[c].to_numpy().astype(int) for c in ("correct", "index"))
    order = np.lexsort((index, -correct, codes))
    starts = np.searchsorted(codes[order], np.arange(len(problems) + 1)).tolist()
    said, answers = texts["text"].tolist(), texts["answer"].tolist()
    right, numbers, rows = correct.tolist(), index.tolist(), order.tolist()
    return {
        str(problem): [
            [_cut(said[i], LONGEST), right[i], _cut(_text(answers[i]), 200), numbers[i]]
            for i in rows[start : min(start + most, end)]
        ]
        for problem, start, end in zip(problems, starts[:-1], starts[1:], strict=True)
    }


def _text(value: Any) -> str | None:
    return None if value is None or value != value else str(value)  # NaN is not itself


def _cut(text: str | None, longest: int) -> str | None:
    """Head and tail of a long text, with what is left out counted between them."""
    if text is None or len(text) <= longest:
        return text
    tail = longest // 3
    left = len(text) - longest
    return f"{text[: longest - tail]}\n… {left:,} characters left out …\n{text[-tail:]}"
