"""Parallel averaging: RL and SFT from one snapshot, the mean of their updates (arXiv 2606.04272).

`parallel_step` is the algorithm; the loop below feeds it with rollouts and demonstrations.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from evals.checkpoints import Checkpoint
from evals.engines.decoders import Olmo2Decoder
from evals.engines.olmo2 import Olmo2
from evals.engines.open import eos_ids
from evals.engines.torch_engine import TorchEngine
from evals.errors import UserError
from evals.records import content_hash
from trainer import demonstrations, distributed, policy, rollouts, sft
from trainer.algorithms import advantages, with_defaults
from trainer.checkpoint import Lineage, drop_state, load_parent, load_state, save_checkpoint, save_state
from trainer.config import ParallelConfig
from trainer.demonstrations import Demonstration
from trainer.files import Rows
from trainer.flops import training_flops
from trainer.optimizer import adamw, clip
from trainer.prompts import training_prompts
from trainer.rl import batch_of, describe, step_flops
from trainer.run import Progress, claim, finish, finished


@dataclass(frozen=True, slots=True)
class Branch:
    """One side of a parallel step.

    gradient: adds the gradient at the current parameters, returns metrics. optimizer: its own, moments and
    all. clip: largest gradient norm (0 = any). weight: of its update in the mean.
    """

    gradient: Callable[[], dict[str, float]]
    optimizer: torch.optim.Optimizer
    clip: float
    weight: float


def parallel_step(model: nn.Module, one: Branch, other: Branch) -> tuple[dict[str, float], dict[str, float]]:
    """New parameters = snapshot + weighted sum of the two branches' updates, both made at the snapshot.

    Returns each branch's metrics with its `grad_norm`. The order of the branches does not change a bit.
    """
    parameters = list(model.parameters())
    snapshot = [p.detach().clone() for p in parameters]
    rows, updates = [], []
    for branch in (one, other):
        _put(parameters, snapshot)
        branch.optimizer.zero_grad(set_to_none=True)
        row = branch.gradient()
        norm = clip(model, branch.clip)
        branch.optimizer.step()
        rows.append(row | {"grad_norm": norm})
        updates.append([branch.weight * (p.detach() - s) for p, s in zip(parameters, snapshot, strict=True)])
    _put(parameters, [s + (a + b) for s, a, b in zip(snapshot, *updates, strict=True)])
    return rows[0], rows[1]


def weight_at(weight: float | Sequence[tuple[int, float]], step: int) -> float:
    """Weight of the RL update at a step: the number itself, or on straight lines between (step, weight)."""
    if isinstance(weight, int | float):
        return float(weight)
    steps, weights = zip(*weight, strict=True)
    return float(np.interp(step, steps, weights))


def parallel(
    parent: str, config: ParallelConfig, out: Path, *, processes: int = 1, quiet: bool = False
) -> Path:
    """Parallel averaging from the checkpoint `parent`; returns the last kept checkpoint under `out`.

    Every update on a minibatch of rollouts is one parallel step, with the next batch of demonstrations.
    Exact on resume.
    """
    _check(config)
    config = config.model_copy(update={"rl": with_defaults(config.rl)})
    claim(out, config, {"parent": parent})
    if not finished(out):
        distributed.launch(_loop, (parent, config, out, quiet), processes)
    return max(out.glob("step-*"))


def _check(config: ParallelConfig) -> None:
    if config.rl.top_p < 1 or config.rl.top_k > 0:
        raise UserError(
            "parallel.rl needs top_p = 1 and top_k = 0: rollouts are drawn from the policy trained"
        )
    if config.rl.prompts % config.rl.minibatch:
        raise UserError(
            f"parallel.rl.prompts ({config.rl.prompts}) must be a multiple of parallel.rl.minibatch "
            f"({config.rl.minibatch})"
        )
    points = [(0, config.weight)] if isinstance(config.weight, int | float) else list(config.weight)
    steps = [step for step, _ in points]
    if not points or steps != sorted(set(steps)) or any(not 0 <= w <= 1 for _, w in points):
        raise UserError("parallel.weight is a number from 0 to 1, or rising [step, weight] points of such")


def _loop(parent: str, config: ParallelConfig, out: Path, quiet: bool) -> None:
    model, tokenizer, found = load_parent(parent)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device)
    reference = load_parent(parent)[0].to(device).eval() if config.rl.kl > 0 else None
    ends = eos_ids(found, tokenizer)
    engine = TorchEngine(
        Olmo2Decoder(model), tokenizer, eos_ids=ends, context=model.shape.max_position_embeddings
    )
    problems, prompts = training_prompts(config.rl, engine)
    shown = demonstrations.training_demonstrations(config.sft, engine)
    optimizers = {"rl": adamw(model, config.rl.optimizer), "sft": adamw(model, config.sft.optimizer)}
    first, flops = 0, 0.0
    if state := load_state(out / "state"):
        model.load_state_dict(state["model"])
        for name, optimizer in optimizers.items():
            optimizer.load_state_dict(state[name])
        first, flops = state["step"], state["flops"]
    lead = distributed.rank() == 0
    if lead:
        rollouts.prune(out / "rollouts", first)
    rows = Rows(out / "metrics.jsonl", keep=first, writes=lead)
    progress = Progress("parallel", first, config.rl.steps, quiet=quiet or not lead)
    for step in range(first, config.rl.steps):
        began = time.perf_counter()
        chosen = batch_of(len(problems), config.rl, step)
        batch = rollouts.collect(
            engine, [problems[i] for i in chosen], [prompts[i] for i in chosen], config.rl, step
        )
        taught = _taught(shown, config, step)
        row = describe(batch, config.rl) | {"weight": weight_at(config.weight, step)}
        row |= update(model, reference, optimizers, batch, taught, config, row["weight"])
        if any(value != value for value in row.values()):
            raise UserError(
                f"a gradient of parallel is not a number at step {step + 1} (problems {batch.ids[0]} to "
                f"{batch.ids[-1]}); lower parallel.rl.optimizer.lr or parallel.sft.optimizer.lr; "
                "the last saved state is kept"
            )
        flops += step_flops(model, batch, config.rl)
        flops += training_flops(model.shape, [len(d) for part in taught for d in part])
        row |= {"step": step + 1, "flops": flops, "seconds": round(time.perf_counter() - began, 4)}
        if lead:
            rollouts.save(out / "rollouts", step + 1, batch)
        rows.add(row)
        progress.show(step + 1, f"reward {row['reward']:.3f}  sft loss {row['sft_loss']:.3f}")
        last = step + 1 == config.rl.steps
        keep = last or (config.rl.checkpoint_every > 0 and (step + 1) % config.rl.checkpoint_every == 0)
        if lead and keep:
            data = content_hash([p.id for p in problems], demonstrations.fingerprint(shown))
            lineage = _lineage(parent, found, config, step + 1, flops, data)
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage)
        if lead and (keep or (step + 1) % config.rl.save_every == 0):
            parts: dict[str, Any] = {name: o.state_dict() for name, o in optimizers.items()}
            parts |= {"model": model.state_dict(), "step": step + 1, "flops": flops}
            save_state(out / "state", step + 1, parts)
    distributed.barrier()
    if lead:
        finish(out)
        drop_state(out / "state")


def update(
    model: Olmo2,
    reference: Olmo2 | None,
    optimizers: dict[str, torch.optim.Optimizer],
    batch: rollouts.Rollouts,
    taught: Sequence[Sequence[Demonstration]],
    config: ParallelConfig,
    weight: float,
) -> dict[str, float]:
    """All parallel steps on one batch of rollouts, `taught[i]` beside minibatch i; the mean of their metrics.

    Metrics of the SFT branch are named `sft_loss` and `sft_grad_norm`.
    """
    advantage = advantages(batch.rewards, config.rl)
    old = policy.old_logprobs(model, batch, config.rl) if policy.needs_old(config.rl) else None
    rows = []
    for chosen, lesson in zip(policy.minibatches(batch, advantage, config.rl), taught, strict=True):
        reinforce = partial(policy.gradient, model, reference, batch, chosen, advantage, old, config.rl)
        imitate = partial(_imitate, model, lesson, config)
        row, learnt = parallel_step(
            model,
            Branch(reinforce, optimizers["rl"], config.rl.optimizer.clip, weight),
            Branch(imitate, optimizers["sft"], config.sft.optimizer.clip, 1 - weight),
        )
        row |= {f"sft_{key}": value for key, value in learnt.items()}
        rows.append(row)
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}


def _imitate(model: Olmo2, lesson: Sequence[Demonstration], config: ParallelConfig) -> dict[str, float]:
    return {"loss": sft.gradient(model, lesson, config.sft)}


def _taught(shown: Sequence[Demonstration], config: ParallelConfig, step: int) -> list[list[Demonstration]]:
    """Batches of demonstrations for a step's updates, read on from where the step before ended."""
    updates = config.rl.prompts // config.rl.minibatch
    return [demonstrations.batch_at(shown, config.sft, step * updates + i) for i in range(updates)]


@torch.no_grad()
def _put(parameters: Sequence[nn.Parameter], values: Sequence[torch.Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)


def _lineage(
    parent: str, found: Checkpoint, config: ParallelConfig, step: int, flops: float, data: str
) -> Lineage:
    tokens = int((found.lineage or {}).get("tokens") or 0)
    prompt = {"template": config.rl.template, "shots": 0}
    return Lineage(found.weights, parent, "parallel", step, tokens, flops, config.rl.seed, data, prompt)
