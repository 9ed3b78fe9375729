"""Whether the samples of two checkpoints are draws, or copies of fewer draws: then coverage is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from probes.findings.checks import DUPLICATES_BEYOND, check
from probes.findings.types import Check
from probes.inputs.sources import Source

if TYPE_CHECKING:
    from analysis.problems.copies import Copies


EVERY = 0.98  # share of problems with a single text from which no sure model explains it


def copied(source: Source, a: dict[str, Any], b: dict[str, Any]) -> list[Check]:
    """A check that takes the headline away where either checkpoint's samples are copies.

    A text is given by its hash in the grades. Repeats that independent draws would give by the samples' own
    probabilities are no copies. Of single texts at a stated temperature above 0, which a model that is sure
    of most problems gives too, and of sorted samples it cannot be told. Nothing is returned where only counts
    are known.
    """
    if source.store is None or a["report"] is None or b["report"] is None:
        return []
    found = [None if d["report"]["duplicates"] == 0 else _copies(source, d["cell"]) for d in (a, b)]
    drawn = [d["report"]["n"] if f is None else float(np.median(f.effective))
             for d, f in zip((a, b), found, strict=True)]  # fmt: skip
    told = [(name, d["report"], f) for name, d, f in zip("AB", (a, b), found, strict=True)]
    states = [
        (name, _passed(report, f), f) for name, report, f in told if f is not None and (f.reason or f.doubt)
    ]
    failed = [_text(name, f) for name, passed, f in states if passed is False]
    if failed:
        text = f"{'; '.join(failed)}: copies say nothing of coverage; draw each sample by itself"
        return [check("copies", False, drawn, text).model_copy(update={"voids": True})]
    if unknown := [_text(name, f) for name, passed, f in states if passed is None]:
        text = f"{'; '.join(unknown)}: independent draws may give this too, and so do copies"
        return [check("copies", None, drawn, text)]
    return [check("copies", True, drawn, "no more alike than independent draws")]


def _copies(source: Source, cell: str) -> Copies:
    """What the text hashes of a cell say, on the problems and samples that are counted."""
    from analysis.problems.copies import copies
    from evals.store.reading import graded

    assert source.store is not None
    columns = ["problem", "index", "correct", "text_hash"]
    table = graded(source.store, cell, columns, set(source.counts["problem"]), source.n, encoded=True)
    problem = table["problem"].combine_chunks().indices.to_numpy()
    return copies(problem, table["text_hash"], table["correct"], table["index"])


def _passed(report: dict[str, Any], found: Copies) -> bool | None:
    """Whether samples that look like copies may be draws after all; None: it cannot be told."""
    from analysis.problems.copies import ALONE, FAR

    if found.reason and found.excess > FAR and not found.grouped:
        return False
    if (due := report.get("duplicates_expected")) is not None:
        return bool(report["duplicates"] <= due + DUPLICATES_BEYOND)
    if found.doubt:
        return None
    return None if ALONE <= found.alone < EVERY and report.get("temperature") else False


def _text(name: str, found: Copies) -> str:
    n, effective = np.median(found.n), np.median(found.effective)
    return f"{name}: {found.reason or found.doubt} ({effective:g} of {n:g} samples of a problem differ)"
