"""The `small` preset on a GPU, against the card's own rates: one command a figure.

    python tests/benchmarks/gpu_small.py rates | pretrain | sft | rl | rl-vllm | sampler | sampler-135m
        | excursion | all | page  [--work FOLDER] [--out FOLDER] [--toy]

`rates`: bf16 matrix products and copies, the limits. `pretrain`, `sft`, `rl`: steps of the preset, tokens per
second, and their arithmetic as a fraction of the matrix rate; `rl-vllm`: with vLLM's rollouts. `sampler`: the
torch engine (it has no CUDA graphs), vLLM without them, vLLM with them; as fraction of what reading the
weights once per token of the longest row allows; `sampler-135m`: on the model of REAL_MODEL, or on a random
one of 135M. `excursion`: pre-training on the preset's 400M tokens, RL from its first kept checkpoint, samples
of both, the verdict. `all`: everything but sft and excursion, within ten minutes. Each figure is kept in
FOLDER/gpu/NAME.json with its command, card and versions; `page` writes FOLDER/gpu/README.md, where what is
not there says "not measured". --toy: sizes for one CPU core.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from math import prod
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from bench_table import environment
from gpu_page import PARTS, page

HERE = Path(__file__).parent
SKIPPED = 3  # first steps of a run, which compile and fill caches
ALL = ("rates", "pretrain", "sampler", "sampler-135m", "rl", "rl-vllm")
MINUTES = 9.5  # of `all`
TOY = {
    "pretrain": "model.hidden_size=32 model.intermediate_size=64 model.layers=2 model.heads=2 vocab_size=400 "
    "compute.precision='float32' tokens=12000 batch_tokens=2048 checkpoints=[6000]",
    "sft": "compute.precision='float32' limit=16 batch=4 epochs=2",
    "rl": "compute.precision='float32' limit=16 prompts=4 minibatch=2 n=2 max_tokens=8",
}


def device() -> tuple[Any, str]:
    """(torch, "cuda" or "cpu")."""
    import torch

    return torch, "cuda" if torch.cuda.is_available() else "cpu"


def per_second(work: Callable[[], object], repeats: int) -> float:
    """Runs per second, the card waited for."""
    torch, where = device()
    wait = torch.cuda.synchronize if where == "cuda" else lambda: None
    work()
    wait()
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    wait()
    return repeats / (time.perf_counter() - began)


def rates(work: Path, toy: bool) -> dict[str, Any]:
    """FLOP/s of a bf16 matrix product, and bytes per second (read and written) of a copy."""
    torch, where = device()
    side, length, repeats = (128, 1 << 16, 2) if toy else (8192, 1 << 30, 50)
    a, b = (torch.randn(side, side, device=where, dtype=torch.bfloat16) for _ in range(2))
    x = torch.zeros(length, device=where, dtype=torch.bfloat16)
    y = torch.empty_like(x)
    return {
        "matmul_flops": 2 * side**3 * per_second(lambda: torch.mm(a, b), repeats),
        "copy_bytes": 2 * x.numel() * x.element_size() * per_second(lambda: y.copy_(x), repeats),
    }


def trainer(recipe: str, work: Path, toy: bool, *sets: str, ckpt: Path | None = None) -> tuple[Path, str]:
    """Run a recipe of the preset into work/RECIPE; returns its folder and the command."""
    out = work / recipe
    command = [sys.executable, "-m", "trainer", recipe, "--preset", "small", "--out", str(out), "--quiet"]
    command += ["--ckpt", str(ckpt)] if ckpt else []
    for one in [*sets, *(TOY[recipe].split() if toy else ())]:
        command += ["--set", one]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return out, shlex.join(["python", *command[1:]])


def steps(folder: Path) -> dict[str, Any]:
    """Median seconds, tokens and arithmetic of the steps of a run, the first left out."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    pairs = list(pairwise(rows))
    kept = pairs[min(SKIPPED, len(pairs) - 1) :]
    summed = "loss" in rows[0] and rows[-1]["tokens"] > rows[0]["tokens"] and "reward" not in rows[0]
    tokens = [b["tokens"] - a["tokens"] if summed else b["tokens"] for a, b in kept]
    return {
        "steps": len(kept),
        "seconds": median(b["seconds"] for _, b in kept),
        "tokens_per_s": median(t / b["seconds"] for t, (_, b) in zip(tokens, kept, strict=True)),
        "flops_per_s": median((b["flops"] - a["flops"]) / b["seconds"] for a, b in kept),
    }


