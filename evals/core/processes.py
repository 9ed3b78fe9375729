"""The one place that starts processes: none runs code of the current folder, none outlives its parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).resolve().parents[2])  # where our packages lie
EVERY = 0.2  # seconds between checks that the parent is alive
STARTING = threading.RLock()  # the environment is the whole process's
SAFE = "PYTHONSAFEPATH"  # an interpreter started under it does not look for modules in the current folder


class ProcessDied(RuntimeError):
    """A process ended without saying why: killed, or out of memory. code: its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a process ended with exit code {code}")
        self.code = code


def interpreter(
    *arguments: str, environment: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """Start Python with these arguments and our packages; options: of `subprocess.Popen`."""
    env = dict(os.environ if environment is None else environment)
    env |= {"PYTHONPATH": os.pathsep.join([ROOT, *filter(None, [env.get("PYTHONPATH")])]), SAFE: "1"}
    return subprocess.Popen([sys.executable, "-P", *arguments], env=env, **options)


@contextmanager
def spawning() -> Iterator[Any]:
    """The multiprocessing context; processes started within are new interpreters that trust no folder."""
    with STARTING:
        before = os.environ.get(SAFE)
        os.environ[SAFE] = "1"  # multiprocessing passes on the environment alone
        try:
            yield multiprocessing.get_context("spawn")
        finally:
            if before is None:
                del os.environ[SAFE]


def together(
    task: Callable[..., Any],
    jobs: Sequence[Sequence[Any]],
    *,
    daemon: bool = True,
    here: Callable[[], None] | None = None,
) -> list[Any]:
    """Call `task(*job)` of each job in a process of its own; returns what they returned, in that order.

    here: called in this process meanwhile. daemon: False where the processes start others. Ctrl-C is left
    to this process. The first exception of one ends all and is raised here; ProcessDied where one died.
    """
    workers: list[Any] = []
    try:
        with spawning() as context:
            results = context.SimpleQueue()
            for place, job in enumerate(jobs):
                args = (results, place, task, job, os.getpid())
                workers.append(context.Process(target=_child, args=args, daemon=daemon))
                workers[-1].start()
        if here is not None:
            here()
        found = _wait(workers, results)
    finally:
        for worker in workers:
            if worker.pid and worker.is_alive():
                worker.kill()
            if worker.pid:
                worker.join()
    if errors := [result for _, ok, result in found if not ok]:
        raise errors[0]
    if failed := [w.exitcode for w in workers if w.exitcode]:
        raise ProcessDied(failed[0])
    return [result for _, _, result in sorted(found, key=lambda item: item[0])]


def _wait(workers: Sequence[Any], results: Any) -> list[tuple[int, bool, Any]]:
    """Until all have ended, or one has failed; returns what they reported."""
    found: list[tuple[int, bool, Any]] = []
    while any(w.is_alive() for w in workers):
        for worker in workers:
            worker.join(timeout=0.1)
        while not results.empty():
            found.append(results.get())
        if any(w.exitcode not in (None, 0) for w in workers):
            break
    while not results.empty():
        found.append(results.get())
    return found


def _child(results: Any, place: int, task: Callable[..., Any], job: Sequence[Any], parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its children
    end_with_parent(parent)
    try:
        results.put((place, True, task(*job)))
    except (ValueError, OSError) as error:  # what a user can act on: UserError is a ValueError
        results.put((place, False, error))
        sys.exit(2)


def end_with_parent(parent: int) -> None:
    """From now on, end this process at once when process `parent`, which started it, is gone.

    A parent that was killed cannot end its children, and they would go on holding locks and GPUs.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os._exit(1)
