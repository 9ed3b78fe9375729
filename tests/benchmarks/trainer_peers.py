"""The peers of bench_trainer, each with its own packages only: transformers, TRL, vLLM.

Run by bench_trainer as `PYTHON trainer_peers.py PART FOLDER`, in the environment where the peer is installed.
FOLDER holds the model, `work.json` (blocks and sizes; of a sampler, `runs`) and `problems.json`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

Rates = list[float]
Rows = list[list[int]]
Run = dict[str, Any]  # rates, peak (MB) and, of a sampler, rows


def timed(task: Callable[[], float], times: int) -> Rates:
    """Units per second of processor time of each run after a first, unmeasured one."""
    task()
    rates = []
    for _ in range(times):
        began = time.process_time()
        units = task()
        rates.append(units / (time.process_time() - began))
    return rates


def drawn(draw: Callable[[Rows, int, dict[str, Any]], Rows], work: dict[str, Any]) -> list[Run]:
    """Of each of the runs in `work`: tokens per second of processor time, the ids of the last, peak memory.

    draw: rows of at most so many tokens for these prompts, as the run says. The first draw of a run is not
    measured: two tokens of two rows.
    """
    return [_drawn(draw, run) for run in work["runs"]]


def _drawn(draw: Callable[[Rows, int, dict[str, Any]], Rows], run: dict[str, Any]) -> Run:
    sizes = [(asked(run)[:2], 2)] + [(asked(run), run["length"])] * run["times"]
    rows: Rows = []
    forget_peak()

    def task() -> float:
        rows[:] = [until_end(row, run["ends"]) for row in draw(*sizes.pop(0), run)]
        return sum(map(len, rows))

    return {"rates": timed(task, run["times"]), "rows": rows, "peak": peak_mb()}


def until_end(row: list[int], ends: list[int]) -> list[int]:
    """The ids up to and with the first end-of-text id."""
    return row[: next((i + 1 for i, t in enumerate(row) if t in ends), len(row))]


def asked(run: dict[str, Any]) -> Rows:
    """The prompt of every row: each as often as its group is large."""
    return [p for p in run["prompts"] for _ in range(run["group"])]


def _options(run: dict[str, Any]) -> dict[str, Any]:
    """How `generate` draws; without ends, rows are of one length."""
    how: dict[str, Any] = {"do_sample": False}
    if not run.get("greedy"):
        how = {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": run.get("top_p", 1.0)}
    return how | {"pad_token_id": 0, "eos_token_id": run["ends"] or None}


def sampler_transformers(folder: Path, work: dict[str, Any]) -> list[Run]:
    """`generate` on all rows in one batch, prompts padded on the left, left as it comes but for top_k."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    model.generation_config.eos_token_id = None

    def draw(prompts: Rows, length: int, run: dict[str, Any]) -> Rows:
        longest = max(map(len, prompts))
        ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts])
        mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
        how = _options(run) | {"attention_mask": mask, "max_new_tokens": length}
        rows: Rows = model.generate(ids, **how)[:, longest:].tolist()
        return rows

    return drawn(draw, work)


def batching_transformers(folder: Path, work: dict[str, Any]) -> list[Run]:
    """`generate_batch`, the continuous batching of transformers; its cache is sized for these rows.

    As it comes it fills most of the memory with its cache, which takes longer than the rows. Measured once.
    """
    import torch
    from transformers import AutoModelForCausalLM, ContinuousBatchingConfig, GenerationConfig

    model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()

    def draw(prompts: Rows, length: int, run: dict[str, Any]) -> Rows:
        pages = ContinuousBatchingConfig(num_blocks=2 * len(prompts) + 8, max_batch_tokens=1024)
        how = GenerationConfig(max_new_tokens=length, **_options(run))
        out = model.generate_batch(
            prompts, how, continuous_batching_config=pages, warmup=False, progress_bar=False
        )
        found = [out[name].generated_tokens for name in sorted(out, key=lambda n: int(n.rpartition("_")[2]))]
        if len(found) != len(prompts) or not all(found):
            raise RuntimeError("generate_batch left rows out")
        return found

    return drawn(draw, {"runs": [run | {"times": 1} for run in work["runs"]]})


def sampler_vllm(folder: Path, work: dict[str, Any]) -> list[Run]:
    """Offline `LLM` in this process, one request per sample with a seed of its own, prefix caching on.

    Prefixes are shared within a draw, as ours are, and forgotten before the next.
    """
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

    def draw(prompts: Rows, length: int, run: dict[str, Any]) -> Rows:
        if not llm.reset_prefix_cache():
            raise RuntimeError("the prefix cache was not reset")
        how = [
            vllm.SamplingParams(
                temperature=0.0 if run.get("greedy") else 1.0,
                top_p=run.get("top_p", 1.0),
                seed=i,
                max_tokens=length,
                ignore_eos=True,
                stop_token_ids=run["ends"],
                logprobs=0,
                detokenize=False,
            )
            for i in range(len(prompts))
        ]
        requests: Any = [{"prompt_token_ids": p} for p in prompts]
        return [list(o.outputs[0].token_ids) for o in llm.generate(requests, how, use_tqdm=False)]

    return drawn(draw, work)


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
    """TRL's SFTTrainer on prompts and completions, loss on the completion; response tokens per second.

    With `rank` in work, by an adapter of that rank on every linear layer.
    """
    from datasets import Dataset
    from transformers import AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    adapter = None
    if work.get("rank"):
        from peft import LoraConfig

        adapter = LoraConfig(
            r=work["rank"], lora_alpha=2 * work["rank"], target_modules="all-linear", task_type="CAUSAL_LM"
        )

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
    data = Dataset.from_list(rows)
    trainer = SFTTrainer(path, args, train_dataset=data, processing_class=tokenizer, peft_config=adapter)
    trainer.add_callback(clock(moments))
    trainer.train()
    return [sum(tokens) / (b - a) for a, b in pairwise(moments)]


def tell(found: Rates | list[Run]) -> None:
    """One line RESULT: the runs, each with rates, peak memory in MB and the ids of rows where kept."""
    runs = [{"rates": found, "peak": peak_mb()}] if found and isinstance(found[0], float) else found
    if not runs:
        raise RuntimeError("no step was measured")
    print("RESULT " + json.dumps({"runs": runs}), flush=True)


def forget_peak() -> None:
    """Begin the largest memory anew, where the kernel lets a program do so (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """Largest memory of this program in MB; `ru_maxrss` begins with that of the process that started it."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    kept = [int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")]
    return kept[0] if kept else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """PART FOLDER: prints one line RESULT with rates, peak memory in MB, and versions."""
    import torch

    torch.set_num_threads(1)
    folder = Path(sys.argv[2])
    tell(globals()[sys.argv[1]](folder, json.loads((folder / "work.json").read_text())))


if __name__ == "__main__":
    main()
