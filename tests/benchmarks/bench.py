"""This project beside its peers on the same work, in one run: `make bench`.

    [REAL_MODEL=FOLDER] python tests/benchmarks/bench.py [--quick] [--out FOLDER] [--only NAME …] [--list]

Every row is a process of its own and is kept as FOLDER/rows/NAME.json: started again, the run goes on with
the rows that are not there, or were measured in other circumstances (hardware, versions, code, --quick). At
the end FOLDER/table.json and FOLDER/table.md hold all rows: ratios with 95% intervals over the repeats
(Welch, on logarithms), absolute numbers, hardware, versions. A peer that is not installed is a row that
says why: peers have environments of their own (`make peers`, or TRL_PYTHON, VLLM_PYTHON, SCORIO_PYTHON).
REAL_MODEL: a folder of a real model of about 135M parameters; else one with random weights of that shape.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from bench_table import environment, markdown

HERE = Path(__file__).parent
ROWS = {
    **dict.fromkeys(("grade-math", "grade-gsm8k", "grade-hostile"), "rows_grading.py"),
    **dict.fromkeys(("passk-scipy", "passk-scorio", "cost-expand", "cost-trainer"), "rows_cost.py"),
    **dict.fromkeys(("help", "first-result"), "rows_start.py"),
    **dict.fromkeys(("real-sampling", "real-expand", "real-sft", "real-lora", "real-grpo"), "rows_real.py"),
    **dict.fromkeys(("load-540mb", "load-2gb"), "rows_load.py"),
    **dict.fromkeys(("sampling", "pretrain-step", "sft-step", "grpo-step", "grpo-varied"), "rows_steps.py"),
}
MOST_SECONDS = 600  # of one row


def measure(name: str, quick: bool) -> dict[str, Any]:
    """One row, in a process of its own; where it fails, the reason in its place."""
    command = [sys.executable, str(HERE / ROWS[name]), name, *(["--quick"] if quick else [])]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    path = os.pathsep.join([str(HERE.parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    began = time.monotonic()
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            env=os.environ | threads | {"PYTHONPATH": path},
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took more than {MOST_SECONDS} seconds"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        return {"failed": (done.stderr.strip() or "no output").splitlines()[-1][:200]}
    found: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
    return found | {"seconds": round(time.monotonic() - began, 1)}


def kept(path: Path, about: dict[str, Any]) -> dict[str, Any] | None:
    """A row that was measured in the same circumstances, or None."""
    if not path.is_file():
        return None
    row: dict[str, Any] = json.loads(path.read_text())
    return row if row["about"] == about and "failed" not in row else None


def main() -> int:
    """Measure what is lacking, then write the table; 1 where a row failed."""
    from evals.core.files import write_file, write_json

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="toy sizes: only that everything works")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="NAME")
    parser.add_argument("--list", action="store_true", help="names of the rows")
    given = parser.parse_args()
    if given.list:
        print("\n".join(ROWS))
        return 0
    real = Path(os.environ.get("REAL_MODEL") or "random weights").name
    about = environment() | {"quick": given.quick, "real_model": real}
    rows = {}
    for name in given.only or ROWS:
        path = given.out / "rows" / f"{name}.json"
        row = kept(path, about)
        if row is None:
            print(f"{name} …", file=sys.stderr, flush=True)
            row = measure(name, given.quick) | {"about": about}
            write_json(path, row)
        rows[name] = row
    write_json(given.out / "table.json", {"about": about, "rows": rows})
    table = markdown(about, rows)
    write_file(given.out / "table.md", table)
    print(table)
    return int(any("failed" in row for row in rows.values()))


if __name__ == "__main__":
    raise SystemExit(main())
