"""Sampler, GRPO step and pre-training step against transformers and TRL, one core, one run.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_trainer.py [sampler] [pretrain] [grpo]

`grpo` needs TRL beside the project's packages. Every part runs in a process of its own with one thread:
peak memory is its own, and rates are tokens per second of processor time, whatever else the machine
does. The model: 6 layers of width 256, 5.9M parameters, random weights.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

ROWS, GROUP, LENGTH = 256, 8, 96  # of the sampler
PROMPTS, N, RESPONSE = 16, 8, 64  # of a GRPO step
BLOCKS, WIDTH = 16, 256  # of a pre-training step


def checkpoint(folder: Path) -> Path:
    """The model under test, once."""
    from evals.tokenizer import train_tokenizer
    from evals.world import documents
    from trainer.checkpoint import Lineage, new_model, save_checkpoint
    from trainer.config import ModelConfig

    path = folder / "model"
    if not path.is_dir():
        shape = ModelConfig(hidden_size=256, intermediate_size=704, layers=6, heads=8, context=512)
        tokenizer = train_tokenizer(islice(documents(), 300), 400)
        lineage = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {"template": "world", "shots": 0})
        save_checkpoint(path, new_model(shape, 2048, 0), tokenizer, lineage)
    return path


def timed(task: Callable[[], float], times: int) -> list[float]:
    """Units per second of processor time of each run after a first, unmeasured one."""
    task()
    rates = []
    for _ in range(times):
        began = time.process_time()
        units = task()
        rates.append(units / (time.process_time() - began))
    return rates


def prompts() -> list[list[int]]:
    """One prompt of 40 tokens per group."""
    import numpy as np

    return np.random.default_rng(0).integers(2, 400, (ROWS // GROUP, 40)).tolist()


def sampler_ours(folder: Path) -> list[float]:
    from evals.engines import open_engine
    from evals.records import Request, SamplingOptions, derive_seed

    engine = open_engine(str(checkpoint(folder)), rows=ROWS)
    engine.eos_ids = ()  # all rows run to the end in both
    requests = [Request(tuple(p), derive_seed(g, i)) for g, p in enumerate(prompts()) for i in range(GROUP)]
    options = SamplingOptions(1.0, 1.0, 0, LENGTH)
    return timed(lambda: sum(len(s.token_ids or ()) for s in engine.sample(requests, options)), 1)


def sampler_transformers(folder: Path) -> list[float]:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(checkpoint(folder)).eval()
    ids = torch.tensor([p for p in prompts() for _ in range(GROUP)])
    how = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0}
    how |= {"max_new_tokens": LENGTH, "min_new_tokens": LENGTH, "attention_mask": torch.ones_like(ids)}
    return timed(lambda: (model.generate(ids, **how).shape[1] - 40) * ROWS, 1)


def blocks() -> list[list[int]]:
    """Full blocks, as transformers packs them: no padding on either side."""
    import numpy as np

    return np.random.default_rng(0).integers(2, 400, (BLOCKS, WIDTH)).tolist()


def pretrain_ours(folder: Path) -> list[float]:
    from evals.checkpoints import open_checkpoint
    from trainer.checkpoint import load_parent
    from trainer.config import OptimizerConfig
    from trainer.loss import add_gradient
    from trainer.optimizer import adamw, clip

    model, _ = load_parent(open_checkpoint(str(checkpoint(folder))))
    optimizer = adamw(model, OptimizerConfig(lr=1e-4))
    data = blocks()

    def step() -> float:
        model.zero_grad(set_to_none=True)
        add_gradient(model, data, [WIDTH - 1] * BLOCKS, 1024)
        clip(model, 1.0)
        optimizer.step()
        return BLOCKS * WIDTH

    return timed(step, 4)


def pretrain_transformers(folder: Path) -> list[float]:
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    moments: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_args: object, **_kwargs: object) -> None:
            moments.append(time.process_time())

    model = AutoModelForCausalLM.from_pretrained(checkpoint(folder))
    data = [{"input_ids": b, "labels": b} for b in blocks()] * 8
    args = TrainingArguments(
        str(folder / "hf"),
        per_device_train_batch_size=BLOCKS,
        max_steps=5,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        use_cpu=True,
        disable_tqdm=True,
    )
    Trainer(model, args, train_dataset=data, callbacks=[Clock()]).train()
    return [BLOCKS * WIDTH / (b - a) for a, b in pairwise(moments)]


def grpo_ours(folder: Path) -> list[float]:
    from types import SimpleNamespace

    from trainer import run
    from trainer.config import OptimizerConfig, RLConfig
    from trainer.files import read_rows
    from trainer.rl import rl

    vars(run)["time"] = SimpleNamespace(perf_counter=time.process_time, monotonic=time.monotonic)

    config = RLConfig(
        optimizer=OptimizerConfig(lr=1e-6),
        steps=3,
        prompts=PROMPTS,
        minibatch=PROMPTS,
        n=N,
        max_tokens=RESPONSE,
        limit=64,
        kl=0.0,
    )
    with tempfile.TemporaryDirectory() as out:
        rl(str(checkpoint(folder)), config, Path(out) / "run", quiet=True)
        rows = list(read_rows(Path(out) / "run" / "metrics.jsonl"))
    return [row["tokens"] / row["seconds"] for row in rows[1:]]


def grpo_trl(folder: Path) -> list[float]:
    from datasets import Dataset
    from transformers import AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from evals.problems import load_problems
    from evals.prompts import render
    from evals.verify import grade

    found = load_problems("world:train?levels=1,2,3&count=64").problems
    data = Dataset.from_list([{"prompt": render(p, "world", 0), "gold": p.answer} for p in found])
    moments: list[float] = []
    tokens: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_args: object, **_kwargs: object) -> None:
            moments.append(time.process_time())

    def reward(completions: list[str], gold: list[str], completion_ids: list[list[int]], **_: object):
        tokens.append(sum(map(len, completion_ids)))
        return [float(grade(g, c, mode="reward").correct) for g, c in zip(gold, completions, strict=True)]

    args = GRPOConfig(
        output_dir=str(folder / "trl"),
        per_device_train_batch_size=PROMPTS * N,
        num_generations=N,
        max_completion_length=RESPONSE,
        temperature=1.0,
        beta=0.0,
        max_steps=3,
        learning_rate=1e-6,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
    )
    path = str(checkpoint(folder))
    tokenizer = AutoTokenizer.from_pretrained(path)
    trainer = GRPOTrainer(path, reward, args, train_dataset=data, processing_class=tokenizer)
    trainer.add_callback(Clock())
    trainer.train()
    spans = zip(tokens[1:], moments, moments[1:], strict=False)
    return [t / (b - a) for t, a, b in spans]


PARTS = {
    "sampler": (sampler_ours, sampler_transformers, 3.0),
    "pretrain": (pretrain_ours, pretrain_transformers, 1.3),
    "grpo": (grpo_ours, grpo_trl, 3.0),
}


def main() -> None:
    """Run what was asked for; with two names, one part in this process."""
    if sys.argv[1:2] == ["--part"]:
        import torch

        torch.set_num_threads(1)
        rates = globals()[sys.argv[2]](Path(sys.argv[3]))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print("RESULT " + json.dumps({"rates": rates, "peak": peak}))
        return
    with tempfile.TemporaryDirectory() as folder:
        checkpoint(Path(folder))
        for name in sys.argv[1:] or list(PARTS):
            ours, theirs, bar = PARTS[name]
            results = [_measured(part, folder) for part in (ours, theirs)]
            (a, peak_a), (b, peak_b) = results
            print(
                f"{name}: ours {a:,.0f} tokens/s, {theirs.__name__} {b:,.0f}, ratio {a / b:.2f} (bar {bar}); "
                f"peak memory {peak_a:,.0f} MB against {peak_b:,.0f} MB",
                flush=True,
            )


def _measured(part: Callable[[Path], list[float]], folder: str) -> tuple[float, float]:
    command = [sys.executable, __file__, "--part", part.__name__, folder]
    output = subprocess.run(command, capture_output=True, text=True)
    lines = [line for line in output.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        raise SystemExit(output.stderr[-2000:])
    result = json.loads(lines[-1].removeprefix("RESULT "))
    return median(result["rates"]), result["peak"]


if __name__ == "__main__":
    main()
