"""Reinforcement learning from verifiable rewards: sample, grade, update, one loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint
from evals.core.errors import UserError
from evals.engines.olmo2 import Olmo2, Olmo2Shape
from trainer.algorithms import policy
from trainer.algorithms.registry import with_defaults
from trainer.config.load import RLConfig
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.distributed.launch import launch
from trainer.models.checkpoint import descend, load_parent, save_checkpoint
from trainer.models.flops import forward_flops, sampling_flops, training_flops
from trainer.models.optimizer import adamw, clip
from trainer.rollouts import rollouts
from trainer.rollouts.sampler import open_sampler
from trainer.run.folder import Run, claim, last_checkpoint
from trainer.run.guards import Silence, check_finite


def rl(parent: str, config: RLConfig, out: Path, *, processes: int = 1, quiet: bool = False) -> Path:
    """Run RL from the checkpoint `parent`; keeps checkpoints under `out`, returns the last one's folder.

    Exact on resume; rollouts, metrics and the verdicts on them are saved step by step.
    """
    config = checked(config, "rl")
    found = open_checkpoint(parent)
    if not claim(out, config, parent=found.weights):
        meet = shard.needs_group(config.compute)
        launch(_loop, (found, config, out, quiet), processes, meet=meet)
    return last_checkpoint(out)


def checked(config: RLConfig, section: str) -> RLConfig:
    """The configuration with its algorithm's own numbers; UserError where it cannot be trained on."""
    if config.top_p < 1 or config.top_k > 0:
        raise UserError(
            f"{section} needs top_p = 1 and top_k = 0: truncated samples are not drawn from the policy"
        )
    if config.prompts % config.minibatch:
        raise UserError(
            f"{section}.prompts ({config.prompts}) must be a multiple of {section}.minibatch "
            f"({config.minibatch})"
        )
    return with_defaults(config)


def _loop(found: Checkpoint, config: RLConfig, out: Path, quiet: bool) -> None:
    model, reference, tokenizer = load_policy(found, config)
    sampler = open_sampler(model, tokenizer, found, config)
    optimizer = adamw(model, config.optimizer)
    run = Run("rl", out, config.steps, config, {"flops": 0.0}, quiet)
    run.resume(model, adamw=optimizer)
    if run.lead:
        rollouts.prune(out / "rollouts", run.first)
    silence = Silence(len(sampler.asked.ids))
    for step in run.remaining():
        batch = sampler.rollouts(step)
        updates = []
        for minibatch in policy.minibatches(model, batch, config):
            model.zero_grad(set_to_none=True)
            measured = policy.gradient(model, reference, minibatch, config)
            norm = clip(model, config.optimizer.clip)
            check_finite(step, measured["loss"], norm, f"problems {' '.join(batch.ids)}")
            moves = minibatch.signal or config.step_without_signal
            if moves:
                optimizer.step()
            updates.append(measured | {"grad_norm": norm, "moved": float(moves)})
        row = rollouts.describe(batch) | mean(updates)
        silence.hear(row["zero_variance"], config.prompts)
        run.totals["flops"] += step_flops(model.shape, batch, config)
        if run.lead:
            rollouts.save(out / "rollouts", step + 1, batch)
        run.record(step, row, f"reward {row['reward']:.3f}  entropy {row['entropy']:.2f}", row["tokens"])
        if kept := run.keeps(step):
            data = sampler.asked.fingerprint
            lineage = descend(found, "rl", step + 1, run.totals["flops"], config, data)
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage)
        run.save(step, kept=kept)
    run.finish()


def load_policy(found: Checkpoint, config: RLConfig) -> tuple[Olmo2, Olmo2 | None, Any]:
    """(model, reference, tokenizer); the reference is the checkpoint itself, where the loss has a KL term."""
    device = distributed.device()
    reference = None
    if config.kl > 0:
        reference = shard.place(load_parent(found)[0], config.compute, device).eval()
    model, tokenizer = load_parent(found)
    return shard.place(model, config.compute, device), reference, tokenizer


def mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each metric over the updates of a step."""
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}


def step_flops(shape: Olmo2Shape, batch: rollouts.Rollouts, config: RLConfig) -> float:
    """Floating-point operations of one step: sampling, scoring passes, training."""
    prompts = [len(p) for p in batch.prompts]
    responses = [len(s.token_ids or ()) for s in batch.samples]
    whole = [prompts[batch.group(i)] + r for i, r in enumerate(responses)]
    passes = (config.kl > 0) + (config.prompts > config.minibatch)
    total = sampling_flops(shape, prompts, config.n, responses)
    learns = policy.learning(batch.rewards, config)
    for of in (True, False):
        mine = [i for i in range(len(whole)) if bool(learns[batch.group(i)]) == of]
        units = policy.units(batch, mine, config.compute)
        shared = sum(prompts[batch.group(unit[0])] * (len(unit) - 1) for unit in units)
        work = shape, [whole[i] for i in mine], sum(responses[i] for i in mine), shared
        total += passes * forward_flops(*work) + (training_flops(*work) if of else forward_flops(*work))
    return total
