"""The page at full size: 200 findings, 5,000 problems × 2 checkpoints × 32 samples.

    python tests/benchmarks/bench_reports.py [--problems 5000] [--findings 200]

Prints what is measured beside its bound: seconds to draw the paper and to build the page, megabytes, and
(where Chromium is installed) seconds until the page can be used, until a filter of the questions is shown,
and until all samples have been searched.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "reports"))
from browser import browser, chromium
from findings import comparison, finding

from evals.records import Problem
from evals.schema import GRADES, SAMPLES
from evals.store import SampleStore
from evals.store.store import grade_group
from probes.finding import write_findings
from reports.page.build import build_page
from reports.paper.draw import draw_paper

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


def measure(folder: Path, problems: int, findings: int) -> list[tuple[str, float, float]]:
    """(what, measured, bound) of every figure."""
    store = SampleStore(folder / "store")
    fill(store, problems, 32)
    held = [finding(wide(comparison("a", "b"))) for _ in range(findings)]
    for one in held:
        one["provenance"]["store"] = str(store.path)
        for checkpoint in one["checkpoints"]:
            checkpoint["cell"] = checkpoint["name"]
    write_findings(folder / "findings.json", held)
    began = time.perf_counter()
    page = build_page(folder, folder / "report")
    out = [("seconds to build", time.perf_counter() - began, 20.0)]
    out.append(("megabytes", page.stat().st_size / 1e6, 30.0))
    return out + (opened(page, folder) if chromium() else [])


def opened(page: Path, folder: Path) -> list[tuple[str, float, float]]:
    """How long a browser takes."""
    with browser(folder / "profile") as tab:
        began = time.perf_counter()
        tab.open(page)
        out = [("seconds to open", time.perf_counter() - began, 2.0)]
        tab.evaluate("document.getElementById('group').value = 'all'; 1")
        for what, query, done in (
            ("seconds to filter by question", "ba", "searched from three letters"),
            ("seconds to search all samples", "boxed{7", "questions and samples searched"),
        ):
            began = time.perf_counter()
            tab.evaluate(TYPE.replace("QUERY", query))
            tab.until(f"document.getElementById('status').textContent.includes({done!r})")
            out.append((what, time.perf_counter() - began, 2.0))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--problems", type=int, default=5000)
    parser.add_argument("--findings", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        draw_paper(Path(folder) / "paper")
        paper = ("seconds to draw the paper", time.perf_counter() - began, 60.0)
        for what, value, bound in (paper, *measure(Path(folder), options.problems, options.findings)):
            print(f"{what:32} {value:8.2f}   bound {bound:g}   {'ok' if value < bound else 'MISSED'}")


if __name__ == "__main__":
    main()
