"""Importing foreign JSON lines: seconds and peak memory, for files of growing size.

    python tests/benchmarks/bench_import.py [MEGABYTES …]      (default: 64 256 1024)

Memory must not grow with the file. Rows are like real ones: 64 problems a pass, 8 responses each, no two
responses alike.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROBLEMS = 2000
WORDS = [f"w{i}" for i in range(500)]


def write(path: Path, megabytes: int) -> None:
    """A plain JSONL file of about this size."""
    rng = random.Random(0)
    size, row = 0, 0
    with path.open("w") as stream:
        while size < megabytes * 1_000_000:
            texts = [f"{' '.join(rng.choices(WORDS, k=300))} \\boxed{{{row}}}" for _ in range(8)]
            line = json.dumps({"question": f"question {row % PROBLEMS}", "answer": "1", "responses": texts})
            size += stream.write(line + "\n")
            row += 1


def child(path: str, store: str) -> None:
    """Import in this process; prints seconds, samples and peak memory in MB."""
    from evals.readers import import_samples
    from evals.store import SampleStore

    start = time.process_time()
    target = SampleStore(store)
    (cell,) = import_samples([path], target)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds, samples = time.process_time() - start, target.sample_table.count(cell)
    print(f"{seconds:.1f} s CPU, {samples:,} samples, peak {peak:.0f} MB")


def main() -> None:
    """One line a size."""
    for megabytes in map(int, sys.argv[1:] or ["64", "256", "1024"]):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "rows.jsonl"
            write(path, megabytes)
            command = [sys.executable, __file__, "--child", str(path), str(Path(folder) / "store")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            print(f"{megabytes:5} MB: {done.stdout.strip()}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:4])
    else:
        main()
