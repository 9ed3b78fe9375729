"""Rows of `bench.py` on a real language model of 135M parameters: sampling, steps, a whole comparison.

REAL_MODEL names its folder (SmolLM2-135M-Instruct, say). Without one, a random model of the same shape is
made on the spot, and the rows say so: its speed is the same, its responses are of the greatest length.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
import bench_trainer
import rows_steps
from rows_start import ROOT, python_m

DATA = Path(os.environ.get("EXCURSIONS_DATA", ROOT.parent / "shared" / "data"))
SHAPE = {
    "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
    "num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192,
    "rope_theta": 100000.0, "tie_word_embeddings": True, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
TOY = {"hidden_size": 128, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4}
TOY |= {"num_key_value_heads": 2, "vocab_size": 2048}
CHAT = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
REPEATS = 2
SAMPLING: tuple[dict[str, Any], ...] = (  # prompts, n, new tokens
    {"prompts": 20, "group": 1, "length": 24, "greedy": True},
    {"prompts": 4, "group": 8, "length": 24},
    {"prompts": 2, "group": 32, "length": 12, "top_p": 0.95},
)
SAMPLERS = rows_steps.SAMPLERS | {"transformers continuous batching": "batching_transformers"}
STEPS: dict[str, tuple[str, str, dict[str, str], dict[str, int]]] = {
    "real-sft": ("SFT step, 6 demonstrations", "sft_ours", {"TRL SFTTrainer": "sft_trl"}, {}),
    "real-lora": ("LoRA step, rank 16, 6 demonstrations", "sft_ours", {"TRL SFTTrainer": "sft_trl"}, {}),
    "real-grpo": (
        "GRPO step, 2 prompts × 8, at most 24 tokens",
        *("grpo_ours", {"TRL GRPOTrainer": "grpo_trl"}),
        {"PROMPTS": 2, "N": 8, "RESPONSE": 24},
    ),
}
DEMONSTRATIONS = 6
ASKED, N, LENGTH = 4, 8, 32  # of the comparison of two checkpoints
TASK = """task: bench_real
dataset_path: json
dataset_kwargs: {data_files: {test: %s}}
test_split: test
output_type: generate_until
doc_to_text: "{{ask}}"
doc_to_target: "{{answer}}"
repeats: %d
generation_kwargs: {do_sample: true, temperature: 0.6, top_p: 0.95, max_gen_toks: %d, until: []}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


def real_model(folder: Path, quick: bool) -> str:
    """Put the model into folder/model; what the rows call it."""
    named = os.environ.get("REAL_MODEL")
    if named and not quick:
        (folder / "model").symlink_to(Path(named).resolve())
        config = json.loads((folder / "model" / "config.json").read_text())
        return f"{Path(named).resolve().name} ({config['architectures'][0].removesuffix('ForCausalLM')})"
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(**SHAPE | (TOY if quick else {}))
    tokenizer = tokenizer_of_size(config.vocab_size)
    model = LlamaForCausalLM(config)
    model.config.eos_token_id = model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return "random weights in the shape of SmolLM2-135M (Llama)"


def tokenizer_of_size(entries: int) -> Any:
    """A small tokenizer with a chat template, filled up to so many entries."""
    from evals.checkpoints.tokenizer import train_tokenizer
    from evals.world import documents

    small = train_tokenizer(islice(documents(), 300), 400)
    small.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    small.eos_token = "<|im_end|>"
    whole = bench_trainer.filled(small, entries)
    whole.chat_template = CHAT
    return whole


def questions(count: int) -> list[dict[str, str]]:
    """Questions of GSM8K with their answers; of the synthetic world where that is not at hand."""
    path = DATA / "gsm8k" / "test.jsonl"
    if path.is_file():
        with path.open() as lines:
            return [json.loads(line) for line in islice(lines, count)]
    from evals.problems import load_problems

    found = load_problems(f"world:test?count={count}").problems
    return [{"question": p.question, "answer": p.answer} for p in found]


