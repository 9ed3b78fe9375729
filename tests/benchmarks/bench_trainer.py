"""Our side of `rows_steps` and `rows_real`: sampler, GRPO, SFT and pre-training steps, and the work.

Every part runs in a process with one thread: peak memory is its own, and rates are tokens per second of
processor time, whatever else the machine does. The small model: 6 layers of width 256, 5.9M parameters,
random weights. Sampling: rows in groups, prompts of 40 tokens, all responses of 64; where lengths vary, 43 of
the 2,048 ids end a response, so that lengths are geometric. GRPO: 8 prompts of the world, 8 responses of 64
tokens each; where lengths vary, a model that ends a response with probability 1/32 at every token.
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
from trainer_peers import Rates, Rows, Run, drawn, timed

LENGTH = 64  # of the sampler
ENDS = list(range(2, 45))  # ids that end a response of varied length
PROMPTS, N, RESPONSE = 8, 8, 64  # of a GRPO step
STOPS = 1 / 32  # probability of the end at each token, where lengths vary: 28 of 64 tokens in the mean
BLOCKS, WIDTH = 16, 256  # of a pre-training step
DEMONSTRATIONS = 32  # of an SFT step


def prepare(folder: Path, work: dict[str, Any], stops: float = 0.0) -> None:
    """The model, problems, and the work as files that need none of this project's packages.

    stops: probability of the end-of-text id at every position, whatever stands before it (0: as it comes).
    """
    from evals.asking.prompts import render
    from evals.checkpoints.tokenizer import train_tokenizer
    from evals.problems import load_problems
    from evals.world import documents
    from trainer.config.schema import ModelConfig
    from trainer.models.checkpoint import Lineage, save_checkpoint
    from trainer.models.native import new_model

    shape = ModelConfig(hidden_size=256, intermediate_size=704, layers=6, heads=8, context=512)
    tokenizer = filled(train_tokenizer(islice(documents(), 300), 400), 2048)
    lineage = Lineage(None, None, "base", 0, 0, 0.0, 0, "", {"template": "world", "shots": 0})
    model = new_model(shape, 2048, 0)
    if stops:
        _let_it_stop(model, tokenizer.eos_token_id, stops)
    save_checkpoint(folder / "model", model, tokenizer, lineage)
    found = load_problems(f"world:train?levels=1,2,3&count={DEMONSTRATIONS}").problems
    pairs = [[render(p, "world", 0), p.solutions[0]] for p in found]
    (folder / "problems.json").write_text(json.dumps(pairs))
    (folder / "work.json").write_text(json.dumps(work))


def steps_work(times: int) -> dict[str, Any]:
    """The work of training steps: blocks of random ids, and the sizes of RL."""
    import numpy as np

    blocks = np.random.default_rng(0).integers(2, 400, (BLOCKS, WIDTH)).tolist()
    return {"blocks": blocks, "times": times, "asked": PROMPTS, "n": N, "response": RESPONSE}


def filled(tokenizer: Any, entries: int) -> Any:
    """The tokenizer with unused entries up to so many: one much smaller than the model's table is refused."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    raw = json.loads(tokenizer.backend_tokenizer.to_str())
    raw["model"]["vocab"] |= {f"<unused{i}>": i for i in range(len(tokenizer), entries)}
    end = tokenizer.eos_token
    whole = Tokenizer.from_str(json.dumps(raw))
    return PreTrainedTokenizerFast(tokenizer_object=whole, eos_token=end, pad_token=end)


def _let_it_stop(model: Any, eos: int, probability: float) -> None:
    """Give the end-of-text id this probability everywhere, by a width of the stream that is constant."""
    import torch

    with torch.no_grad():
        model.model.embed_tokens.weight[:, 0] = 1000.0  # beside which all that layers add is small
        model.lm_head.weight[:, 0] = 0.0
        constant = model.shape.hidden_size**0.5  # of that width after the last norm
        model.lm_head.weight[eos] = 0.0
        others = model.shape.vocab_size - 1  # their logits are near 0: all else is small after the last norm
        odds = probability / (1 - probability)
        model.lm_head.weight[eos, 0] = float(torch.log(torch.tensor(odds * others))) / constant


