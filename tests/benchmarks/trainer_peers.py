"""The peers of bench_trainer, each with its own packages only: transformers, TRL, vLLM.

Run by bench_trainer as `PYTHON trainer_peers.py PART FOLDER`, in the environment where the peer is installed.
FOLDER holds the model, `work.json` (prompts, end-of-text ids, blocks) and `problems.json`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

Rates = list[float]


def timed(task: Callable[[], float], times: int) -> Rates:
    """Units per second of processor time of each run after a first, unmeasured one."""
    task()
    rates = []
    for _ in range(times):
        began = time.process_time()
        units = task()
        rates.append(units / (time.process_time() - began))
    return rates


def until_end(rows: list[list[int]], ends: list[int]) -> int:
    """Tokens up to and with the first end-of-text id of each row."""
    return sum(next((i + 1 for i, t in enumerate(row) if t in ends), len(row)) for row in rows)


def sampler_transformers(folder: Path, work: dict[str, Any]) -> Rates:
    """`generate` on rows of equal prompts, left as it comes but for top_k."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder / "model").eval()
    ids = torch.tensor([p for p in work["prompts"] for _ in range(work["group"])])
    how: dict[str, Any] = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 1.0, "pad_token_id": 0}
    how |= {"max_new_tokens": work["length"], "attention_mask": torch.ones_like(ids)}
    how |= {"eos_token_id": work["ends"]} if work["ends"] else {"min_new_tokens": work["length"]}

    def task() -> float:
        out = model.generate(ids, **how)[:, ids.shape[1] :].tolist()
        return until_end(out, work["ends"])

    return timed(task, work["times"])


def sampler_vllm(folder: Path, work: dict[str, Any]) -> Rates:
    """Offline `LLM` in this process, one request per sample with a seed of its own, prefix caching on."""
    os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_KVCACHE_SPACE": "2"}
    os.environ |= {
        "VLLM_LOGGING_LEVEL": "ERROR",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "0",
    }
    import vllm

    llm = vllm.LLM(
        model=str(folder / "model"),
        dtype="float32",
        max_model_len=512,
        max_num_seqs=256,
        enforce_eager=True,
        enable_prefix_caching=True,
        enable_chunked_prefill=False,  # a prompt in pieces rewinds a seeded generator: not on a CPU
        max_num_batched_tokens=16_384,
        generation_config="vllm",
        disable_log_stats=True,
    )
    asked = [{"prompt_token_ids": p} for p in work["prompts"] for _ in range(work["group"])]
    how = [
        vllm.SamplingParams(
            seed=i,
            max_tokens=work["length"],
            ignore_eos=True,
            stop_token_ids=work["ends"],
            logprobs=0,
            detokenize=False,
        )
        for i in range(len(asked))
    ]

    def task() -> float:
        return sum(len(o.outputs[0].token_ids) for o in llm.generate(asked, how, use_tqdm=False))

    return timed(task, work["times"])


def clock(moments: list[float]) -> Any:
    """A callback that writes down the processor time at the end of every step."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def on_step_end(self, *_args: object, **_kwargs: object) -> None:
            moments.append(time.process_time())

    return Clock()


def pretrain_transformers(folder: Path, work: dict[str, Any]) -> Rates:
    """transformers' Trainer on full blocks."""
    from transformers import AutoModelForCausalLM, Trainer, TrainingArguments

    moments: list[float] = []
    blocks = work["blocks"]
    args = TrainingArguments(
        str(folder / "hf"),
        per_device_train_batch_size=len(blocks),
        max_steps=work["times"] + 1,
        report_to=[],
        save_strategy="no",
        logging_steps=1,
        use_cpu=True,
        disable_tqdm=True,
    )
    data = [{"input_ids": b, "labels": b} for b in blocks] * (work["times"] + 1)
    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    Trainer(model, args, train_dataset=data, callbacks=[clock(moments)]).train()
    return [len(blocks) * len(blocks[0]) / (b - a) for a, b in pairwise(moments)]


def _common(folder: Path, work: dict[str, Any]) -> dict[str, Any]:
    return {
        "output_dir": str(folder / "trl"),
        "max_steps": work["times"] + 1,
        "learning_rate": 1e-6,
        "report_to": [],
        "save_strategy": "no",
        "logging_steps": 1,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "disable_tqdm": True,
    }


def grpo_trl(folder: Path, work: dict[str, Any]) -> Rates:
    """TRL's GRPOTrainer; the reward is a property of the sampled ids, so that groups have a signal."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    found = json.loads((folder / "problems.json").read_text())
    moments: list[float] = []
    tokens: list[float] = []

    def reward(completions: list[str], completion_ids: list[list[int]], **_: object) -> Rates:
        tokens.append(sum(map(len, completion_ids)))
        return [float(sum(ids) % 2) for ids in completion_ids]

    args = GRPOConfig(
        **_common(folder, work),
        per_device_train_batch_size=work["asked"] * work["n"],
        num_generations=work["n"],
        max_completion_length=work["response"],
        temperature=1.0,
        beta=0.0,
    )
    path = str(folder / "model")
    trainer = GRPOTrainer(
        path,
        reward,
        args,
        train_dataset=Dataset.from_list([{"prompt": p} for p, _ in found]),
        processing_class=AutoTokenizer.from_pretrained(path),
    )
    trainer.add_callback(clock(moments))
    trainer.train()
    return [t / (b - a) for t, a, b in zip(tokens[1:], moments, moments[1:], strict=False)]


def sft_trl(folder: Path, work: dict[str, Any]) -> Rates:
    """TRL's SFTTrainer on prompts and completions, loss on the completion; response tokens per second."""
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    found = json.loads((folder / "problems.json").read_text())
    moments: list[float] = []
    path = str(folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(path)
    rows = [{"prompt": p, "completion": s} for p, s in found] * (work["times"] + 1)
    tokens = [len(tokenizer(s)["input_ids"]) + 1 for _, s in found]
    args = SFTConfig(
        **_common(folder, work),
        per_device_train_batch_size=len(found),
        completion_only_loss=True,
        max_length=512,
    )
    trainer = SFTTrainer(path, args, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    trainer.add_callback(clock(moments))
    trainer.train()
    return [sum(tokens) / (b - a) for a, b in pairwise(moments)]


def main() -> None:
    """PART FOLDER: prints one line RESULT with rates, peak memory in MB, and versions."""
    import torch

    torch.set_num_threads(1)
    folder = Path(sys.argv[2])
    rates = globals()[sys.argv[1]](folder, json.loads((folder / "work.json").read_text()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("RESULT " + json.dumps({"rates": rates, "peak": peak}), flush=True)


if __name__ == "__main__":
    main()
