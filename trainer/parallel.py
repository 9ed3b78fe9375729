"""Parallel averaging: RL and SFT from one snapshot, the mean of their updates (arXiv 2606.04272).

`parallel_step` is the algorithm; the loop below feeds it with rollouts and demonstrations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint
from evals.core.errors import UserError
from evals.core.keys import content_hash
from trainer.algorithms import policy
from trainer.config.schema import ParallelConfig, SFTConfig, check_schedule, value_at
from trainer.data.asking import asked
from trainer.data.demonstrations import (
    Demonstration,
    batch_at,
    fingerprint,
    training_demonstrations,
)
from trainer.distributed import fsdp as shard
from trainer.distributed.launch import launch
from trainer.models.checkpoint import descend, save_checkpoint
from trainer.models.optimizer import adamw, clip, cosine, set_lr
from trainer.models.trainable import Trainable
from trainer.rl import at_step, checked, load_policy, mean, step_flops
from trainer.rollouts import rollouts
from trainer.rollouts.evaluation import evaluate, open_evaluation
from trainer.rollouts.minibatches import minibatches
from trainer.rollouts.sampler import ends_of, open_sampler
from trainer.run.folder import Run, claim, last_checkpoint, starting
from trainer.run.guards import Silence, check_finite
from trainer.sft import demonstration_flops, gradient


@dataclass(frozen=True, slots=True)
class Branch:
    """One side of a parallel step.

    gradient: adds the gradient at the current parameters, returns metrics. optimizer: its own, moments and
    all. clip: largest gradient norm (0 = any). weight: of its update in the mean. moves: False where its
    optimizer makes no step, so that its update is zero.
    """

    gradient: Callable[[], dict[str, float]]
    optimizer: torch.optim.Optimizer
    clip: float
    weight: float
    moves: bool = True


def parallel_step(model: nn.Module, one: Branch, other: Branch) -> tuple[dict[str, float], dict[str, float]]:
    """New parameters = snapshot + weighted sum of the two branches' updates, both made at the snapshot.

    Returns each branch's metrics with its `grad_norm`. The order of the branches does not change a bit.
    """
    parameters = [shard.local(p) for p in model.parameters() if p.requires_grad]
    snapshot = [p.clone() for p in parameters]
    rows, updates = [], []
    for branch in (one, other):
        _put(parameters, snapshot)
        branch.optimizer.zero_grad(set_to_none=True)
        row = branch.gradient()
        norm = clip(model, branch.clip)
        if branch.moves:
            branch.optimizer.step()
        rows.append(row | {"grad_norm": norm})
        updates.append([branch.weight * (p - s) for p, s in zip(parameters, snapshot, strict=True)])
    _put(parameters, [s + (a + b) for s, a, b in zip(snapshot, *updates, strict=True)])
    return rows[0], rows[1]


def parallel(
    parent: str, config: ParallelConfig, out: Path, *, processes: int = 1, quiet: bool = False
) -> Path:
    """Parallel averaging from the checkpoint `parent`; returns the last kept checkpoint under `out`.

    Every update on a minibatch of rollouts is one parallel step, with the next batch of demonstrations.
    Exact on resume.
    """
    check_schedule(config.weight, "parallel.weight", 1.0)
    found = open_checkpoint(parent)
    of_rl = asked(checked(config.rl, "parallel.rl"), found)
    config = config.model_copy(update={"rl": of_rl, "sft": asked(_side(config), found)})
    grows = "rl.steps" if config.rl.final_lr == config.sft.final_lr == 1 else None
    with starting(out):
        if not claim(out, config, grows=grows, parent=found.weights):
            meet = shard.needs_group(config.rl.compute)
            launch(_loop, (found, config, out, quiet), processes, meet=meet)
    return last_checkpoint(out)


def _loop(found: Checkpoint, config: ParallelConfig, out: Path, quiet: bool) -> None:
    model, reference, tokenizer = load_policy(found, config.rl)
    compute = [{"compute": shard.fitted(own.compute, model)} for own in (config.rl, config.sft)]
    both = {"rl": config.rl.model_copy(update=compute[0]), "sft": config.sft.model_copy(update=compute[1])}
    config = config.model_copy(update=both)
    sampler = open_sampler(model, tokenizer, found, config.rl, quiet)
    shown = training_demonstrations(config.sft, tokenizer, model.context, quiet=quiet)
    evaluation = open_evaluation(sampler.engine, sampler.sync, tokenizer, model.context, config.rl, quiet)
    of_rl, of_sft = adamw(model, config.rl.optimizer), adamw(model, config.sft.optimizer)
    run = Run("parallel", out, config.rl.steps, config.rl, {"flops": 0.0}, quiet)
    run.resume(model, rl=of_rl, sft=of_sft)
    if run.lead:
        rollouts.prune(out / "rollouts", run.first)
    silence = Silence(len(sampler.asked.ids), quiet or config.rl.algorithm == "distillation")
    for step in run.remaining():
        batch = sampler.rollouts(step)
        weight, taught, updates = value_at(config.weight, step), _taught(shown, config, step), []
        now = at_step(config.rl, step)
        for optimizer, own in ((of_rl, config.rl), (of_sft, config.sft)):
            factor = cosine(step, config.rl.steps, own.warmup_steps, own.final_lr)
            set_lr(optimizer, own.optimizer, factor)
        for minibatch, lesson in zip(minibatches(model, batch, now), taught, strict=True):
            reinforce = partial(policy.gradient, model, reference, minibatch, now)
            imitate = partial(_imitate, model, lesson, config)
            moves = minibatch.signal or now.step_without_signal
            row, learnt = parallel_step(
                model,
                Branch(reinforce, of_rl, config.rl.optimizer.clip, weight, moves),
                Branch(imitate, of_sft, config.sft.optimizer.clip, 1 - weight),
            )
            for side in (row, learnt):
                check_finite(step, side["loss"], side["grad_norm"], f"problems {' '.join(batch.ids)}")
            row["moved"] = float(moves)
            updates.append(row | {f"sft_{key}": value for key, value in learnt.items()})
        row = rollouts.describe(batch) | mean(updates) | {"weight": weight} | evaluate(evaluation, step)
        silence.hear(row["zero_variance"], config.rl.prompts)
        run.totals["flops"] += step_flops(model.costs, batch, now, reference.costs if reference else None)
        run.totals["flops"] += sum(demonstration_flops(model, lesson) for lesson in taught)
        if run.lead:
            rollouts.save(out / "rollouts", step + 1, batch)
        run.record(step, row, f"reward {row['reward']:.3f}  sft loss {row['sft_loss']:.3f}", row["tokens"])
        if kept := run.keeps(step):
            data = content_hash(sampler.asked.fingerprint, fingerprint(shown))
            lineage = descend(found, "parallel", step + 1, run.totals["flops"], config.rl, data)
            ends = ends_of(found, tokenizer, config.rl)
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage, ends)
        run.save(step, kept=kept)
    run.finish()


def _side(config: ParallelConfig) -> SFTConfig:
    """The settings of the SFT side, with the seed of the RL side where it was given none."""
    if config.sft.adapter not in (None, config.rl.adapter):
        raise UserError(
            "parallel.sft.adapter: both sides train one model; set parallel.rl.adapter to the same"
        )
    own = "seed" in config.sft.model_fields_set
    return config.sft if own else config.sft.model_copy(update={"seed": config.rl.seed})


def _imitate(model: Trainable, lesson: Sequence[Demonstration], config: ParallelConfig) -> dict[str, float]:
    return {"loss": gradient(model, lesson, config.sft)}


def _taught(shown: Sequence[Demonstration], config: ParallelConfig, step: int) -> list[list[Demonstration]]:
    """Batches of demonstrations for a step's updates, read on from where the step before ended."""
    updates = config.rl.prompts // config.rl.minibatch
    return [batch_at(shown, config.sft, step * updates + i) for i in range(updates)]


@torch.no_grad()
def _put(parameters: Sequence[torch.Tensor], values: Sequence[torch.Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)
