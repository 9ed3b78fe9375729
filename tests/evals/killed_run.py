"""A program that samples and grades in forked children and kills them; run by test_store_kills.

It never uses pyarrow itself, so that its children are born without threads.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fake_engine import FakeEngine, arguments, files, world_problems

from evals.grading import grade_store
from evals.sampling import sample
from evals.store import SampleStore

PROBLEMS = world_problems(3)
N = 33
STRIDE = 19


def work(root: Path) -> None:
    """What the command does: sample, then grade."""
    store = SampleStore(root)
    cell = sample(FakeEngine(), PROBLEMS, **arguments(store, n=N))
    grade_store(store, [cell])


def child(root: Path, before: Callable[[], None] = lambda: None) -> int:
    """Start the work in a child."""
    if pid := os.fork():
        return pid
    try:
        before()
        work(root)
    except BaseException as error:
        sys.stderr.write(f"{error!r}\n")
        os._exit(3)
    os._exit(0)


def whole(root: Path) -> dict[str, bytes]:
    """Run without a kill; the files it leaves."""
    _, status = os.waitpid(child(root), 0)
    assert status == 0, "the run failed"
    return files(root)


def dying_at(count: int) -> Callable[[], None]:
    """Before the work: every call that makes something durable or visible counts, the last one kills."""
    left = [count]

    def patch(name: str) -> None:
        real = getattr(os, name)

        def counted(*args: object, **options: object) -> object:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **options)

        setattr(os, name, counted)

    def before() -> None:
        for name in ("fsync", "replace", "unlink", "mkdir"):
            patch(name)

    return before


def at_every_step(folder: Path, stride: int, expected: dict[str, bytes]) -> int:
    """Kill fresh runs at the 1st, the (1 + stride)th, … such call, and let each be finished."""
    for kills in itertools.count():
        root = folder / "store"
        _, status = os.waitpid(child(root, dying_at(1 + kills * stride)), 0)
        if status == 0:
            return kills
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert whole(root) == expected, f"killed at call {1 + kills * stride}: other bytes"
        shutil.rmtree(root)
    raise AssertionError("unreachable: a run has an end")


def at_random(folder: Path, kills: int, seconds: float, expected: dict[str, bytes]) -> None:
    """Kill one run again and again after random times, then let it finish."""
    rng = random.Random(7)
    for _ in range(kills):
        pid = child(folder / "store")
        time.sleep(rng.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if rng.random() < 0.3:
            shutil.rmtree(folder / "store", ignore_errors=True)
    assert whole(folder / "store") == expected


def main(folder: Path) -> None:
    """Both kinds of kills against a run without any; prints how many."""
    began = time.monotonic()
    expected = whole(folder / "once")
    seconds = time.monotonic() - began
    assert whole(folder / "twice") == expected
    print(at_every_step(folder / "every", STRIDE, expected))
    at_random(folder / "random", 20, seconds, expected)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
