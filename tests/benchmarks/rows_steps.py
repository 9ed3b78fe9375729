"""Rows of `bench.py` on sampling and training steps: the parts of bench_trainer, at several sizes."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import bench_trainer
import numpy as np
from bench_table import peer_python, version
from trainer_peers import tell

HERE = Path(__file__).parent
REPEATS = 2
SMALL = "OLMo2 of 5.9M, our fast path"
# rows, in groups of, whether lengths vary
SHAPES = (64, 1, False), (64, 8, False), (256, 8, True), (256, 8, False), (256, 32, False)
ROUNDS = {"pretrain-step": 3, "sft-step": 2}  # short steps: ours and theirs by turns, the median of each turn
TOY = {"LENGTH": 6, "PROMPTS": 4, "N": 2, "RESPONSE": 6, "BLOCKS": 2, "WIDTH": 32}
TOY |= {"DEMONSTRATIONS": 4}
STEPS = {
    "pretrain-step": ("pretrain_ours", {"transformers Trainer": "pretrain_transformers"}),
    "sft-step": ("sft_ours", {"TRL SFTTrainer": "sft_trl"}),
    "grpo-step": ("grpo_ours", {"TRL GRPOTrainer": "grpo_trl"}),
    "grpo-varied": ("grpo_ours", {"TRL GRPOTrainer": "grpo_trl"}),
}
WHAT = {
    "pretrain-step": "pre-training step, 16 blocks of 256",
    "sft-step": "SFT step, 32 demonstrations (response tokens)",
    "grpo-step": "GRPO step, 8 prompts × 8, all responses of 64 (response tokens)",
    "grpo-varied": "GRPO step, 8 prompts × 8, lengths vary (response tokens)",
}
SAMPLERS = {"transformers generate": "sampler_transformers", "vLLM": "sampler_vllm"}


def python_of(peer: str) -> str:
    """The interpreter of a peer's function in trainer_peers."""
    kind = peer.rpartition("_")[2]
    return sys.executable if kind == "transformers" else peer_python(kind)


def row(name: str, quick: bool) -> dict[str, Any]:
    """Tokens per second of processor, ours beside the peers, each in a process of its own."""
    vars(bench_trainer).update(TOY if quick else {})
    with tempfile.TemporaryDirectory() as made:
        folder, times = Path(made), 1 if quick else REPEATS
        if name == "sampling":
            runs = [sampler_run(*shape, times, quick) for shape in SHAPES]
            bench_trainer.prepare(folder, {"runs": runs})
            return beside(folder, [_called(*shape) for shape in SHAPES], "sampler_ours", SAMPLERS, {})
        stops = bench_trainer.STOPS if name == "grpo-varied" else 0.0
        bench_trainer.prepare(folder, bench_trainer.steps_work(times), stops)
        rounds = 1 if quick else ROUNDS.get(name, 1)
        return beside(folder, [f"{SMALL}: {WHAT[name]}"], *STEPS[name], TOY if quick else {}, rounds)


def sampler_run(rows: int, group: int, varied: bool, times: int, quick: bool) -> dict[str, Any]:
    """The work of one shape: random prompts, and the ids that end a response where lengths vary."""
    rows, group = (8, 2) if quick else (rows, group)
    prompts = np.random.default_rng(0).integers(45, 400, (rows // group, 40)).tolist()
    ends = bench_trainer.ENDS if varied else []
    return {
        "prompts": prompts,
        "group": group,
        "length": bench_trainer.LENGTH,
        "ends": ends,
        "times": times,
    }


def _called(rows: int, group: int, varied: bool) -> str:
    return f"{SMALL}: sampling, {rows} rows in groups of {group}" + (", lengths vary" if varied else "")


def beside(
    folder: Path, whats: list[str], ours: str, peers: dict[str, str], sizes: dict[str, int], rounds: int = 1
) -> dict[str, Any]:
    """One of our parts beside peers on the work in a folder, each in a process of its own.

    whats: what each run of the part is. Where a run keeps the ids of its rows (`greedy`), it is said how many
    peers have the same.
    """
    commands = {"ours": [sys.executable, __file__, "--part", ours, str(folder), json.dumps(sizes)]}
    commands |= {
        label: [python_of(peer), str(HERE / "trainer_peers.py"), peer, str(folder)]
        for label, peer in peers.items()
    }
    found = by_turns(commands, rounds)
    if "failed" in found["ours"]:
        return {"failed": found["ours"]["failed"]}
    which = {label: version(python_of(p), label.split()[0].lower()) for label, p in peers.items()}
    work = json.loads((folder / "work.json").read_text())
    greedy = [bool(run.get("greedy")) for run in work.get("runs", [{}])]
    return {"parts": [_part(i, what, found, which, greedy[i]) for i, what in enumerate(whats)]}


def _part(
    place: int, what: str, found: dict[str, dict[str, Any]], which: dict[str, str], greedy: bool
) -> dict[str, Any]:
    """The run at this place, of all sides."""
    mine = found["ours"]["runs"][place]
    notes, peers = {"ours": f"{mine['peak']:,.0f} MB at most"}, {}
    for label, side in found.items():
        if label == "ours" or "failed" in side:
            peers |= {} if label == "ours" else {label: side["failed"]}
            continue
        run = side["runs"][place]
        peers[label] = run["rates"]
        notes[label] = f"{run['peak']:,.0f} MB at most, {which[label]}"
        if greedy:
            equal = sum(a == b for a, b in zip(mine["rows"], run["rows"], strict=True))
            notes[label] += f", {equal} of {len(mine['rows'])} rows have our ids"
    part = {"what": what, "unit": "tokens/s", "better": "more", "ours": mine["rates"]}
    return part | {"peers": peers, "notes": notes}


def by_turns(commands: dict[str, list[str]], rounds: int) -> dict[str, dict[str, Any]]:
    """What each command prints; of several rounds the median rate of each, and the highest peak.

    A command that failed is not started again.
    """
    found: dict[str, list[dict[str, Any]]] = {label: [] for label in commands}
    for _ in range(rounds):
        for label, command in commands.items():
            if not any("failed" in f for f in found[label]):
                found[label].append(bench_trainer.measured(command))
    if rounds == 1:
        return {label: f[0] for label, f in found.items()}
    return {
        label: next((x for x in f if "failed" in x), None)
        or {"runs": [_median(runs) for runs in zip(*(x["runs"] for x in f), strict=True)]}
        for label, f in found.items()
    }


def _median(runs: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    return {"rates": [median(run["rates"]) for run in runs], "peak": max(run["peak"] for run in runs)}


def part() -> None:
    """`--part FUNCTION FOLDER SIZES`: one of our parts in this process."""
    from trainer.distributed.launch import on_cpu

    on_cpu(1)
    vars(bench_trainer).update(json.loads(sys.argv[4]))
    folder = Path(sys.argv[3])
    tell(getattr(bench_trainer, sys.argv[2])(folder, json.loads((folder / "work.json").read_text())))


if __name__ == "__main__":
    if sys.argv[1] == "--part":
        part()
    else:
        print("RESULT " + json.dumps(row(sys.argv[1], "--quick" in sys.argv)))