def sampling_row(quick: bool) -> dict[str, Any]:
    """SAMPLING, all sides on the same ids; lengths are equal but for greedy rows, which end."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        model = real_model(folder, quick)
        from evals.checkpoints.checkpoint import open_checkpoint
        from evals.checkpoints.config import eos_ids
        from evals.checkpoints.tokenizer import encode, tokenizer_of

        found = open_checkpoint(str(folder / "model"))
        tokenizer = tokenizer_of(found)
        runs, whats = [], []
        for run in SAMPLING:
            run = run | ({"prompts": 3, "group": 2, "length": 6} if quick else {})
            texts = [f"Question: {q['question']}\nAnswer:" for q in questions(run["prompts"])]
            prompts = [list(encode(tokenizer, text)) for text in texts]
            ends = list(eos_ids(found, tokenizer)) if run.get("greedy") else []
            runs.append(run | {"prompts": prompts, "ends": ends, "times": 1 if quick else REPEATS})
            whats.append(f"{model}: {_called(runs[-1])}")
        (folder / "work.json").write_text(json.dumps({"runs": runs}))
        return rows_steps.beside(folder, whats, "sampler_ours", SAMPLERS, {})


def _called(run: dict[str, Any]) -> str:
    """What a run of SAMPLING is."""
    lengths = sorted(map(len, run["prompts"]))
    what = f"sampling, {len(lengths)} prompts of {lengths[0]} to {lengths[-1]} tokens, n = {run['group']}, "
    what += f"{run['length']} new tokens" + (", greedy" if run.get("greedy") else "")
    return what + (f", top-p {run['top_p']}" if "top_p" in run else "")


def step_row(name: str, quick: bool) -> dict[str, Any]:
    """One of STEPS, prompts and solutions in the model's chat template; the reward is one of the ids."""
    what, ours, peers, sizes = STEPS[name]
    sizes = {k: v for k, v in rows_steps.TOY.items() if k in sizes} if quick else sizes
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        model = real_model(folder, quick)
        vars(bench_trainer).update(sizes)
        count = max(bench_trainer.PROMPTS if sizes else 2, 2 if quick else DEMONSTRATIONS)
        pairs = demonstrations(folder / "model", count)
        (folder / "problems.json").write_text(json.dumps(pairs))
        work = {"times": 1 if quick else REPEATS, "rank": 16 if name == "real-lora" else 0}
        work |= {"asked": bench_trainer.PROMPTS, "n": bench_trainer.N, "response": bench_trainer.RESPONSE}
        (folder / "work.json").write_text(json.dumps(work))
        return rows_steps.beside(folder, [f"{model}: {what} (response tokens)"], ours, peers, sizes)


def demonstrations(path: Path, count: int) -> list[list[str]]:
    """[prompt, solution] of problems of the synthetic world as text, the prompt with its chat template."""
    from evals.checkpoints.checkpoint import open_checkpoint
    from evals.checkpoints.tokenizer import tokenizer_of
    from trainer.config.schema import SFTConfig
    from trainer.data.asking import asked
    from trainer.data.demonstrations import training_demonstrations

    found = open_checkpoint(str(path))
    tokenizer = tokenizer_of(found)
    config = asked(SFTConfig(problems="world:train", limit=count), found)
    shown = training_demonstrations(config, tokenizer, 512, quiet=True)
    return [[tokenizer.decode(d.prompt), tokenizer.decode(d.response[:-1].tolist())] for d in shown]


