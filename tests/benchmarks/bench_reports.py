"""The page at full size: 200 findings, 5,000 problems × 2 checkpoints × 32 samples.

    python tests/benchmarks/bench_reports.py [--problems 5000] [--findings 200]

Prints what is measured beside its bound: seconds to draw the paper and to build the page, megabytes, and
(where Chromium is installed) seconds until the page can be used, until a filter of the questions is shown,
and until all samples have been searched.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reports"))
from browser import browser, chromium
from findings import comparison, finding, write_findings

from evals.records import Problem
from evals.store import SampleStore
from evals.store.schema import GRADES, SAMPLES
from evals.store.store import grade_group
from reports.page.build import build_page
from reports.paper.draw import draw_paper

Measured = tuple[str, float, float, float | None]  # what, measured, bound, processor seconds
TYPE = """
var [search, says] = ["search", "status"].map((id) => document.getElementById(id));
search.value = "QUERY";
says.textContent = "";
search.dispatchEvent(new Event("input"));
"""
WORDS = 60  # words of a sample; three in ten differ between two samples of a problem


def texts(generator: np.random.Generator, vocabulary: np.ndarray, problems: int, n: int) -> list[str]:
    """Samples that look like a model's: those of one problem share most of their words."""
    out = []
    for _ in range(problems):
        base = vocabulary[generator.zipf(1.3, WORDS) % len(vocabulary)]
        for _ in range(n):
            fresh = vocabulary[generator.integers(0, len(vocabulary), WORDS)]
            words = np.where(generator.random(WORDS) < 0.3, fresh, base)
            out.append(" ".join(words) + f" \\boxed{{{generator.integers(0, 1000)}}}")
    return out


def fill(store: SampleStore, problems: int, n: int) -> None:
    """A store of two graded cells, a and b."""
    generator = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    vocabulary = np.array(
        ["".join(generator.choice(letters, generator.integers(2, 11))) for _ in range(5000)]
    )
    asked = [
        Problem.make(f"{text}?", str(i)) for i, text in enumerate(texts(generator, vocabulary, problems, 1))
    ]
    store.add_problems(asked)
    for cell in "ab":
        store.add_cell(cell, {"checkpoint": cell})
        rows = problems * n
        ids = np.repeat([p.id for p in asked], n)
        index = np.tile(np.arange(n), problems)
        rate = np.repeat(generator.beta(0.3, 1, problems), n)
        keys = [f"{cell}{i}" for i in range(rows)]
        held = {
            "key": keys,
            "cell": [cell] * rows,
            "checkpoint": [cell] * rows,
            "problem": ids,
            "index": index,
        }
        said = texts(generator, vocabulary, problems, n)
        store.sample_table.add(cell, _table(held | {"text": said}, SAMPLES, rows))
        graded = held | {"correct": generator.random(rows) < rate, "answer": index.astype(str)}
        store.grade_table.add(grade_group(cell), _table(graded, GRADES, rows))


def _table(columns: dict[str, object], schema: pa.Schema, rows: int) -> pa.Table:
    arrays = [
        pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(rows, f.type) for f in schema
    ]
    return pa.table(arrays, schema=schema)


def wide(one: dict) -> dict:
    """The same comparison with the 28 values of k of a real one."""
    ks = np.unique(np.geomspace(1, 64, 34).round().astype(int)).tolist()
    for values in (*one["passk"].values(), one["delta"]):
        for name, held in values.items():
            values[name] = np.interp(np.log(ks), np.log(one["k"]), held).tolist()
    return one | {"k": ks}


def measure(folder: Path, problems: int, findings: int) -> Iterator[Measured]:
    """Every figure of the page."""
    store = SampleStore(folder / "store")
    fill(store, problems, 32)
    held = [finding(wide(comparison("a", "b"))) for _ in range(findings)]
    for one in held:
        one["provenance"]["store"] = str(store.path)
        for checkpoint in one["checkpoints"]:
            checkpoint["cell"] = checkpoint["name"]
    write_findings(folder / "findings.json", held)
    yield timed("seconds to build", 20.0, lambda: build_page(folder, folder / "report"))
    page = folder / "report" / "index.html"
    yield "megabytes", page.stat().st_size / 1e6, 30.0, None
    if chromium():
        yield from opened(page, folder)


def opened(page: Path, folder: Path) -> Iterator[Measured]:
    """How long a browser takes."""
    with browser(folder / "profile") as tab:

        def typed(query: str, done: str) -> None:
            tab.evaluate(TYPE.replace("QUERY", query))
            tab.until(f"document.getElementById('status').textContent.includes({done!r})")

        used = partial(cpu_of, tab.process.pid)
        yield timed("seconds to open", 2.0, lambda: tab.open(page), used)
        tab.evaluate("document.getElementById('group').value = 'all'; 1")
        for what, query, done in (
            ("seconds to filter by question", "ba", "searched from three letters"),
            ("seconds to search all samples", "boxed{7", "questions and samples searched"),
        ):
            yield timed(what, 2.0, partial(typed, query, done), used)


def timed(
    what: str, bound: float, act: Callable[[], object], used: Callable[[], float] = time.process_time
) -> Measured:
    """Seconds by the clock, and of processor time, that an act takes."""
    began, spent = time.perf_counter(), used()
    act()
    return what, time.perf_counter() - began, bound, used() - spent


def cpu_of(root: int) -> float:
    """Processor seconds of a process and everything under it that is alive (Linux)."""
    parents, spent = {}, {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        fields = rest.split()
        pid = int(name.split()[0])
        parents[pid], spent[pid] = int(fields[1]), int(fields[11]) + int(fields[12])
    family = {root}
    while grown := {p for p, parent in parents.items() if parent in family} - family:
        family |= grown
    return sum(spent.get(p, 0) for p in family) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--problems", type=int, default=5000)
    parser.add_argument("--findings", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show(timed("seconds to draw the paper", 60.0, lambda: draw_paper(Path(folder) / "paper")))
        for one in measure(Path(folder), options.problems, options.findings):
            show(one)


def show(measured: Measured) -> None:
    what, value, bound, cpu = measured
    spent = "" if cpu is None else f"processor {cpu:6.2f} s"
    print(
        f"{what:32} {value:8.2f}   bound {bound:g}   {'ok' if value < bound else 'MISSED':6} {spent}",
        flush=True,
    )


if __name__ == "__main__":
    main()
