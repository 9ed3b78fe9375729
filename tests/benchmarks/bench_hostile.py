"""What hostile files cost: `python tests/benchmarks/bench_hostile.py`; bars: 5 s and 500 MB each.

Every file is imported by `evals import` in a process of its own; exit code 0, or 2 and a sentence.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from hostile_files import write


def capped():
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "files").mkdir()
        results = []
        for path in write(place / "files"):
            command = [sys.executable, "-m", "evals", "import", str(path), "--store", str(place / path.name)]
            start = time.monotonic()
            child = subprocess.Popen(command, stdout=-3, stderr=subprocess.PIPE, preexec_fn=capped)
            said = child.stderr.read().decode("utf-8", "replace")
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            seconds = used.ru_utime + used.ru_stime
            results.append((seconds, used.ru_maxrss / 1024, path.name, child.returncode, said.strip()[-160:]))
            fine = child.returncode in (0, 2) and "Traceback" not in said
            flag = "" if fine and seconds <= 5 and results[-1][1] <= 500 else "  <-- MISSED"
            size = path.stat().st_size / 1024
            print(
                f"{path.name:24} {size:9,.0f} kB  {seconds:6.2f} s {results[-1][1]:6.0f} MB  "
                f"{time.monotonic() - start:5.1f} s wall  exit {child.returncode}{flag}"
            )
            if flag or "-v" in sys.argv:
                print("     ", said.strip()[-300:])
        print(
            f"{len(results)} files; slowest {max(results)[:3]}, largest {max(r[1] for r in results):.0f} MB"
        )


if __name__ == "__main__":
    main()