def sampler_ours(folder: Path, work: dict[str, Any]) -> list[Run]:
    from evals.core.keys import derive_seed
    from evals.engines import open_engine
    from evals.records import Request, SamplingOptions

    most = max(len(run["prompts"]) * run["group"] for run in work["runs"])
    engine: Any = open_engine(str(folder / "model"), dtype="float32", rows=most)

    def draw(prompts: Rows, length: int, run: dict[str, Any]) -> Rows:
        engine.eos_ids = tuple(run["ends"])
        seeds = [derive_seed(*divmod(i, run["group"])) for i in range(len(prompts))]
        requests = [Request(tuple(p), seed) for p, seed in zip(prompts, seeds, strict=True)]
        temperature = 0.0 if run.get("greedy") else 1.0
        options = SamplingOptions(temperature, run.get("top_p", 1.0), 0, length)
        return [list(s.token_ids or ()) for s in engine.sample(requests, options)]

    return drawn(draw, work)


def pretrain_ours(folder: Path, work: dict[str, Any]) -> Rates:
    from trainer.algorithms.loss import add_gradient

    return _steps(folder, work, add_gradient, work["blocks"], [WIDTH - 1] * BLOCKS, BLOCKS * WIDTH)


def sft_ours(folder: Path, work: dict[str, Any]) -> Rates:
    from evals.checkpoints.tokenizer import encode, load_tokenizer
    from trainer.algorithms.loss import add_gradient

    tokenizer = load_tokenizer(folder / "model")
    pairs = json.loads((folder / "problems.json").read_text())
    prompts = [encode(tokenizer, prompt) for prompt, _ in pairs]
    answers = [[*encode(tokenizer, text), tokenizer.eos_token_id] for _, text in pairs]
    whole = [[*p, *a] for p, a in zip(prompts, answers, strict=True)]
    counted = [len(a) for a in answers]
    return _steps(folder, work, add_gradient, whole, counted, sum(counted))


def _steps(folder: Path, work: dict[str, Any], gradient: Any, data: Any, counted: Any, units: int) -> Rates:
    """Updates of the model as the loops make them; `units` tokens each."""
    from evals.checkpoints.checkpoint import open_checkpoint
    from trainer.config.schema import AdapterConfig, Compute, OptimizerConfig
    from trainer.distributed import fsdp, ranks
    from trainer.models.checkpoint import load_parent
    from trainer.models.optimizer import adamw, clip

    adapter = AdapterConfig(rank=work["rank"]) if work.get("rank") else None
    model, _ = load_parent(open_checkpoint(str(folder / "model")), adapter)
    model = fsdp.place(model, Compute(), ranks.device())
    tokens = min(1024, fsdp.fitted(Compute(), model).tokens_per_pass)
    optimizer = adamw(model, OptimizerConfig(lr=1e-4))

    def step() -> float:
        model.zero_grad(set_to_none=True)
        gradient(model, data, counted, tokens)
        clip(model, 1.0)
        optimizer.step()
        return units

    return timed(step, work["times"])


def grpo_ours(folder: Path, work: dict[str, Any]) -> Rates:
    """`trainer rl` as it is, but for the reward: a property of the sampled ids, as for the peer."""
    from types import SimpleNamespace

    from trainer.config.schema import OptimizerConfig, RLConfig
    from trainer.rl import rl
    from trainer.rollouts import rewards
    from trainer.run import folder as run
    from trainer.run.files import read_rows

    vars(run)["time"] = SimpleNamespace(perf_counter=time.process_time, monotonic=time.monotonic)
    vars(rewards)["reward_of"] = lambda _problem, s, _config: (float(sum(s.token_ids) % 2), False, False)
    config = RLConfig(
        optimizer=OptimizerConfig(lr=1e-6),
        steps=work["times"] + 1,
        prompts=PROMPTS,
        minibatch=PROMPTS,
        n=N,
        max_tokens=RESPONSE,
        limit=64,
        kl=0.0,
    )
    with tempfile.TemporaryDirectory() as out:
        rl(str(folder / "model"), config, Path(out) / "run", quiet=True)
        rows = list(read_rows(Path(out) / "run" / "metrics.jsonl"))
    return [row["tokens"] / row["seconds"] for row in rows[1:]]


def measured(command: list[str]) -> dict[str, Any]:
    """What a part printed, or why it failed."""
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        return {"failed": (done.stderr.strip() or "no output").splitlines()[-1][:200]}
    found: dict[str, Any] = json.loads(lines[-1].removeprefix("RESULT "))
    return found
