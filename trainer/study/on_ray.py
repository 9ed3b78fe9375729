"""The cells of a study as Ray tasks: one a cell, after the cell that it starts from."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from evals.core import executor
from evals.core.files import write_file
from trainer.config.schema import StudyConfig
from trainer.study import cells
from trainer.study.cells import Cell

POLL = 0.5  # seconds between looks at a cell that another process has in hand
Try = Callable[[StudyConfig, Path, Cell, Path, bool], bool]


def pretrain_there(work: Callable[..., None], config: StudyConfig, out: Path, processes: int) -> None:
    """Run `work(config, out, processes, True)`, the pre-training, on one machine of the cluster."""
    task = executor.submit(work, config, out, processes, True, cores=processes)
    for _, result in executor.finished([task]):
        if isinstance(result, BaseException):
            raise result


def work_there(attempt: Try, config: StudyConfig, out: Path, progress: Callable[[int, int], None]) -> None:
    """Run all cells on the cluster; Ray decides where and when, and starts those of dead workers again.

    attempt: runs one cell unless somebody else has it (`trainer.study.study`). What ends a task for good
    is filed as the failure of its cell. progress: (cells ended, cells).
    """
    bases, whole = cells.bases(config, out), cells.table(config)
    tasks: dict[Cell, Any] = {}
    for cell in whole:  # those that others start from come first
        after = tasks.get(cell.before) if cell.before else None
        tasks[cell] = executor.submit(_cell, attempt, config, out, cell, bases, after)
    for ended, (place, result) in enumerate(executor.finished(list(tasks.values())), start=1):
        if isinstance(result, BaseException):
            text = (str(result).strip().splitlines() or [type(result).__name__])[0]
            write_file(out / "failed" / whole[place].name, text + "\n")
        progress(ended, len(whole))


def _cell(
    attempt: Try, config: StudyConfig, out: Path, cell: Cell, bases: dict[int, Path], _after: object
) -> None:
    """One cell to its end, whoever brings it there; nothing where the cell before it failed."""
    before = cell.before
    if before and cells.state_of(before, bases[before.start], out) != "done":
        return
    while cells.state_of(cell, bases[cell.start], out) in ("left", "running"):
        if not attempt(config, out, cell, bases[cell.start], False):
            time.sleep(POLL)
