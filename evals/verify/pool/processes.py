"""A pool of worker processes that survives anything: hangs, deaths, full memory, forks, threads.

Every worker is a fresh interpreter with one pair of pipes. The parent keeps the deadline: a worker that gives
no answer in time is killed (SIGKILL) and replaced, its item is tried once more, and the batch goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import subprocess
import sys
import time
import warnings
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from evals.core.errors import UserError
from evals.core.processes import interpreter
from evals.verify.pool.worker import BOOT

ROOT = str(Path(__file__).resolve().parents[3])
BATCH, BATCH_CHARACTERS = 64, 500_000
START_SECONDS = 60.0
PATIENCE = 5  # a worker that got too little of the processor may take so many deadlines of wall time
ALARM = 0.001  # share of items lost from which the pool warns


@dataclass
class Counts:
    """What happened so far: items answered, and items lost to a deadline, a death, a full memory."""

    items: int = 0
    timeouts: int = 0
    deaths: int = 0
    restarts: int = 0

    @property
    def lost(self) -> float:
        """The share of items without an answer."""
        return (self.timeouts + self.deaths) / self.items if self.items else 0.0


class Lost(Exception):
    """A worker gave no answer: "timeout" or "death"."""


class Process:
    """One worker process and its pipes."""

    def __init__(self, target: str, deadline: float, memory_mb: int) -> None:
        if sys.platform == "win32":  # no select on pipes, no alarm, no cap on memory
            raise UserError("grading in worker processes runs on Linux and macOS; on Windows use WSL")
        if not sys.executable:
            raise UserError(
                "worker processes need a Python interpreter, and this program does not name its own"
            )
        self.buffer = b""
        self.child = interpreter(
            *("-c", BOOT, target, str(memory_mb), str(2 * PATIENCE * deadline)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self.child.stdin is not None
        os.set_blocking(self.child.stdin.fileno(), False)

    def wait_ready(self) -> None:
        """Wait until the worker has imported what it needs and passed its self-test."""
        try:
            ready = self.receive(START_SECONDS)
        except Lost as lost:
            self.kill()
            raise UserError(f"a worker process did not start ({lost}); is memory or disk short?") from lost
        assert ready == "ready"

    def send(self, items: list[Any], seconds: float) -> None:
        """Hand over a batch."""
        data = memoryview(json.dumps(items).encode() + b"\n")
        assert self.child.stdin is not None
        pipe = self.child.stdin.fileno()
        end = time.monotonic() + seconds
        while data:
            if not select.select([], [pipe], [], max(0.0, end - time.monotonic()))[1]:
                raise Lost("timeout")
            try:
                data = data[os.write(pipe, data) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise Lost("death") from error

    def receive(self, seconds: float) -> Any:
        """The next answer; Lost when the worker is gone, or had so many seconds without giving one.

        Seconds of its processor time where the system tells them, so that a busy machine loses nothing;
        never more than PATIENCE times as many by the clock.
        """
        assert self.child.stdout is not None
        pipe = self.child.stdout.fileno()
        start, used = time.monotonic(), self.processor_seconds()
        wait = seconds
        while b"\n" not in self.buffer:
            if not select.select([pipe], [], [], wait)[0]:
                now = self.processor_seconds()
                spent = seconds if used is None or now is None else now - used
                if spent >= seconds or time.monotonic() - start >= PATIENCE * seconds:
                    raise Lost("timeout")
                wait = max(0.05, seconds - spent)
                continue
            data = os.read(pipe, 1 << 16)
            if not data:
                raise Lost("death")
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(b"\n")
        return json.loads(line)

    def processor_seconds(self) -> float | None:
        """Processor time that the worker has used (Linux), else None."""
        try:
            fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError):
            return None

    def kill(self) -> None:
        """SIGKILL, and no zombie."""
        with contextlib.suppress(ProcessLookupError):
            self.child.kill()
        for pipe in (self.child.stdin, self.child.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()
        self.child.wait()


class Pool:
    """Worker processes that run one function, "module:function", on JSON-able argument lists.

    workers: processes. deadline: seconds for one item. memory_mb: address space of a worker.
    Any number of threads may call `map` at once; after a fork the child starts workers of its own.
    """

    def __init__(self, target: str, workers: int = 1, deadline: float = 2.0, memory_mb: int = 1024) -> None:
        if workers < 1:
            raise UserError(f"workers must be at least 1, not {workers}")
        self.target, self.workers, self.deadline, self.memory_mb = target, workers, deadline, memory_mb
        self.counts = Counts()
        self._warned = 0.0
        self._lock = Lock()
        self._closed = False
        self._begin()

    def _begin(self) -> None:
        self._owner = os.getpid()
        self._idle: queue.SimpleQueue[Process | None] = queue.SimpleQueue()
        self._living: set[Process] = set()
        for _ in range(self.workers):
            self._idle.put(None)
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="grader")
        self._end = weakref.finalize(self, _end, self._threads, self._living, os.getpid())

    def map(self, items: Sequence[Sequence[Any]]) -> list[Any]:
        """The function's results in order; {"lost": reason} where there is none."""
        results: list[Any] = []
        for future in self.submit(items):
            results.extend(future.result())
        self._alarm()
        return results

    def submit(self, items: Sequence[Sequence[Any]]) -> list[Future[list[Any]]]:
        """One future per batch, in order."""
        with self._lock:
            if self._closed:
                raise UserError("this pool is closed; make a new one")
            if self._owner != os.getpid():  # forked: the workers and threads are the parent's
                self._end.detach()
                self._begin()
        return [self._threads.submit(self._batch, batch) for batch in _batches(items, self.workers)]

    def _batch(self, items: list[Any]) -> list[Any]:
        """Run one batch on one worker, through as many replacements as it takes."""
        process = self._idle.get()
        results: list[Any] = []
        failed_at, again = -1, False
        try:
            while len(results) < len(items):
                process = process or self._start()
                try:
                    process.send(items[len(results) :], max(10.0, self.deadline))
                    while len(results) < len(items):
                        results.append(process.receive(self.deadline))
                except Lost as lost:
                    self._replace(process)
                    process = None
                    if self._closed:
                        raise UserError("the pool was closed while it worked") from None
                    again, failed_at = failed_at != len(results), len(results)
                    if not again:
                        results.append({"lost": str(lost)})
                        self._count(str(lost))
        finally:
            self._idle.put(process)
        with self._lock:
            self.counts.items += len(items)
        return results

    def _start(self) -> Process:
        for last in (False, True):
            process = Process(self.target, self.deadline, self.memory_mb)
            self._living.add(process)
            try:
                process.wait_ready()
                return process
            except UserError:
                self._living.discard(process)
                if last or self._closed:
                    raise
        raise AssertionError

    def _replace(self, process: Process) -> None:
        process.kill()
        self._living.discard(process)
        with self._lock:
            self.counts.restarts += 1

    def _count(self, reason: str) -> None:
        with self._lock:
            if reason == "timeout":
                self.counts.timeouts += 1
            else:
                self.counts.deaths += 1

    def _alarm(self) -> None:
        """Warn when more than ALARM of the items were lost, and again when it doubles."""
        lost = self.counts.lost
        if lost > max(ALARM, 2 * self._warned):
            self._warned = lost
            warnings.warn(
                f"{self.counts.timeouts} timeouts and {self.counts.deaths} deaths of workers "
                f"in {self.counts.items} grades",
                RuntimeWarning,
                stacklevel=3,
            )

    def close(self) -> None:
        """End the workers; a batch under way ends with a UserError."""
        self._closed = True
        if self._owner == os.getpid():
            self._end()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end(threads: ThreadPoolExecutor, living: set[Process], owner: int) -> None:
    if owner == os.getpid():
        for process in list(living):
            process.kill()
        threads.shutdown(wait=False, cancel_futures=True)


def _batches(items: Sequence[Sequence[Any]], workers: int) -> list[list[Any]]:
    """Batches of at most BATCH items and about BATCH_CHARACTERS characters, enough for every worker."""
    size = max(1, min(BATCH, -(-len(items) // workers)))
    batches: list[list[Any]] = []
    room = 0
    for item in items:
        length = sum(len(part) for part in item if isinstance(part, str))
        if not batches or len(batches[-1]) >= size or length > room:
            batches.append([])
            room = BATCH_CHARACTERS
        batches[-1].append(list(item))
        room -= length
    return batches
