"""Grading blocks in several processes.

The processes are interpreters of their own that run `serve`: unlike multiprocessing's, they do not import
the caller's script, so grading works from a plain script or a notebook.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from evals.core.errors import UserError
from evals.core.processes import interpreter
from evals.grading.block import Golds, grade_block

Job = tuple[Path, str, str, Golds]
Worker = subprocess.Popen[bytes]
START = ["-c", "from evals.grading.workers import serve; serve()"]


def grade_blocks(jobs: Sequence[Job], workers: int) -> Iterator[int]:
    """Grade blocks (arguments of `grade_block`), here or in processes; yields the number graded in each.

    UserError where a process dies. Ending the iterator early ends the processes.
    """
    if workers == 1 or len(jobs) < 2:
        yield from (grade_block(*job) for job in jobs)
        return
    processes = [_start() for _ in range(min(workers, len(jobs)))]
    idle: SimpleQueue[Worker] = SimpleQueue()
    for process in processes:
        idle.put(process)

    def work(job: Job) -> int:
        process = idle.get()
        try:
            return _ask(process, job)
        finally:
            idle.put(process)

    with ThreadPoolExecutor(len(processes)) as threads:  # one thread waits for each process
        futures = [threads.submit(work, job) for job in jobs]
        try:
            yield from (future.result() for future in as_completed(futures))
        finally:
            for future in futures:
                future.cancel()
            for process in processes:
                process.kill()
                process.communicate()


def _start() -> Worker:
    pipe = subprocess.PIPE
    return interpreter(*START, stdin=pipe, stdout=pipe, start_new_session=True)  # Ctrl-C is the parent's


def _ask(process: Worker, job: Job) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        pickle.dump(job, process.stdin)
        process.stdin.flush()
        reply: Any = pickle.load(process.stdout)
    except (EOFError, BrokenPipeError, pickle.UnpicklingError):
        raise UserError(
            "a grading process died (out of memory?); start the same command again to go on"
        ) from None
    if isinstance(reply, Exception):
        raise reply
    return int(reply)


def serve() -> None:
    """Grade the jobs that come on stdin until it ends: what a worker process does."""
    jobs, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # nothing else may write between replies
    while True:
        try:
            job = pickle.load(jobs)
        except EOFError:
            return
        try:
            reply: object = grade_block(*job)
        except Exception as error:  # the parent's to handle, as if it had done the work
            reply = error
        pickle.dump(reply, replies)
        replies.flush()
