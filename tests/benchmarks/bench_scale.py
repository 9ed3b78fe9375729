"""The analysis at scale: ten million grades and ten million counts, streamed from parquet below 2 GB.

    python tests/benchmarks/bench_scale.py [--problems 100000] [--checkpoints 100] [--pairs 1] [--work FOLDER]

Made first, and not measured: a parquet file of grades (problem, correct), as many of a problem as there are
checkpoints, and one of counts (checkpoint, problem, n, c), a row group for each checkpoint. Measured, each in
a process of its own: counting the grades by streaming; pass@k of every checkpoint; whole comparisons of the
first with later ones.
Prints seconds of the processor, peak memory and rates as JSON; `results/scale.json` keeps them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))
from trainer_peers import peak_mb

HERE = Path(__file__).parent
N, BLOCK = 128, 1 << 20  # samples behind a count; rows read at a time
KS = (1, 2, 4, 8, 16, 32, 64, 128)


def make(folder: Path, problems: int, checkpoints: int) -> None:
    """Both files. Success rates are Beta(.425, 2.83), and rise from checkpoint to checkpoint."""
    rng = np.random.default_rng(0)
    p = rng.beta(0.425, 2.83, problems)
    ids = pa.array(np.arange(problems, dtype=np.int32))
    schema = pa.schema(
        [("checkpoint", pa.int16()), ("problem", pa.int32()), ("n", pa.int16()), ("c", pa.int16())]
    )
    with pq.ParquetWriter(folder / "counts.parquet", schema, compression="zstd") as out:
        for i in range(checkpoints):
            c = rng.binomial(N, p ** (1 - 0.2 * i / checkpoints)).astype(np.int16)
            columns = [np.full(problems, i, np.int16), ids, np.full(problems, N, np.int16), c]
            table = pa.table(dict(zip(schema.names, columns, strict=True)), schema=schema)
            out.write_table(table, row_group_size=problems)
    schema = pa.schema([("problem", pa.int32()), ("correct", pa.bool_())])
    with pq.ParquetWriter(folder / "grades.parquet", schema, compression="zstd") as out:
        for first in range(0, problems, BLOCK // checkpoints):
            some = np.repeat(
                np.arange(first, min(problems, first + BLOCK // checkpoints), dtype=np.int32), checkpoints
            )
            out.write_table(pa.table({"problem": some, "correct": rng.random(len(some)) < p[some]}))


def count(folder: Path, problems: int) -> dict[str, Any]:
    """n and c of every problem from the grades, a block at a time."""
    n, c, rows = np.zeros(problems, np.int32), np.zeros(problems, np.int32), 0
    for batch in pq.ParquetFile(folder / "grades.parquet").iter_batches(BLOCK):
        problem = batch.column("problem").to_numpy()
        right = problem[batch.column("correct").to_numpy(zero_copy_only=False)]
        first, last = int(problem.min()), int(problem.max()) + 1
        n[first:last] += np.bincount(problem - first, minlength=last - first).astype(np.int32)
        if len(right):
            c[first:last] += np.bincount(right - first, minlength=last - first).astype(np.int32)
        rows += len(problem)
    assert int(n.sum()) == rows
    return {"rows": rows}


def counts_of(folder: Path, checkpoint: int) -> tuple[Any, Any]:
    """(n, c) of a checkpoint: its row group alone is read."""
    table = pq.ParquetFile(folder / "counts.parquet").read_row_group(checkpoint, columns=["n", "c"])
    return tuple(table.column(name).to_numpy().astype(np.int64) for name in ("n", "c"))


def curves(folder: Path, checkpoints: int) -> dict[str, Any]:
    """pass@k of every checkpoint, averaged over its problems."""
    from analysis.estimators.passk import pass_at_k

    found, rows = [], 0
    for i in range(checkpoints):
        n, c = counts_of(folder, i)
        shapes, times = np.unique(np.stack([n, c]), axis=1, return_counts=True)
        found.append(times @ pass_at_k(*shapes, KS) / times.sum())
        rows += len(n)
    return {"rows": rows, "pass@1": [float(f[0]) for f in found]}


def pairs(folder: Path, upto: int) -> dict[str, Any]:
    """Verdicts of the first checkpoint against the last ones, with bands, tests and checks."""
    from analysis.comparison.compare import compare
    from analysis.counts import PairedCounts

    (n, a), words = counts_of(folder, 0), []
    problems = np.arange(len(a))
    groups = pq.ParquetFile(folder / "counts.parquet").num_row_groups
    for i in range(groups - upto, groups):
        m, b = counts_of(folder, i)
        words.append(compare(PairedCounts("first", str(i), problems, n, a, m, b)).verdict["outcome"])
    return {"rows": 2 * len(a) * upto, "pairs": upto, "outcomes": words}


def main() -> None:
    """Make the files, then measure each part in a process of its own."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--problems", type=int, default=100_000)
    parser.add_argument("--checkpoints", type=int, default=100)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--part", nargs=3, metavar=("NAME", "FOLDER", "SIZE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        name, folder, size = given.part
        began = time.process_time()
        found = {"count": count, "curves": curves, "pairs": pairs}[name](Path(folder), int(size))
        print(json.dumps(found | {"cpu_s": time.process_time() - began, "peak_mb": peak_mb()}))
        return
    sizes = {"count": given.problems, "curves": given.checkpoints, "pairs": given.pairs}
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), given.problems, given.checkpoints)
        out: dict[str, Any] = {
            f"{name}_bytes_per_row": (Path(folder) / f"{name}.parquet").stat().st_size / given.problems / each
            for name, each in (("counts", given.checkpoints), ("grades", given.checkpoints))
        }
        for name, size in sizes.items():
            command = [sys.executable, __file__, "--part", name, folder, str(size)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            out[name] = json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(out, indent=1))
    path, size = (
        HERE / "results" / "scale.json",
        f"{given.problems} problems x {given.checkpoints} checkpoints",
    )
    if given.problems * given.checkpoints >= 10_000_000:
        known = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps(known | {size: out}, indent=1) + "\n")


if __name__ == "__main__":
    main()
