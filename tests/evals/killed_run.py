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

from fake_engine import FakeEngine, arguments, files, sample, world_problems

from evals.grading.store_grading import grade_store
from evals.store import SampleStore

PROBLEMS = world_problems(3)
N = 33
STRIDE = 19


Work = Callable[[Path], None]


def sample_and_grade(root: Path) -> None:
    """What the commands do: sample, then grade."""
    store = SampleStore(root)
    cell = sample(FakeEngine(), PROBLEMS, **arguments(store, n=N))
    grade_store(store, [cell])


def child(work: Work, root: Path, before: Callable[[], None] = lambda: None) -> int:
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


def whole(work: Work, root: Path) -> dict[str, bytes]:
    """Run without a kill; the files it leaves."""
    _, status = os.waitpid(child(work, root), 0)
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


def at_every_step(work: Work, folder: Path, stride: int, expected: dict[str, bytes]) -> int:
    """Kill fresh runs at the 1st, the (1 + stride)th, … such call, and let each be finished."""
    for kills in itertools.count():
        root = folder / "store"
        _, status = os.waitpid(child(work, root, dying_at(1 + kills * stride)), 0)
        if status == 0:
            return kills
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert whole(work, root) == expected, f"killed at call {1 + kills * stride}: other bytes"
        shutil.rmtree(root)
    raise AssertionError("unreachable: a run has an end")


def at_random(work: Work, folder: Path, kills: int, seconds: float, expected: dict[str, bytes]) -> None:
    """Kill one run again and again at random moments of its `seconds`, then let it finish.

    A run that comes to its end before it is killed is compared, and begun anew.
    """
    rng, root = random.Random(7), folder / "store"
    while kills:
        pid = child(work, root)
        time.sleep(rng.uniform(0, seconds))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            kills -= 1
        else:
            assert files(root) == expected
            shutil.rmtree(root)
    assert whole(work, root) == expected


def timed(work: Work, root: Path) -> tuple[dict[str, bytes], float]:
    """(files, seconds) of an unbroken run."""
    began = time.monotonic()
    return whole(work, root), time.monotonic() - began


def main(folder: Path) -> None:
    """Both kinds of kills against a run without any; prints how many."""
    expected, seconds = timed(sample_and_grade, folder / "once")
    assert whole(sample_and_grade, folder / "twice") == expected
    print(at_every_step(sample_and_grade, folder / "every", STRIDE, expected))
    at_random(sample_and_grade, folder / "random", 20, seconds, expected)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
