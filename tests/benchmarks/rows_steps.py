"""Rows of `bench.py` on sampling and training steps: the parts of bench_trainer, at several sizes."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import bench_trainer
from bench_table import peer_python, version
from trainer_peers import tell

HERE = Path(__file__).parent
REPEATS = 2
ROUNDS = {"pretrain-step": 3, "sft-step": 3}  # short steps: ours and theirs by turns, the median of each turn
TOY = {"ROWS": 8, "GROUP": 2, "LENGTH": 6, "PROMPTS": 4, "N": 2, "RESPONSE": 6, "BLOCKS": 2, "WIDTH": 32}
TOY |= {"DEMONSTRATIONS": 4}
STEPS = {
    "pretrain-step": ("pretrain_ours", {"transformers Trainer": "pretrain_transformers"}),
    "sft-step": ("sft_ours", {"TRL SFTTrainer": "sft_trl"}),
    "grpo-step": ("grpo_ours", {"TRL GRPOTrainer": "grpo_trl"}),
    "grpo-varied": ("grpo_ours", {"TRL GRPOTrainer": "grpo_trl"}),
}
SAMPLERS = {"transformers generate": "sampler_transformers", "vLLM": "sampler_vllm"}


def python_of(peer: str) -> str:
    """The interpreter of a peer's function in trainer_peers."""
    kind = peer.rpartition("_")[2]
    return sys.executable if kind == "transformers" else peer_python(kind)


def row(name: str, quick: bool) -> dict[str, Any]:
    """Tokens per second of processor, ours beside the peers, each in a process of its own."""
    sizes: dict[str, int] = {}
    if shape := re.fullmatch(r"sampler-(\d+)x(\d+)", name):
        sizes = {"ROWS": int(shape[1]), "GROUP": int(shape[2])}
    sizes |= TOY if quick else {}
    vars(bench_trainer).update(sizes)
    ours, peers = STEPS.get(name, ("sampler_ours", SAMPLERS))
    ends = bench_trainer.ENDS if name == "sampler-varied" else []
    what = {
        "sampler-varied": "sampling, 256 rows in groups of 8, lengths vary",
        "pretrain-step": "pre-training step, 16 blocks of 256",
        "sft-step": "SFT step, 32 demonstrations (response tokens)",
        "grpo-step": "GRPO step, 8 prompts × 8, all responses of 64 (response tokens)",
        "grpo-varied": "GRPO step, 8 prompts × 8, lengths vary (response tokens)",
    }.get(name) or f"sampling, {sizes['ROWS']} rows in groups of {sizes['GROUP']}"
    with tempfile.TemporaryDirectory() as folder:
        stops = bench_trainer.STOPS if name == "grpo-varied" else 0.0
        bench_trainer.prepare(Path(folder), ends, 1 if quick else REPEATS, stops)
        rounds = 1 if quick else ROUNDS.get(name, 1)
        return beside(Path(folder), f"OLMo2 of 5.9M, our fast path: {what}", ours, peers, sizes, rounds)


def beside(
    folder: Path, what: str, ours: str, peers: dict[str, str], sizes: dict[str, int], rounds: int = 1
) -> dict[str, Any]:
    """One of our parts beside peers on the work in a folder, each in a process of its own.

    Where a part keeps the ids of its rows (`greedy` in work.json), it is said how many peers have the same.
    """
    commands = {"ours": [sys.executable, __file__, "--part", ours, str(folder), json.dumps(sizes)]}
    commands |= {
        label: [python_of(peer), str(HERE / "trainer_peers.py"), peer, str(folder)]
        for label, peer in peers.items()
    }
    theirs = by_turns(commands, rounds)
    mine = theirs.pop("ours")
    if "failed" in mine:
        return {"failed": mine["failed"]}
    greedy = json.loads((folder / "work.json").read_text()).get("greedy")
    notes = {"ours": f"{mine['peak']:,.0f} MB at most"}
    for label, found in theirs.items():
        if "failed" not in found:
            which = version(python_of(peers[label]), label.split()[0].lower())
            notes[label] = f"{found['peak']:,.0f} MB at most, {which}"
            if greedy:
                equal = sum(a == b for a, b in zip(mine["rows"], found["rows"], strict=True))
                notes[label] += f", {equal} of {len(mine['rows'])} rows have our ids"
    part = {
        "what": what,
        "unit": "tokens/s",
        "better": "more",
        "ours": mine["rates"],
        "peers": {label: found.get("failed") or found["rates"] for label, found in theirs.items()},
        "notes": notes,
    }
    return {"parts": [part]}


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
        or {"rates": [median(x["rates"]) for x in f], "peak": max(x["peak"] for x in f)}
        for label, f in found.items()
    }


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