def base(work: Path, toy: bool) -> Path:
    """The checkpoint that everything but pre-training starts from: made where it is not there."""
    if not (work / "pretrain" / "DONE").is_file():
        trainer("pretrain", work, toy, *([] if toy else ["tokens=20_000_000", "checkpoints=[10_000_000]"]))
    return max((work / "pretrain").glob("step-*"))


def training(recipe: str, rollouts: str = "") -> Callable[[Path, bool], dict[str, Any]]:
    """The measurement of a recipe's steps; rollouts: their engine, where it is not the trainer's own."""

    def measured(work: Path, toy: bool) -> dict[str, Any]:
        if recipe == "pretrain":
            sets = [] if toy else ["tokens=20_000_000", "checkpoints=[10_000_000]"]
            folder, command = trainer(recipe, work, toy, *sets)
        else:
            few = "steps=4" if recipe == "rl" and toy else "steps=20" if recipe == "rl" else "epochs=1"
            place = work / "with" / rollouts if rollouts else work
            sets = [few, *([f"engine={rollouts}"] if rollouts else [])]
            folder, command = trainer(recipe, place, toy, *sets, ckpt=base(work, toy))
        return {"command": command} | steps(folder)

    return measured


def sampler(work: Path, toy: bool) -> dict[str, Any]:
    """Each engine on the preset's model."""
    return engines(base(work, toy), toy)


def sampler_135m(work: Path, toy: bool) -> dict[str, Any]:
    """Each engine on a real model of 135M parameters, or a random one of its shape."""
    from rows_real import real_model

    with tempfile.TemporaryDirectory() as folder:
        what = real_model(Path(folder), toy)
        return {"model": what} | engines(Path(folder) / "model", toy)


