"""Kills without warning over whole commands: `python tests/benchmarks/bench_kills.py [--kills 10] [PART…]`.

Parts: import, grade, expand, html, trainer, study. Each command runs once undisturbed, in a folder of its
own; then, for every kill, in a fresh folder until it is killed at a random part of its time (SIGKILL to its
process group), and once more to its end. Every file must have the bytes of the undisturbed run. Bars: in 60
kills no exception and no byte different.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TINY = """
[pretrain]
model = {hidden_size = 32, intermediate_size = 48, layers = 1, heads = 2}
optimizer = {lr = 3e-3, eps = 1e-5, weight_decay = 0.1}
vocab_size = 320
tokens = 6000
batch_tokens = 512
checkpoints = [3000]
save_every = 2

[rl]
steps = 2
prompts = 4
minibatch = 2
n = 3
max_tokens = 5
limit = 12

[sft]
batch = 5
epochs = 1
limit = 12

[study]
starts = [3000]
seeds = [0]
recipes = ["sft", "rl"]
"""
COMMANDS = {
    "import": ["evals", "import", "rows.jsonl", "--store", "work/store"],
    "grade": ["evals", "grade", "work/store"],
    "expand": ["probes", "expand", "--samples", "rows.jsonl", "--out", "work/run"],
    "html": ["reports", "html", "work/run"],
    "trainer": ["trainer", "pretrain", "--config", "tiny.toml", "--out", "work/m", "--quiet"],
    "study": ["trainer", "study", "tiny.toml", "--out", "work/study", "--quiet"],
}
BEFORE = {"grade": "import", "html": "expand"}
# what says when and where a run was, and what only a resumed run needs
VARYING = ("state/", "env.json", "metrics.jsonl", "log", ".lock", "pending/", "timings")
TIMES = (
    "seconds",
    "time",
    "date",
    "started",
    "ended",
    "pid",
    "host",
    "tokens_per_second",
    "flops_per_second",
)


def run(name: str, folder: Path, seconds: float | None = None) -> tuple[int, str]:
    """The exit code of a command and what it said; killed after so many seconds."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd(), "PYTHONHASHSEED": "0"}
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", *COMMANDS[name]],
        cwd=folder, env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        said, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        said, _ = child.communicate()
    return child.returncode, said.decode("utf-8", "replace")


def prepare(name: str, folder: Path) -> None:
    """The input of a command, made by the one before it."""
    folder.mkdir()
    rng = random.Random(0)
    rows = [
        {"model": model, "question": f"What is {i}+1?", "gold": str(i + 1),
         "response": f"\\boxed{{{i + rng.randint(0, 2)}}}"}
        for model in ("base", "rl") for i in range(40) for _ in range(8)
    ]  # fmt: skip
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "tiny.toml").write_text(TINY)
    (folder / "work").mkdir()
    if name in BEFORE:
        code, said = run(BEFORE[name], folder)
        assert code == 0, said[-2000:]


def plain(value: object) -> object:
    """A JSON value without times."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if not any(t in k for t in TIMES)}
    return [plain(v) for v in value] if isinstance(value, list) else value


def bytes_of(folder: Path) -> dict[str, str]:
    """A hash of every file that must not differ."""
    found = {}
    for path in sorted((folder / "work").rglob("*")):
        name = str(path.relative_to(folder))
        if not path.is_file() or any(mark in name for mark in VARYING):
            continue
        data = path.read_bytes()
        if path.suffix == ".json":
            data = json.dumps(plain(json.loads(data)), sort_keys=True).encode()
        found[name] = hashlib.sha256(data).hexdigest()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=list(COMMANDS), choices=COMMANDS)
    parser.add_argument("--kills", type=int, default=10)
    arguments = parser.parse_args()
    rng, killed, bad = random.Random(1), 0, 0
    with tempfile.TemporaryDirectory() as place:
        for name in arguments.parts:
            whole = Path(place) / name
            prepare(name, whole)
            start = time.monotonic()
            code, said = run(name, whole)
            length = time.monotonic() - start
            assert code == 0, said[-2000:]
            wanted = bytes_of(whole)
            assert wanted, name
            for number in range(arguments.kills):
                folder = Path(place) / f"{name}-{number}"
                prepare(name, folder)
                first, _ = run(name, folder, rng.uniform(0.15, 1.0) * length)
                code, said = run(name, folder)
                found = bytes_of(folder)
                differ = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
                killed += first == -signal.SIGKILL
                if code or "Traceback" in said or differ:
                    bad += 1
                    print(f"{name} {number}: exit {code}, different: {differ[:5]}", said[-600:], flush=True)
                shutil.rmtree(folder)
            print(
                f"{name}: {len(wanted)} files, {length:.1f} s undisturbed, {killed} kills so far", flush=True
            )
    print(f"{killed} kills, {bad} with an exception or other bytes")


if __name__ == "__main__":
    main()
