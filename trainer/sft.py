"""Supervised fine-tuning on worked solutions: recipes sft and sft-gold, one loop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint
from trainer.algorithms.loss import add_gradient
from trainer.config.schema import SFTConfig
from trainer.data.asking import asked
from trainer.data.demonstrations import (
    Demonstration,
    batch_at,
    fingerprint,
    steps_of,
    training_demonstrations,
)
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.distributed.launch import launch
from trainer.models.checkpoint import descend, load_parent, save_checkpoint
from trainer.models.flops import training_flops
from trainer.models.optimizer import adamw, clip, cosine, set_lr
from trainer.models.trainable import Trainable
from trainer.rollouts.evaluation import evaluate, open_evaluation
from trainer.rollouts.sampler import ends_of, torch_engine
from trainer.run.folder import Run, claim, last_checkpoint, starting
from trainer.run.guards import check_finite


def sft(parent: str, config: SFTConfig, out: Path, *, processes: int = 1, quiet: bool = False) -> Path:
    """Fine-tune the checkpoint `parent` on demonstrations; returns the last kept checkpoint under `out`.

    `config.demonstrations` decides the recipe: "one" is sft, "all" is sft-gold. Exact on resume.
    """
    found = open_checkpoint(parent)
    config = asked(config, found)
    grows = "epochs" if config.final_lr == 1 else None
    with starting(out):
        if not claim(out, config, grows=grows, parent=found.weights):
            meet = shard.needs_group(config.compute)
            launch(_loop, (found, config, out, quiet), processes, meet=meet)
    return last_checkpoint(out)


def _loop(found: Checkpoint, config: SFTConfig, out: Path, quiet: bool) -> None:
    model, tokenizer = load_parent(found, config.adapter, config.seed)
    shown = training_demonstrations(config, tokenizer, model.context, quiet=quiet)
    model = shard.place(model, config.compute, distributed.device())
    config = config.model_copy(update={"compute": shard.fitted(config.compute, model)})
    recipe = "sft-gold" if config.demonstrations == "all" else "sft"
    evaluation = None
    if config.eval_every:
        engine, sync = torch_engine(model, tokenizer, found, config)
        evaluation = open_evaluation(engine, sync, tokenizer, model.context, config, quiet)
    optimizer = adamw(model, config.optimizer)
    run = Run(recipe, out, steps_of(len(shown), config), config, {"flops": 0.0}, quiet)
    run.resume(model, adamw=optimizer)
    for step in run.remaining():
        batch = batch_at(shown, config, step)
        factor = cosine(step, run.steps, config.warmup_steps, config.final_lr)
        lr = set_lr(optimizer, config.optimizer, factor)
        model.zero_grad(set_to_none=True)
        loss = gradient(model, batch, config)
        norm = clip(model, config.optimizer.clip)
        check_finite(step, loss, norm, f"problems {batch[0].problem} to {batch[-1].problem}")
        optimizer.step()
        run.totals["flops"] += demonstration_flops(model, batch)
        tokens = sum(len(d.response) for d in batch)
        row = {"loss": loss, "grad_norm": norm, "lr": lr, "tokens": float(tokens)}
        row |= {"epoch": step * config.batch // len(shown)} | evaluate(evaluation, step)
        run.record(step, row, f"loss {loss:.3f}", sum(len(d) for d in batch))
        if kept := run.keeps(step):
            lineage = descend(found, recipe, step + 1, run.totals["flops"], config, fingerprint(shown))
            ends = ends_of(found, tokenizer, config)
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage, ends)
        run.save(step, kept=kept)
    run.finish()


def gradient(model: Trainable, batch: Sequence[Demonstration], config: SFTConfig) -> float:
    """Add the gradient of the mean loss over all response tokens of `batch`, EOS included; returns it."""
    counted = [len(d.response) for d in batch]
    return add_gradient(model, [d.ids for d in batch], counted, config.compute.tokens_per_pass)


def demonstration_flops(model: Trainable, batch: Sequence[Demonstration]) -> float:
    """Floating-point operations of one update on `batch`."""
    return training_flops(model.costs, [len(d) for d in batch], sum(len(d.response) for d in batch))
