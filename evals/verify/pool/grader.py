"""The grader of many responses: worker processes, deadlines, the symbolic stage; sync and async."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from evals.verify.extract.extraction import extract
from evals.verify.grade import Grade
from evals.verify.grading import Mode
from evals.verify.limits import MAX_LENGTH
from evals.verify.pool.processes import Counts, Pool

Asked = tuple[str, str] | tuple[str, str, str | None]


class Grader:
    """Grades many responses in worker processes.

    mode: "eval" (strict and lenient) or "reward" (strict). workers: how many (default: the cores, at most 8).
    symbolic: the sympy stage for what comparison leaves undecided (default: in eval mode only).
    deadline: seconds for one response; over it the verdict is wrong with reason "timeout".
    memory_mb: address space of a worker.

    The verdicts are those of `grade`, from any thread, from coroutines (`grade_many_async`), in notebooks, in
    subprocesses and after a fork. Close it, or use it as a context manager; a forgotten one closes itself.
    """

    def __init__(
        self,
        mode: Mode = "eval",
        workers: int | None = None,
        symbolic: bool | None = None,
        deadline: float = 2.0,
        memory_mb: int = 1024,
    ) -> None:
        self.mode: Mode = mode
        self.symbolic = mode == "eval" if symbolic is None else symbolic
        target = "evals.verify.pool.tasks:" + ("grade_symbolic" if self.symbolic else "grade_plain")
        self._pool = Pool(target, workers or min(8, os.cpu_count() or 1), deadline, memory_mb)

    def grade(self, gold: str, response: str, *, question: str | None = None) -> Grade:
        """Grade one response."""
        return self.grade_many([(gold, response, question)])[0]

    def grade_many(self, asked: Iterable[Asked]) -> list[Grade]:
        """Grade (gold, response) or (gold, response, question); verdicts in their order."""
        items = [(gold, response, self.mode, *rest) for gold, response, *rest in asked]
        results = self._pool.map(items)
        return [_verdict(item, result) for item, result in zip(items, results, strict=True)]

    async def grade_many_async(self, asked: Iterable[Asked]) -> list[Grade]:
        """The same without blocking the event loop."""
        import asyncio

        items = [(gold, response, self.mode, *rest) for gold, response, *rest in asked]
        batches = await asyncio.gather(*(asyncio.wrap_future(f) for f in self._pool.submit(items)))
        results = [result for batch in batches for result in batch]
        return [_verdict(item, result) for item, result in zip(items, results, strict=True)]

    @property
    def counts(self) -> Counts:
        """Items graded, timeouts, deaths and restarts of workers so far."""
        return self._pool.counts

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _verdict(item: tuple[Any, ...], result: dict[str, Any]) -> Grade:
    """The worker's verdict, or that of an item without one."""
    if "correct" in result:
        return Grade.from_dict(result)
    _, response, mode, *_ = item
    reason = result.get("lost") or f"error:{result.get('error')}"
    start = time.perf_counter()
    found = extract(response)
    answer = found.text[:MAX_LENGTH] if found.text is not None else None
    flags = (*found.flags, "timeout") if reason == "timeout" else found.flags
    lost = Grade(False, "pool", reason, answer, found.route, flags=flags)
    if mode == "eval":
        lost = replace(lost, lenient=False, lenient_answer=answer, lenient_route=found.route)
    return replace(lost, ms=(time.perf_counter() - start) * 1000)
