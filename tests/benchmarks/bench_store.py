"""Grading and storing 200,000 samples, and counting 1.28 million: seconds and memory.

python tests/benchmarks/bench_store.py [PROBLEMS_FOLDER]     default: ../shared/data beside the checkout
"""

from __future__ import annotations

import os
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from evals.core.keys import content_hash
from evals.grading.store_grading import cell_report, counts, grade_store
from evals.problems import load_problems
from evals.records import Problem, SamplingOptions
from evals.store import SampleStore

CHUNK = 1024


def memory() -> float:
    """Resident memory of this process and its children, in GB; pages shared by them count once each."""
    pages, parents = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                pages[int(entry.name)] = int((entry / "statm").read_text().split()[1])
            except (OSError, IndexError):
                continue
    mine = {os.getpid()}
    while more := {p for p, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return sum(pages[p] for p in mine) * os.sysconf("SC_PAGE_SIZE") / 1e9


def processor() -> float:
    """CPU seconds of this process and its ended children."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@contextmanager
def measured(what: str, bar: str) -> Iterator[None]:
    """Print seconds, CPU seconds (children included) and the largest resident memory of a block."""
    peak, stop = [memory()], threading.Event()

    def watch() -> None:
        while not stop.wait(0.2):
            peak[0] = max(peak[0], memory())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began, cpu = time.perf_counter(), processor()
    yield
    seconds, cpu = time.perf_counter() - began, processor() - cpu
    stop.set()
    watcher.join()
    print(f"{what:<58} {seconds:7.2f} s  {cpu:7.2f} CPU s  {peak[0]:5.2f} GB   bar {bar}", flush=True)


def responses(problem: Problem, others: list[Problem], n: int, rng: random.Random) -> Iterator[str]:
    """Real worked solutions, each a little different; two in five end with another problem's answer."""
    solution = problem.solutions[0] if problem.solutions else problem.answer
    for i in range(n):
        text = re.sub(r"\d+", lambda m: m[0] if rng.random() < 0.9 else str(rng.randrange(100)), solution)
        answer = problem.answer if rng.random() < 0.6 else rng.choice(others).answer
        yield f"{text}\nAttempt {i}: the final answer is \\boxed{{{answer}}}."


def rows(cell: str, problems: list[Problem], n: int) -> Iterator[list[dict[str, Any]]]:
    """Chunks of samples, as sampling adds them, with token ids and log-probs."""
    rng, options, chunk = random.Random(0), SamplingOptions(), []
    for problem in problems:
        for index, text in enumerate(responses(problem, problems, n, rng)):
            tokens = len(text) // 3
            ids = [rng.randrange(50_000) for _ in range(8)] * (tokens // 8)
            chunk.append(
                {"key": content_hash(cell, problem.id, index), "cell": cell, "checkpoint": cell,
                 "problem": problem.id, "index": index, "seed": index, "prompt_hash": problem.id, "shots": 4,
                 "temperature": options.temperature, "top_p": options.top_p, "top_k": 0, "max_tokens": 1024,
                 "prompt_tokens": 100, "tokens": len(ids), "finish_reason": "stop", "text": text,
                 "token_ids": ids, "logprobs": [-rng.random() for _ in range(8)] * (tokens // 8)}
            )  # fmt: skip
            if len(chunk) >= CHUNK:
                yield chunk
                chunk = []
    yield chunk


def write(store: SampleStore, cell: str, problems: list[Problem], n: int) -> np.ndarray:
    """Write a cell; returns (seconds, CPU seconds) that were the store's."""
    spent = np.zeros(2)
    for chunk in rows(cell, problems, n):
        began = now()
        store.add(chunk)
        spent += now() - began
    began = now()
    store.add_cell(cell, {"checkpoint": cell})
    store.add_problems(problems)
    store.compact([cell])
    return spent + now() - began


def now() -> np.ndarray:
    """(wall, CPU) seconds."""
    return np.array([time.perf_counter(), processor()])


def graded(folder: Path, data: Path) -> None:
    """GSM8K and MATH, n = 32, 202,208 samples: store, grade, count."""
    store = SampleStore(folder / "graded")
    gsm8k = list(load_problems(str(data / "gsm8k" / "test.jsonl")).problems)
    math = list(load_problems(str(data / "math" / "test.jsonl")).problems)
    cells = ["gsm8k", "math"]
    with measured("(making the samples and) storing them", "-"):
        spent = write(store, "gsm8k", gsm8k, 32) + write(store, "math", math, 32)
    print(f"{'of which storing 202,000 samples':<58} {spent[0]:7.2f} s  {spent[1]:7.2f} CPU s")
    with measured("grading 202,000 samples, 2 processes", "60 s with storing, 1 GB"):
        grade_store(store, cells, workers=2)
    with measured("counts of both", "2 s"):
        frame = counts(store, cells)
    print(
        f"{len(frame)} problems, {int(frame['n'].sum()):,} samples, {frame['c'].sum() / frame['n'].sum():.1%}"
    )
    with measured("cell reports of both", "-"):
        print({c: round(cell_report(store, c)["guess_floor"], 4) for c in cells})


def counted(folder: Path, data: Path) -> None:
    """Two stores' worth of 5,000 problems x 128 samples: what `probes expand` reads after sampling."""
    store = SampleStore(folder / "counted")
    math = list(load_problems(str(data / "math" / "test.jsonl")).problems)
    short = [Problem(p.id, p.question, p.answer) for p in math]
    for cell in ("a", "b"):
        write(store, cell, short, 128)
    grade_store(store, ["a", "b"], workers=2)
    with measured("resume: nothing left to grade in 2 x 640,000", "5 s together"):
        assert grade_store(store, ["a", "b"]) == 0
    with measured("counts of 2 x 640,000 samples", "5 s together"):
        counts(store, ["a", "b"])
    with measured("cell reports of 2 x 640,000 samples", "5 s together"):
        for cell in ("a", "b"):
            cell_report(store, cell)


if __name__ == "__main__":
    default = Path(__file__).resolve().parents[3] / "shared" / "data"
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    with tempfile.TemporaryDirectory() as folder:
        graded(Path(folder), source)
        counted(Path(folder), source)
