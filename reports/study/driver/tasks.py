"""Commands as tasks that are done once: run, timed, and written down when they end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from evals.core.files import write_file
from evals.core.processes import interpreter

LOG = "tasks.jsonl"  # in the study's folder: one row per task that was run
# wider vectors add in another order: without the second, every generation of processors has bytes of its own
SAME_BYTES = {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "avx2"}


@dataclass(frozen=True, slots=True)
class Task:
    """One command of the project. stage: what it is part of. marker: the file that stands when it is done.

    marks: the command leaves no marker of its own, so that one is written when it has ended well.
    """

    stage: str
    marker: Path
    command: tuple[str, ...]
    marks: bool = False

    @property
    def done(self) -> bool:
        """Whether it need not be run."""
        return self.marker.exists()


def run_all(out: Path, tasks: Sequence[Task], processes: int) -> None:
    """Run the tasks that are not done, `processes` at a time; the first failure ends all, as a UserError."""
    left = [t for t in tasks if not t.done]
    running: list[subprocess.Popen[bytes]] = []
    stop, lock = threading.Event(), threading.Lock()

    def one(task: Task) -> None:
        if stop.is_set():
            return
        try:
            _run(out, task, running, lock)
        except UserError:
            stop.set()
            raise

    with ThreadPoolExecutor(max_workers=processes) as pool:
        try:
            for _ in pool.map(one, left):
                pass
        except BaseException:
            stop.set()
            with lock:
                for process in running:
                    process.send_signal(signal.SIGTERM)
            raise


def _run(out: Path, task: Task, running: list[subprocess.Popen[bytes]], lock: threading.Lock) -> None:
    """Run one task; its row in the log has the seconds of the clock and of all its processes."""
    began = time.time()
    sys.stderr.write(f"study  {task.stage}  {task.marker.relative_to(out)}\n")
    sys.stderr.flush()
    with (out / "output.log").open("ab") as log:
        process = interpreter(
            "-m", *task.command, environment=os.environ | SAME_BYTES, stdout=log, stderr=log
        )
        with lock:
            running.append(process)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        with lock:
            running.remove(process)
    if task.marks and not process.returncode:
        write_file(task.marker, "")
    if process.returncode or not task.done:
        raise UserError(
            f"`{' '.join(task.command)}` ended with {process.returncode}; read {out / 'output.log'}, fix, "
            "and start the same command again"
        )
    row: dict[str, Any] = {
        "stage": task.stage,
        "task": str(task.marker.relative_to(out)),
        "began": round(began),
        "wall_seconds": round(time.time() - began, 1),
        "core_seconds": round(used.ru_utime + used.ru_stime, 1),
    }
    with lock, (out / LOG).open("a") as stream:
        stream.write(json.dumps(row) + "\n")


def rows(out: Path) -> list[dict[str, Any]]:
    """The log of a study's tasks, oldest first."""
    path = out / LOG
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []
