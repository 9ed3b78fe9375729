"""The in-process engine on a real language model beside `generate` of transformers: same threads, fp32.

    python tests/benchmarks/bench_decoding.py MODEL [--wide MODEL] [--problems FILE] [--only ROW …]

MODEL: a folder of a small real model (a Llama of 135M parameters, say); --wide: of one with a large
vocabulary, for the memory of prefill. --problems: a JSON-lines file with "question" (GSM8K's test set).
Every row prints seconds of both by turns, their ratio, and whether greedy ids are those of `generate`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("EXCURSIONS_DATA", Path(__file__).parents[3] / "shared" / "data"))
ROWS: dict[str, dict[str, Any]] = {
    "greedy": {"prompts": 30, "n": 1, "tokens": 128, "bar": 1.3, "sample": None},
    "n8": {"prompts": 10, "n": 8, "tokens": 128, "bar": 1.5, "sample": (1.0, 1.0)},
    "n32-top-p": {"prompts": 10, "n": 32, "tokens": 64, "bar": 2.0, "sample": (1.0, 0.95)},
}
MOST_MB = 1000  # of prefill at a wide vocabulary, above the weights


def questions(path: Path, count: int) -> list[str]:
    """The first questions of a file."""
    with path.open() as lines:
        return [json.loads(line)["question"] for line, _ in zip(lines, range(count), strict=False)]


def prompts_of(path: Path, count: int, shots: int = 0) -> list[str]:
    """Prompts of different lengths; with shots, worked examples before each."""
    asked = questions(path, count + shots)
    exemplar = "Question: {}\nAnswer: We add what is given, step by step, and find the number. #### 7\n\n"
    before = "".join(exemplar.format(q) for q in asked[count:])
    return [f"{before}Question: {q}\nAnswer:" for q in asked[:count]]


def ours(engine: Any, ids: list[tuple[int, ...]], row: dict[str, Any]) -> list[tuple[int, ...]]:
    """Token ids of every sample by the engine."""
    from evals.records import Request, SamplingOptions

    temperature, top_p = row["sample"] or (0.0, 1.0)
    options = SamplingOptions(temperature, top_p, 0, row["tokens"])
    requests = [Request(p, 1000 * i + j) for i, p in enumerate(ids) for j in range(row["n"])]
    return [s.token_ids or () for s in engine.sample(requests, options)]


def theirs(model: Any, ids: list[tuple[int, ...]], row: dict[str, Any], eos: Any) -> list[tuple[int, ...]]:
    """The same by `generate`, all prompts in one batch, padded on the left."""
    import torch

    longest = max(map(len, ids))
    padded = torch.tensor([[0] * (longest - len(p)) + list(p) for p in ids])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in ids])
    how: dict[str, Any] = {"do_sample": False}
    if row["sample"]:
        temperature, top_p = row["sample"]
        how = {"do_sample": True, "temperature": temperature, "top_p": top_p, "top_k": 0}
    out = model.generate(
        padded, attention_mask=mask, max_new_tokens=row["tokens"], num_return_sequences=row["n"],
        eos_token_id=eos, pad_token_id=0, **how,
    )  # fmt: skip
    return [tuple(r) for r in out[:, longest:].tolist()]


def same(left: list[tuple[int, ...]], right: list[tuple[int, ...]]) -> str:
    """How many rows are equal, padding aside."""
    equal = sum(a == b[: len(a)] for a, b in zip(left, right, strict=True))
    return f"{equal} of {len(left)} rows have the ids of generate"


def compare(model_path: str, problems: Path, name: str, repeats: int) -> bool:
    """One row, ours and theirs by turns; whether the bar is reached."""
    import torch
    from transformers import AutoModelForCausalLM

    from evals.engines import open_engine

    row = ROWS[name]
    engine: Any = open_engine(model_path, dtype="float32", rows=row["prompts"] * row["n"])
    model = AutoModelForCausalLM.from_pretrained(model_path, dtype=torch.float32).eval()
    eos = list(engine.eos_ids) if name == "greedy" else None
    if eos is None:  # all samples have the same length: speed alone is compared
        engine.eos_ids, model.generation_config.eos_token_id = (), None
    ids = [engine.encode(p) for p in prompts_of(problems, row["prompts"])]
    spent: dict[str, list[float]] = {"ours": [], "generate": []}
    for turn in range(repeats):
        parts = {"ours": lambda: ours(engine, ids, row), "generate": lambda: theirs(model, ids, row, eos)}
        found = {}
        for label in sorted(parts, reverse=turn % 2 == 1):
            began = time.process_time()
            found[label] = parts[label]()
            spent[label].append(time.process_time() - began)
    ratio = min(spent["generate"]) / min(spent["ours"])
    lengths = [len(p) for p in ids]
    print(
        f"{name}: {row['prompts']} prompts of {min(lengths)} to {max(lengths)} tokens, n = {row['n']}, "
        f"at most {row['tokens']} new: CPU seconds ours {[round(s, 1) for s in spent['ours']]}, generate "
        f"{[round(s, 1) for s in spent['generate']]}; {ratio:.2f} times as fast (bar {row['bar']})"
    )
    if not row["sample"]:
        print(f"  {same(found['ours'], found['generate'])}")
    else:
        print(f"  tokens: ours {sum(map(len, found['ours']))}, generate {sum(map(len, found['generate']))}")
    return ratio >= row["bar"]


def prefill(model_path: str, problems: Path) -> bool:
    """Peak memory above the weights of 16 prompts with 8 shots and their first tokens."""
    from evals.engines import open_engine

    engine: Any = open_engine(model_path, dtype="float32")
    ids = [engine.encode(p) for p in prompts_of(problems, 16, shots=8)]
    # by one token first: what any work of this process needs besides is not the prompts'
    ours(engine, [ids[0][:8]], {"n": 1, "tokens": 1, "sample": None})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.process_time()
    ours(engine, ids, {"n": 1, "tokens": 2, "sample": None})
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - before
    print(
        f"prefill: 16 prompts of {min(map(len, ids))} to {max(map(len, ids))} tokens, vocabulary "
        f"{engine.decoder.vocab_size:,}: {peak:,.0f} MB above the weights (bar {MOST_MB}), "
        f"{time.process_time() - began:.1f} CPU seconds"
    )
    return peak <= MOST_MB


def main() -> int:
    """Every row in a process of its own; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("--wide")
    parser.add_argument("--problems", type=Path, default=DATA / "gsm8k" / "test.jsonl")
    parser.add_argument("--only", nargs="+", choices=[*ROWS, "prefill"])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--part", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part == "prefill":
        return 0 if prefill(args.wide, args.problems) else 1
    if args.part:
        return 0 if compare(args.model, args.problems, args.part, args.repeats) else 1
    names = args.only or [*ROWS, *(["prefill"] if args.wide else [])]
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    command = [sys.executable, __file__, *sys.argv[1:], "--part"]
    return max(subprocess.run([*command, name], env=os.environ | threads).returncode for name in names)


if __name__ == "__main__":
    sys.exit(main())
