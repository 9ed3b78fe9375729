"""Rows of `bench.py` on waiting: `--help`, and the first result of each command, beside lm_eval.

Seconds of the clock, since that is what a user waits; processor seconds stand in the notes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[2]
COMMANDS = ("trainer", "evals", "probes", "reports")
REPEATS, OF_PEERS = 3, 2
ASKED = 8  # problems of a first result
TASK = """task: bench_first
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
test_split: test
output_type: generate_until
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_target: "{{answer}}"
generation_kwargs: {do_sample: false, max_gen_toks: 16, until: ["\\n\\n"]}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


def waited(commands: Sequence[Sequence[str]], repeats: int, folder: Path) -> tuple[list[float], str]:
    """Seconds of these commands one after the other, each time in a fresh folder; processor time as a note.

    RuntimeError with the last line of what a failing command says.
    """
    clock, processor = [], []
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    for repeat in range(repeats + 1):  # the first fills the caches of the disk
        place = folder / f"run-{repeat}"
        place.mkdir()
        began, before = time.perf_counter(), os.times()
        for command in commands:
            filled = [word.replace("PLACE", str(place)) for word in command]
            done = subprocess.run(filled, capture_output=True, text=True, cwd=ROOT, env=os.environ | offline)
            if done.returncode:
                raise RuntimeError((done.stderr.strip() or "it failed").splitlines()[-1][:160])
        after = os.times()
        clock.append(time.perf_counter() - began)
        processor.append(
            after.children_user + after.children_system - before.children_user - before.children_system
        )
    return clock[1:], f"{median(processor[1:]):.2f} s of processor"


def python_m(package: str, *words: str) -> list[str]:
    """A command of this project, as `python -m`."""
    return [sys.executable, "-m", package, *words]


def help_row(repeats: int) -> dict[str, Any]:
    """`--help` of each command beside lm_eval's."""
    parts = []
    for name in COMMANDS:
        parts.append(beside(f"{name} --help", [python_m(name, "--help")], None, repeats))
    theirs = timed_peer([python_m("lm_eval", "--help")], repeats)
    for part in parts:
        part["peers"] = {"lm_eval --help": theirs[0]}
        part["notes"]["lm_eval --help"] = theirs[1]
    return {"parts": parts}


def timed_peer(commands: list[list[str]], repeats: int) -> tuple[list[float] | str, str]:
    """Seconds and note, or why not."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return waited(commands, repeats, Path(folder))
        except RuntimeError as error:
            return f"it does not run: {error}", ""


def beside(
    what: str, ours: list[list[str]], peer: tuple[str, list[list[str]]] | None, repeats: int
) -> dict[str, Any]:
    """A measurement of our commands, and of a peer's."""
    mine, note = timed_peer(ours, repeats)
    part: dict[str, Any] = {"what": what, "unit": "s (clock)", "better": "less", "ours": mine}
    part |= {"notes": {"ours": note}, "peers": {}}
    if peer:
        part["peers"][peer[0]], part["notes"][peer[0]] = timed_peer(peer[1], min(repeats, OF_PEERS))
    return part


def prepare(folder: Path) -> dict[str, str]:
    """A small model, eight problems, a table of counts, a task of lm_eval, a file of responses."""
    from itertools import islice

    from evals.checkpoints.tokenizer import train_tokenizer
    from evals.problems import load_problems
    from evals.world import documents
    from trainer.config.schema import ModelConfig
    from trainer.models.checkpoint import Lineage, save_checkpoint
    from trainer.models.native import new_model

    names = ("model", "problems.jsonl", "counts.csv", "responses.jsonl")
    paths = {name: str(folder / name) for name in names}
    tokenizer = train_tokenizer(islice(documents(), 300), 400)
    shape = ModelConfig(hidden_size=64, intermediate_size=96, layers=2, heads=2, context=512)
    lineage = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {"template": "world", "shots": 0})
    save_checkpoint(folder / "model", new_model(shape, len(tokenizer), seed=0), tokenizer, lineage)
    problems = load_problems(f"world:test?count={ASKED}").problems
    rows = [{"question": p.question, "answer": p.answer} for p in problems]
    Path(paths["problems.jsonl"]).write_text("".join(json.dumps(r) + "\n" for r in rows))
    answered = [r | {"responses": [f"\\boxed{{{r['answer']}}}"] * 4} for r in rows]
    Path(paths["responses.jsonl"]).write_text("".join(json.dumps(r) + "\n" for r in answered))
    lines = [f"p{i},{c},32,{(i * 7 + (c == 'after')) % 33}" for c in ("before", "after") for i in range(200)]
    Path(paths["counts.csv"]).write_text("\n".join(["problem,checkpoint,n,c", *lines]) + "\n")
    (folder / "task.yaml").write_text(TASK % paths["problems.jsonl"])
    return paths


def first_row(repeats: int) -> dict[str, Any]:
    """From the start of a command to its result, on work so small that starting is most of it."""
    with tempfile.TemporaryDirectory() as made:
        at = prepare(Path(made))
        asked = ["--ckpt", at["model"], "--problems", at["problems.jsonl"], "--n", "1", "--temperature", "0"]
        sampled = python_m("evals", "sample", *asked, "--max-tokens", "16", "--quiet", "--out", "PLACE/store")
        graded = python_m("evals", "grade", "PLACE/store", "--quiet")
        harness = ["--model", "hf", "--model_args", f"pretrained={at['model']},dtype=float32"]
        harness += ["--tasks", "bench_first", "--include_path", made, "--device", "cpu"]
        parts = [
            beside(
                f"evals sample and grade, {ASKED} problems greedily",
                [sampled, graded],
                ("lm_eval", [python_m("lm_eval", *harness, "--output_path", "PLACE")]),
                repeats,
            ),
            beside("evals grade FILE", [python_m("evals", "grade", at["responses.jsonl"])], None, repeats),
            beside(
                "probes expand --counts, 200 problems",
                [python_m("probes", "expand", "--counts", at["counts.csv"], "--out", "PLACE/probe")],
                None,
                repeats,
            ),
            beside(
                "reports html of it",
                [
                    python_m("probes", "expand", "--counts", at["counts.csv"], "--out", "PLACE/probe"),
                    python_m("reports", "html", "PLACE/probe", "--out", "PLACE/page"),
                ],
                None,
                repeats,
            ),
            beside(
                "trainer sft, one step of one row",
                [
                    python_m("trainer", "sft", "--ckpt", at["model"], "--out", "PLACE/sft", "--quiet")
                    + [w for kv in ("limit=1", "epochs=1", "batch=1") for w in ("--set", kv)]
                ],
                None,
                repeats,
            ),
        ]
    return {"parts": parts}


if __name__ == "__main__":
    times = 1 if "--quick" in sys.argv else REPEATS
    print("RESULT " + json.dumps(help_row(times) if sys.argv[1] == "help" else first_row(times)))
