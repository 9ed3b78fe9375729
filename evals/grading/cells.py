"""Reading graded cells of a store: counts, reports and tallies in one go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evals.grading.report import cell_report
from evals.store.reading import distinct_names
from evals.store.store import SampleStore
from evals.store.tally import tally


@dataclass(frozen=True, slots=True)
class Cells:
    """What is read of graded cells: counts of all, and each cell's report and tally (`evals.store.tally`)."""

    counts: pd.DataFrame
    reports: list[dict[str, Any]]
    tallies: dict[str, pd.DataFrame]


def read_cells(
    store: SampleStore,
    cells: Sequence[str],
    problems: Collection[str] | None = None,
    n: int | None = None,
    names: Sequence[str] | None = None,
) -> Cells:
    """Read graded cells, several at a time; only these problems, only the first n samples of each.

    names: what the cells are called (default: their checkpoints).
    UserError where samples are not graded, where nothing is left, or where two cells have one label.
    """
    from concurrent.futures import ThreadPoolExecutor

    called = list(names) if names else distinct_names(store, cells)

    def one(cell: str) -> tuple[dict[str, Any], pd.DataFrame]:
        tallied, whole = _tallied(store, cell, problems, n)
        limits: dict[str, Any] = {} if whole else {"problems": problems, "n": n}
        return cell_report(store, cell, **limits), tallied

    with ThreadPoolExecutor(max_workers=min(4, len(cells))) as pool:
        read = list(pool.map(one, cells))
    frames = [
        pd.DataFrame({"problem": t.index, "checkpoint": label, "n": t["n"].to_numpy(),
                      "c": t["correct"].to_numpy().astype(int)})
        for label, (_, t) in zip(called, read, strict=True)
    ]  # fmt: skip
    reports = [report | {"checkpoint": name} for name, (report, _) in zip(called, read, strict=True)]
    tallies = {cell: tallied for cell, (_, tallied) in zip(cells, read, strict=True)}
    return Cells(pd.concat(frames, ignore_index=True), reports, tallies)


def _tallied(
    store: SampleStore, cell: str, problems: Collection[str] | None, n: int | None
) -> tuple[pd.DataFrame, bool]:
    """The tally of a cell, and whether the cell holds nothing beyond what is asked for.

    A filter costs more than the reading: it is set only where the whole cell turns out to be too much.
    """
    whole = tally(store, cell)
    if problems is None and n is None:
        return whole, True
    same = problems is None or set(whole.index) == set(problems)
    if same and (n is None or bool((whole["n"] <= n).all())):
        return whole, True
    return tally(store, cell, problems=problems, n=n), False