def engines(path: Path, toy: bool) -> dict[str, Any]:
    """Tokens per second of each engine on the same requests, each in a process of its own."""
    found: dict[str, Any] = {}
    for name in ("torch", "vllm, no graphs", "vllm, CUDA graphs"):
        command = [
            sys.executable,
            str(Path(__file__)),
            "--engine",
            name,
            str(path),
            *(["--toy"] if toy else []),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        lines = [x for x in done.stdout.splitlines() if x.startswith("RESULT ")]
        said = (done.stderr.strip() or "no output").splitlines()[-1][:200]
        found[name] = json.loads(lines[-1].removeprefix("RESULT ")) if lines else f"not measured: {said}"
    return {"engines": found}


def engine(name: str, path: str, toy: bool) -> dict[str, Any]:
    """In a process of its own: one engine on 64 prompts × 16 samples of at most 256 tokens."""
    from evals.asking.prompts import render
    from evals.checkpoints.checkpoint import open_checkpoint
    from evals.core.keys import derive_seed
    from evals.engines import open_engine
    from evals.problems import load_problems
    from evals.records import Request, SamplingOptions

    kind = name.partition(",")[0]
    if kind == "vllm":
        import vllm

        made = vllm.LLM
        eager = name.endswith("no graphs")
        vllm.LLM = lambda **how: made(**{**how, "enforce_eager": eager})
    opened = open_engine(open_checkpoint(path), engine=kind, rows=8 if toy else 1024)
    prompts, group, length = (2, 2, 6) if toy else (64, 16, 256)
    problems = load_problems(f"world:test?count={prompts}").problems
    ids = [opened.encode(render(p, "world", 0)) for p in problems]
    requests = [Request(p, derive_seed(g, i)) for g, p in enumerate(ids) for i in range(group)]
    spent, drawn = [], []
    for _ in range(2 if toy else 4):
        began = time.perf_counter()
        samples = opened.sample(requests, SamplingOptions(1.0, 1.0, 0, length))
        spent.append(time.perf_counter() - began)
        drawn.append((sum(map(tokens, samples)), max(map(tokens, samples))))
    weights = 2 * numbers(Path(path))  # read in bf16
    best = [(t / s, longest * weights / s) for s, (t, longest) in zip(spent[1:], drawn[1:], strict=True)]
    return {"tokens_per_s": median(b[0] for b in best), "weight_bytes_per_s": median(b[1] for b in best)}


def numbers(path: Path) -> int:
    """How many numbers the tensors of a checkpoint hold."""
    from safetensors import safe_open

    total = 0
    for file in path.glob("*.safetensors"):
        with safe_open(file, "pt") as held:
            total += sum(prod(held.get_slice(name).get_shape()) for name in held.keys())  # noqa: SIM118
    return total


def tokens(sample: Any) -> int:
    """Tokens of a sample."""
    return len(sample.token_ids or ())


def excursion(work: Path, toy: bool) -> dict[str, Any]:
    """Pre-training, RL from its first kept checkpoint, samples of both, the verdict."""
    place, began = work / "excursion", time.monotonic()
    place.mkdir(parents=True, exist_ok=True)
    first, pretrained = trainer("pretrain", place, toy)
    start = min(first.glob("step-*"))
    few = ["steps=3"] if toy else []
    last, trained = trainer("rl", place, toy, *few, ckpt=start)
    end = max(last.glob("step-*"))
    sizes = ("8", "4", "8", "2") if toy else ("500", "64", "256", "32")
    count, n, length, k = sizes
    probe = ["probes", "expand", "--ckpt", str(start), "--ckpt", str(end), "--n", n, "--k", k]
    probe += ["--problems", f"world:test?count={count}", "--temperature", "1", "--top-p", "1"]
    probe += ["--max-tokens", length, "--out", str(place / "probe"), "--quiet"]
    subprocess.run([sys.executable, "-m", *probe], check=True, stdout=subprocess.DEVNULL)
    finding = json.loads((place / "probe" / "findings.json").read_text())
    finding = finding["findings"][-1] if "findings" in finding else finding
    verdict = finding["comparisons"][0]["verdict"]
    commands = [pretrained, trained, shlex.join(["python", "-m", *probe])]
    minutes = (time.monotonic() - began) / 60
    return {
        "commands": commands,
        "minutes": minutes,
        "outcome": verdict["outcome"],
        "verdict": verdict["sentence"],
    }


RUN = {"rates": rates, "sampler": sampler, "sampler-135m": sampler_135m, "excursion": excursion}
RUN |= {recipe: training(recipe) for recipe in ("pretrain", "sft", "rl")} | {
    "rl-vllm": training("rl", "vllm")
}


def everything(given: argparse.Namespace) -> None:
    """The parts of ALL, each in a process of its own, until the time is up."""
    until = time.monotonic() + 60 * MINUTES
    for part in ALL:
        command = [sys.executable, __file__, part, "--work", str(given.work), "--out", str(given.out)]
        try:
            subprocess.run(
                [*command, *(["--toy"] if given.toy else [])], timeout=max(1, until - time.monotonic())
            )
        except subprocess.TimeoutExpired:
            print(f"{part}: no time was left", file=sys.stderr)


def main() -> None:
    """Measure one part and keep it, or write the page."""
    from evals.core.files import write_file, write_json

    if sys.argv[1:2] == ["--engine"]:
        print("RESULT " + json.dumps(engine(sys.argv[2], sys.argv[3], "--toy" in sys.argv)))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=[*PARTS, "all", "page"])
    parser.add_argument("--work", type=Path, default=Path("runs/gpu"))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    parser.add_argument("--toy", action="store_true")
    given = parser.parse_args()
    folder = given.out / "gpu"
    if given.part == "all":
        everything(given)
    elif given.part != "page":
        torch, where = device()
        if where == "cpu" and not given.toy:
            sys.exit("no CUDA GPU is at hand: not measured (--toy tries the command on the CPU)")
        card = torch.cuda.get_device_name() if where == "cuda" else environment()["processor"]
        got = RUN[given.part](given.work / ("toy" if given.toy else "small"), given.toy)
        about = {"card": card, "toy": given.toy, "versions": environment()["versions"], "figures": got}
        write_json(folder / f"{given.part}.json", about)
    text = page(folder)
    write_file(folder / "README.md", text)
    print(text)


if __name__ == "__main__":
    main()
