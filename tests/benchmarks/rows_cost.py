"""Rows of `bench.py` on statistics and on how cost grows: pass@k beside scipy and scorio, expand, trainer."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import bench_analysis
import numpy as np
from bench_table import peer_python

PROBLEMS, FEW = (100, 1_000, 10_000, 100_000), 32  # problems at 32 samples
SAMPLES, MANY = (8, 32, 128, 1024), 1_000  # samples of 1,000 problems
SHAPES = ((80, 2, 2), (128, 4, 4), (256, 6, 8), (544, 8, 8))  # width, layers, heads: 0.3M to 30M weights
STEPS, TOKENS = 3, 1024  # updates, the first of which is not counted; tokens in each


def passk_parts(quick: bool) -> dict[str, Any]:
    """Our bands and intervals, and what `bench_analysis` runs of scipy."""
    if quick:
        vars(bench_analysis).update(PROBLEMS=200, SAMPLES=64)
    times = 1 if quick else 5
    mine = [_own(quick) for _ in range(times)]
    found = [bench_analysis.theirs(2 if quick else 10) for _ in range(times)]
    peers = {f"scipy.stats.bootstrap, {name}": [f[name] for f in found] for name in found[0]}
    return _passk(mine, peers, "pointwise intervals of the difference only")


def scorio_parts(quick: bool) -> dict[str, Any]:
    """Our bands and intervals, and scorio's intervals of both checkpoints without a difference."""
    if quick:
        return _passk([_own(quick)], {"scorio": "not run at toy size"}, "")
    found = bench_analysis.beside_scorio(peer_python("scorio"))
    seconds = found.get("seconds")
    peer: Any = [float(str(seconds))] if seconds else f"not run: {found.get('missing')}"
    note = f"no difference; coverage of 95% intervals at k = 1, 8, 32: {found.get('theirs')}, ours "
    note += f"{found.get('ours')} (a uniform prior on the p of each of 1,319 problems moves the mean)"
    return _passk([_own(quick) for _ in range(3)], {"scorio": peer}, note)


def _own(quick: bool) -> dict[str, float]:
    """Ours in a process of its own, for its peak memory."""
    sizes = "PROBLEMS=200, SAMPLES=64" if quick else ""
    code = f"import bench_analysis as b; vars(b).update(dict({sizes})); b.ours()"
    folder = str(Path(__file__).parent)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _passk(mine: list[dict[str, float]], peers: dict[str, Any], note: str) -> dict[str, Any]:
    size = f"{bench_analysis.PROBLEMS:,} × {bench_analysis.SAMPLES:,}"
    part = {
        "what": f"pass@k of two checkpoints with intervals and bands, {size}, {mine[0]['ks']} k",
        "unit": "s",
        "better": "less",
        "ours": [m["bands"] for m in mine],
        "peers": peers,
        "notes": {"ours": f"{median(m['gigabytes'] for m in mine):.2f} GB"} | dict.fromkeys(peers, note),
    }
    return {"parts": [part]}


def expand_curves(quick: bool) -> dict[str, Any]:
    """Seconds of `probes expand --counts` over problems and over samples."""
    problems, samples = ((50, 200), (8, 32)) if quick else (PROBLEMS, SAMPLES)
    _expand(100, 8)  # imports
    over_problems = [_expand(p, FEW) for p in problems]
    many = 100 if quick else MANY
    over_samples = [_expand(many, n) for n in samples]
    return {
        "curves": [
            {"what": f"expand, s over problems, n = {FEW}", "x": problems, "y": over_problems},
            {"what": f"expand, s over samples, {many:,} problems", "x": samples, "y": over_samples},
        ]
    }


def _expand(problems: int, n: int) -> float:
    """Processor seconds from a CSV of counts to the finding on disk."""
    from probes.expand import expand
    from probes.findings.finding import keep_finding
    from probes.inputs.counts_file import from_counts

    rng = np.random.default_rng(0)
    p = rng.beta(0.425, 2.83, problems)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "counts.csv"
        with path.open("w") as stream:
            stream.write("problem,checkpoint,n,c\n")
            for name, rate in (("before", p), ("after", p**0.8)):
                for i, c in enumerate(rng.binomial(n, rate)):
                    stream.write(f"p{i},{name},{n},{c}\n")
        began = time.process_time()
        keep_finding(Path(folder), expand(from_counts(path)))
        return time.process_time() - began


def trainer_curves(quick: bool) -> dict[str, Any]:
    """Seconds of the clock for 1,000 tokens of pre-training over parameters, in one process and in two."""
    shapes = SHAPES[:2] if quick else SHAPES
    curves, first = [], []
    for processes in (1, 2):
        found = [_pretrain(shape, processes, quick) for shape in shapes]
        x, y = [f[0] for f in found], [f[1] for f in found]
        what = f"pretrain, s (clock) for 1,000 tokens over parameters, {processes} process"
        curves.append({"what": what + ("es" if processes > 1 else ""), "x": x, "y": y})
        first = first or y
    faster = [a / b for a, b in zip(first, curves[1]["y"], strict=True)]
    curves.append({"what": "two processes against one, times faster", "x": curves[0]["x"], "y": faster})
    return {"curves": curves}


def _pretrain(shape: tuple[int, int, int], processes: int, quick: bool) -> tuple[int, float]:
    """(parameters, median seconds for 1,000 tokens) of a few updates."""
    from evals.checkpoints.checkpoint import open_checkpoint
    from evals.checkpoints.loading import load_olmo2
    from trainer.config.schema import ModelConfig, PretrainConfig
    from trainer.pretrain import pretrain
    from trainer.run.files import read_rows

    width, layers, heads = shape
    model = ModelConfig(
        hidden_size=width, intermediate_size=8 * width // 3, layers=layers, heads=heads, context=512
    )
    tokens = 256 if quick else TOKENS
    config = PretrainConfig(
        model=model, vocab_size=1024, tokens=STEPS * tokens, batch_tokens=tokens, checkpoints=()
    )
    with tempfile.TemporaryDirectory() as folder:
        last = pretrain(config, Path(folder) / "run", processes=processes, quiet=True)
        rows = list(read_rows(Path(folder) / "run" / "metrics.jsonl"))[1:]
        parameters = sum(w.numel() for w in load_olmo2(open_checkpoint(str(last))).parameters())
    return parameters, median(row["seconds"] for row in rows) / tokens * 1000


ROWS = {
    "passk-scipy": passk_parts,
    "passk-scorio": scorio_parts,
    "cost-expand": expand_curves,
    "cost-trainer": trainer_curves,
}

if __name__ == "__main__":
    print("RESULT " + json.dumps(ROWS[sys.argv[1]]("--quick" in sys.argv)))
