"""`probes expand` on two checkpoints of 5,000 problems with 128 samples each: seconds after sampling.

python tests/benchmarks/bench_probes.py [PROBLEMS [SAMPLES [FOLDER]]]

The store takes minutes to fill and grade; FOLDER keeps it, and a second run on it only measures.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from evals.core.keys import content_hash
from evals.records import Problem
from evals.store import SampleStore

BAR = 5.0


def fill(folder: Path, problems: int, n: int) -> list[str]:
    """A store with two graded cells whose success rates are Beta(.425, 2.83) and a little higher."""
    from evals.grading.store_grading import grade_store

    rng = np.random.default_rng(0)
    store = SampleStore(folder)
    held = [Problem.make(f"What is {i} and 1?", str(i + 1)) for i in range(problems)]
    p = rng.beta(0.425, 2.83, problems)
    rates = {"before": p, "after": np.minimum(1, 1.25 * p)}
    store.add_problems(held)
    cells = []
    for name, rate in rates.items():
        cell = content_hash("bench", name)
        options = {"temperature": 0.6, "top_p": 0.95, "top_k": 0, "max_tokens": 1024}
        store.add_cell(
            cell, {"checkpoint": name, "template": "gsm8k", "shots": 0, "weights": name, **options}
        )
        right = rng.random((problems, n)) < rate[:, None]
        tokens = rng.integers(40, 400, (problems, n))
        for start in range(0, problems, 64):
            rows = []
            for i in range(start, min(start + 64, problems)):
                prompt = content_hash(held[i].id)
                for j in range(n):
                    text = f"Try {j % 8}: \\boxed{{{i + 1 if right[i, j] else j % 5 - 9}}}"
                    rows.append(
                        {"key": content_hash(cell, held[i].id, j), "cell": cell, "checkpoint": name,
                         "problem": held[i].id, "index": j, "seed": j, "prompt_hash": prompt, "shots": 0,
                         **options, "prompt_tokens": 50, "tokens": int(tokens[i, j]),
                         "finish_reason": "stop", "text": text}
                    )  # fmt: skip
            store.add(rows)
        cells.append(cell)
    grade_store(store, cells)
    return cells


def filled(place: Path, problems: int, n: int) -> tuple[Path, list[str]]:
    """The store in a folder and its cells, made where they are not there."""
    folder, marker = place / "store", place / "cells"
    if not marker.is_file():
        marker.write_text("\n".join(fill(folder, problems, n)))
    return folder, marker.read_text().split()


def main() -> None:
    """Build the stores, then measure the probe on them."""
    problems = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    n = int(sys.argv[2]) if len(sys.argv) > 2 else 128
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(scratch)
        place.mkdir(parents=True, exist_ok=True)
        folder, cells = filled(place, problems, n)
        began, cpu = time.perf_counter(), time.process_time()
        from analysis import Options
        from evals.grading.store_grading import read_cells
        from evals.store import SampleStore
        from probes.expand import expand
        from probes.findings.finding import keep_finding
        from probes.inputs.sources import Source, blank

        store = SampleStore(folder)
        held = read_cells(store, cells)
        described = [
            {**blank(r["checkpoint"]), "cell": c, "report": r}
            for c, r in zip(cells, held.reports, strict=True)
        ]
        about = {"name": "bench", "fingerprint": None, "count": problems}
        source = Source(held.counts, described, about, store, cells, tallies=held.tallies)
        read = time.perf_counter()
        finding = expand(source, Options())
        keep_finding(Path(place), finding)
        ended = time.perf_counter()
        spent = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{problems:,} problems x {n} samples x 2: {finding.verdict.outcome}")
    print(f"reading {read - began:.2f} s, verdict and robustness {ended - read:.2f} s")
    print(f"expand {ended - began:.2f} s ({spent:.2f} s of CPU), bar {BAR} s; peak memory {peak:.2f} GB")


if __name__ == "__main__":
    main()
