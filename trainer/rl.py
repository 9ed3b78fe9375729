"""Reinforcement learning from verifiable rewards: sample, grade, update, one loop."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from evals.checkpoints import Checkpoint
from evals.engines.decoders import Olmo2Decoder
from evals.engines.olmo2 import Olmo2
from evals.engines.open import eos_ids
from evals.engines.torch_engine import TorchEngine
from evals.errors import UserError
from evals.records import content_hash, derive_seed
from trainer import distributed, policy, rollouts
from trainer.algorithms import with_defaults
from trainer.checkpoint import Lineage, drop_state, load_parent, load_state, save_checkpoint, save_state
from trainer.config import RLConfig
from trainer.files import Rows
from trainer.flops import forward_flops, sampling_flops, training_flops
from trainer.optimizer import adamw
from trainer.prompts import training_prompts
from trainer.run import Progress, claim, finish, finished


def rl(parent: str, config: RLConfig, out: Path, *, processes: int = 1, quiet: bool = False) -> Path:
    """Run RL from the checkpoint `parent`; keeps checkpoints under `out`, returns the last one's folder.

    Exact on resume; rollouts, metrics and the verdicts on them are saved step by step.
    """
    if config.top_p < 1 or config.top_k > 0:
        raise UserError(
            "rl needs top_p = 1 and top_k = 0: a truncated sample is not drawn from the policy trained"
        )
    config = with_defaults(config)
    if config.prompts % config.minibatch:
        raise UserError(
            f"rl.prompts ({config.prompts}) must be a multiple of rl.minibatch ({config.minibatch})"
        )
    claim(out, config, {"parent": parent})
    if not finished(out):
        distributed.launch(_loop, (parent, config, out, quiet), processes)
    return max(out.glob("step-*"))


def _loop(parent: str, config: RLConfig, out: Path, quiet: bool) -> None:
    model, tokenizer, found = load_parent(parent)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device)
    reference = load_parent(parent)[0].to(device).eval() if config.kl > 0 else None
    ends = eos_ids(found, tokenizer)
    engine = TorchEngine(
        Olmo2Decoder(model), tokenizer, eos_ids=ends, context=model.shape.max_position_embeddings
    )
    problems, prompts = training_prompts(config, engine)
    optimizer = adamw(model, config.optimizer)
    first, flops = 0, 0.0
    if state := load_state(out / "state"):
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, flops = state["step"], state["flops"]
    lead = distributed.rank() == 0
    if lead:
        rollouts.prune(out / "rollouts", first)
    rows = Rows(out / "metrics.jsonl", keep=first, writes=lead)
    progress = Progress("rl", first, config.steps, quiet=quiet or not lead)
    for step in range(first, config.steps):
        began = time.perf_counter()
        chosen = batch_of(len(problems), config, step)
        batch = rollouts.collect(
            engine, [problems[i] for i in chosen], [prompts[i] for i in chosen], config, step
        )
        row = describe(batch, config)
        row |= policy.update(model, reference, optimizer, batch, config)
        flops += step_flops(model, batch, config)
        row |= {"step": step + 1, "flops": flops, "seconds": round(time.perf_counter() - began, 4)}
        if lead:
            rollouts.save(out / "rollouts", step + 1, batch)
        rows.add(row)
        progress.show(step + 1, f"reward {row['reward']:.3f}  entropy {row['entropy']:.2f}")
        last = step + 1 == config.steps
        keep = last or (config.checkpoint_every > 0 and (step + 1) % config.checkpoint_every == 0)
        if lead and keep:
            data = content_hash([p.id for p in problems])
            lineage = _lineage(parent, found, config, step + 1, flops, data)
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage)
        if lead and (keep or (step + 1) % config.save_every == 0):
            parts = {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step + 1,
                "flops": flops,
            }
            save_state(out / "state", step + 1, parts)
    distributed.barrier()
    if lead:
        finish(out)
        drop_state(out / "state")


def batch_of(count: int, config: RLConfig, step: int) -> list[int]:
    """Problems of a step: epochs of permutations keyed by (seed, epoch), read on from where they stand."""
    chosen: list[int] = []
    place = step * config.prompts
    while len(chosen) < config.prompts:
        epoch, at = divmod(place + len(chosen), count)
        order = np.random.default_rng(derive_seed("rl-order", config.seed, epoch)).permutation(count)
        chosen.extend(int(i) for i in order[at : at + config.prompts - len(chosen)])
    return chosen


def describe(batch: rollouts.Rollouts, config: RLConfig) -> dict[str, float]:
    """Metrics of the rollouts alone; recomputable from the saved files."""
    lengths = [len(s.token_ids or ()) for s in batch.samples]
    flat = (batch.rewards == batch.rewards[:, :1]).all(dim=1)
    return {
        "reward": float(batch.rewards.mean()),
        "correct": float(batch.correct.double().mean()),
        "zero_variance": float(flat.double().mean()),
        "truncated": sum(s.finish_reason == "length" for s in batch.samples) / len(batch.samples),
        "response_tokens": sum(lengths) / len(lengths),
        "tokens": float(sum(lengths)),
    }


def step_flops(model: Olmo2, batch: rollouts.Rollouts, config: RLConfig) -> float:
    """Floating-point operations of one step: sampling, scoring passes, training."""
    n, shape = config.n, model.shape
    prompts = [len(p) for p in batch.prompts]
    responses = [len(s.token_ids or ()) for s in batch.samples]
    whole = [prompts[i // n] + r for i, r in enumerate(responses)]
    passes = (config.kl > 0) + policy.needs_old(config)
    sampled = sampling_flops(shape, prompts, n, responses)
    return sampled + training_flops(shape, whole) + passes * forward_flops(shape, whole)


def _lineage(parent: str, found: Checkpoint, config: RLConfig, step: int, flops: float, data: str) -> Lineage:
    before = found.lineage or {}
    recipe = {"sft": "sft-rl", "sft-gold": "sft-gold-rl"}.get(str(before.get("recipe")), "rl")
    prompt = {"template": config.template, "shots": 0}
    tokens = int(before.get("tokens") or 0)
    return Lineage(found.weights, parent, recipe, step, tokens, flops, config.seed, data, prompt)
