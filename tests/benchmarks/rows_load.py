"""Rows of `bench.py` on opening a checkpoint, from finding it to weights in memory, beside `from_pretrained`.

Both in fresh processes by turns, the file in the page cache, one thread, until every weight has been read
once: transformers maps the file, and reads it when the weights are used.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from rows_real import SHAPE, TOY, tokenizer_of_size
from trainer_peers import peak_mb

TURNS = {"load-540mb": 3, "load-2gb": 2}
LARGER = {"hidden_size": 1536, "intermediate_size": 4096, "num_hidden_layers": 16}
LARGER |= {"num_attention_heads": 24, "num_key_value_heads": 8}
SETTLED = 11.0  # seconds
SIZES: dict[str, dict[str, int]] = {"load-540mb": {}, "load-2gb": LARGER}


def opened(side: str, path: str) -> dict[str, float]:
    """In a process of its own: seconds and memory of one side, the imports apart."""
    import torch
    from transformers.models.auto.modeling_auto import AutoModelForCausalLM

    torch.set_num_threads(1)
    from evals.checkpoints.checkpoint import open_checkpoint
    from evals.checkpoints.loading import load_causal

    cpu, clock = time.process_time(), time.perf_counter()
    if side == "theirs":
        model: Any = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    else:
        found = open_checkpoint(path)
        fingerprint = time.perf_counter() - clock
        model = load_causal(found, torch.float32)
    with torch.no_grad():
        for weight in model.parameters():
            weight.sum()
    took = {"clock": time.perf_counter() - clock, "cpu": time.process_time() - cpu}
    took |= {"process": time.perf_counter() - START, "memory": peak_mb()}
    return took | ({"fingerprint": fingerprint} if side != "theirs" else {})


def row(name: str, quick: bool) -> dict[str, Any]:
    """A random checkpoint of the size, opened by turns."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    found: dict[str, list[dict[str, float]]] = {"again": [], "first": [], "theirs": []}
    with tempfile.TemporaryDirectory() as path, tempfile.TemporaryDirectory() as kept:
        torch.manual_seed(0)
        model = LlamaForCausalLM(LlamaConfig(**SHAPE | SIZES[name] | (TOY if quick else {})))
        model.save_pretrained(path)
        tokenizer_of_size(model.config.vocab_size).save_pretrained(path)
        size = sum(f.stat().st_size for f in Path(path).glob("*.safetensors")) / 1e9
        del model
        time.sleep(SETTLED)  # a file that has just changed is hashed again
        _side("again", path, kept)  # keeps the hashes
        for turn in range(1 if quick else TURNS[name]):
            for side in sorted(found, reverse=turn % 2 == 1):
                found[side].append(_side(side, path, kept))
    return {"parts": [part for often in ("first", "again") for part in _parts(found, often, size)]}


def _side(side: str, path: str, kept: str) -> dict[str, float]:
    """One side in a process of its own; kept: folder of the hashes that are made once."""
    command = [sys.executable, __file__, "--side", side, path]
    env = os.environ | {"EXCURSIONS_CACHE": kept if side == "again" else "off"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _parts(found: dict[str, list[dict[str, float]]], often: str, size: float) -> list[dict[str, Any]]:
    """The rows of a first opening, or of one of which the hashes are known."""
    said_often = "for the first time" if often == "first" else "again"
    what = f"opening a checkpoint of {size:.2g} GB {said_often}, fingerprints included"
    kinds = (("process", "the whole process", "s (clock)"), ("clock", "without imports", "s (clock)"))
    parts = [
        {
            "what": f"{what}: {said}",
            "unit": unit,
            "better": "less",
            "ours": [f[kind] for f in found[often]],
            "peers": {"from_pretrained alone": [f[kind] for f in found["theirs"]]},
        }
        for kind, said, unit in (*kinds, ("memory", "peak memory", "MB"))
    ]
    hashed, cpu = (median(f[kind] for f in found[often]) for kind in ("fingerprint", "cpu"))
    parts[1]["notes"] = {
        "ours": f"{hashed:.2f} s of it fingerprints, {cpu:.2f} s of processor in all",
        "from_pretrained alone": f"{median(f['cpu'] for f in found['theirs']):.2f} s of processor",
    }
    return parts


START = time.perf_counter()

if __name__ == "__main__":
    if sys.argv[1] == "--side":
        print(json.dumps(opened(*sys.argv[2:])))
    else:
        print("RESULT " + json.dumps(row(sys.argv[1], "--quick" in sys.argv)))