def expand_row(quick: bool) -> dict[str, Any]:
    """`probes expand` of two checkpoints beside lm_eval on each: the same prompts, as many samples."""
    asked, n, length = (2, 2, 6) if quick else (ASKED, N, LENGTH)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        # in a process of its own: what this one needs at most is where its children's peak begins
        made_in = [sys.executable, __file__, "--models", made, *(["--quick"] if quick else [])]
        said = subprocess.run(made_in, capture_output=True, text=True, check=True).stdout.splitlines()
        model, rows = said[-1], questions(asked)
        from evals.asking.templates import template

        form = template("plain-boxed").ask
        problems = [
            {
                "question": q["question"],
                "answer": q["answer"].rpartition("####")[2].strip(),
                "ask": form.replace("{question}", q["question"]),
            }
            for q in rows
        ]
        (folder / "problems.jsonl").write_text("".join(json.dumps(p) + "\n" for p in problems))
        (folder / "task.yaml").write_text(TASK % (folder / "problems.jsonl", n, length))
        ours = python_m("probes", "expand", "--problems", str(folder / "problems.jsonl"), "--n", str(n))
        ours += ["--max-tokens", str(length), "--template", "plain-boxed", "--out", str(folder / "probe")]
        for name in ("model", "second"):
            ours += ["--ckpt", str(folder / name)]
        harness = python_m("lm_eval", "--model", "hf", "--tasks", "bench_real", "--include_path", made)
        harness += ["--device", "cpu", "--batch_size", str(n), "--apply_chat_template", "--model_args"]
        theirs = [[*harness, f"pretrained={folder / name},dtype=float32"] for name in ("model", "second")]
        mine, peer = _watched([ours], "*1 "), _watched(theirs, "|exact_match")
    what = f"{model}: two checkpoints compared, {asked} chat prompts × {n} samples each, {length} new tokens"
    if isinstance(mine, str):
        return {"failed": mine}
    parts = []
    for kind, unit in (("the whole", "s (clock)"), ("first number on screen", "s (clock)"), ("memory", "MB")):
        theirs_of: Any = peer if isinstance(peer, str) else [peer[kind]]
        note = {"ours": "the card of both, with grades and intervals", "lm_eval": "two runs, each its mean"}
        part = {"what": f"{what}: {kind}", "unit": unit, "better": "less", "ours": [mine[kind]]}
        parts.append(part | {"peers": {"lm_eval": theirs_of}, "notes": note if kind == "the whole" else {}})
    return {"parts": parts}


def _second(model: Path, out: Path) -> None:
    """Another checkpoint: the weights of one with 2% of noise."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(1)
    other = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    with torch.no_grad():
        for weight in other.parameters():
            if weight.ndim > 1:
                weight.mul_(1 + 0.02 * torch.randn_like(weight))
    other.save_pretrained(out)
    AutoTokenizer.from_pretrained(model).save_pretrained(out)


def _watched(commands: list[list[str]], sign: str) -> dict[str, float] | str:
    """Seconds until a line with `sign`, seconds and peak memory of the commands one after the other."""
    offline = {"HF_HUB_OFFLINE": "1", "EXCURSIONS_DATA": str(DATA), "COLUMNS": "100"}
    began, first, peak = time.perf_counter(), 0.0, 0.0
    for command in commands:
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=os.environ | offline
            )
            for line in process.stdout or ():
                if not first and sign in line:
                    first = time.perf_counter() - began
            _, status, used = os.wait4(process.pid, 0)
            errors.seek(0)
            if status:
                said = errors.read().splitlines() or ["no output"]
                return f"it does not run: {said[-1].strip()[:160]}"
        peak = max(peak, used.ru_maxrss / 1024)
    if not first:
        return f"no line with {sign.strip()!r} was seen"
    return {"the whole": time.perf_counter() - began, "first number on screen": first, "memory": peak}


def main() -> None:
    """NAME [--quick]."""
    name, quick = sys.argv[1], "--quick" in sys.argv
    if name == "--models":
        folder = Path(sys.argv[2])
        model = real_model(folder, quick)
        _second(folder / "model", folder / "second")
        print(model)
        return
    if name == "real-expand":
        row = expand_row(quick)
    else:
        row = sampling_row(quick) if name == "real-sampling" else step_row(name, quick)
    print("RESULT " + json.dumps(row))


if __name__ == "__main__":
    main()
