"""Supervised fine-tuning on worked solutions: recipes sft and sft-gold, one loop."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from evals.checkpoints import Checkpoint
from evals.engines.decoders import Olmo2Decoder
from evals.engines.olmo2 import Olmo2
from evals.engines.open import eos_ids
from evals.engines.torch_engine import TorchEngine
from evals.errors import UserError
from trainer import distributed
from trainer.checkpoint import Lineage, drop_state, load_parent, load_state, save_checkpoint, save_state
from trainer.config import SFTConfig
from trainer.demonstrations import (
    Demonstration,
    batch_at,
    fingerprint,
    steps_of_epoch,
    training_demonstrations,
)
from trainer.files import Rows
from trainer.flops import training_flops
from trainer.loss import stream, token_losses
from trainer.optimizer import adamw, clip
from trainer.run import Progress, claim, finish, finished


def sft(parent: str, config: SFTConfig, out: Path, *, processes: int = 1, quiet: bool = False) -> Path:
    """Fine-tune the checkpoint `parent` on demonstrations; returns the last kept checkpoint under `out`.

    `config.demonstrations` decides the recipe: "one" is sft, "all" is sft-gold. Exact on resume.
    """
    claim(out, config, {"parent": parent})
    if not finished(out):
        distributed.launch(_loop, (parent, config, out, quiet), processes)
    return max(out.glob("step-*"))


def _loop(parent: str, config: SFTConfig, out: Path, quiet: bool) -> None:
    model, tokenizer, found = load_parent(parent)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = model.to(device)
    ends = eos_ids(found, tokenizer)
    engine = TorchEngine(
        Olmo2Decoder(model), tokenizer, eos_ids=ends, context=model.shape.max_position_embeddings
    )
    shown = training_demonstrations(config, engine)
    steps = config.epochs * steps_of_epoch(len(shown), config)
    optimizer = adamw(model, config.optimizer)
    first, flops = 0, 0.0
    if state := load_state(out / "state"):
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, flops = state["step"], state["flops"]
    lead = distributed.rank() == 0
    rows = Rows(out / "metrics.jsonl", keep=first, writes=lead)
    progress = Progress(_recipe(config), first, steps, quiet=quiet or not lead)
    for step in range(first, steps):
        began = time.perf_counter()
        batch = batch_at(shown, config, step)
        optimizer.zero_grad(set_to_none=True)
        loss = gradient(model, batch, config)
        norm = clip(model, config.optimizer.clip)
        if loss != loss or norm != norm:
            raise UserError(
                f"the loss of sft is not a number at step {step + 1} (problems {batch[0].problem} to "
                f"{batch[-1].problem}); lower sft.optimizer.lr; the last saved state is kept"
            )
        optimizer.step()
        flops += training_flops(model.shape, [len(d) for d in batch])
        rows.add(
            {"step": step + 1, "loss": loss, "grad_norm": norm, "lr": config.optimizer.lr}
            | {"demonstrations": len(batch), "tokens": sum(len(d.response) for d in batch), "flops": flops}
            | {"epoch": step // steps_of_epoch(len(shown), config)}
            | {"seconds": round(time.perf_counter() - began, 4)}
        )
        progress.show(step + 1, f"loss {loss:.3f}")
        last = step + 1 == steps
        keep = last or (config.checkpoint_every > 0 and (step + 1) % config.checkpoint_every == 0)
        if lead and keep:
            lineage = _lineage(parent, found, config, step + 1, flops, fingerprint(shown))
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage)
        if lead and (keep or (step + 1) % config.save_every == 0):
            parts: dict[str, Any] = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            save_state(out / "state", step + 1, parts | {"step": step + 1, "flops": flops})
    distributed.barrier()
    if lead:
        finish(out)
        drop_state(out / "state")


def gradient(model: Olmo2, batch: Sequence[Demonstration], config: SFTConfig) -> float:
    """Add the gradient of the mean loss over all response tokens of `batch`, EOS included; returns the loss.

    One sum over one global count: neither the cut into passes nor the number of processes matters.
    """
    device = model.lm_head.weight.device
    tokens = sum(len(d.response) for d in batch)
    total = torch.zeros((), dtype=torch.float64, device=device)
    for part in _passes(batch[distributed.rank() :: distributed.world()], config.tokens_per_pass):
        data = stream([d.ids for d in part], [len(d.response) for d in part], device)
        loss = token_losses(model, data).sum() / tokens
        loss.backward()
        total += loss.detach()
    distributed.sum_gradients(model.parameters())
    return float(distributed.sum_over_ranks(total))


def _passes(batch: Sequence[Demonstration], size: int) -> list[list[Demonstration]]:
    """The batch in parts of at most `size` tokens, one demonstration at least."""
    parts: list[list[Demonstration]] = []
    held = 0
    for demonstration in batch:
        if not parts or held + len(demonstration) > size:
            parts.append([])
            held = 0
        parts[-1].append(demonstration)
        held += len(demonstration)
    return parts


def _recipe(config: SFTConfig) -> str:
    return "sft-gold" if config.demonstrations == "all" else "sft"


def _lineage(
    parent: str, found: Checkpoint, config: SFTConfig, step: int, flops: float, data: str
) -> Lineage:
    tokens = int((found.lineage or {}).get("tokens") or 0)
    prompt = {"template": config.template, "shots": 0}
    return Lineage(found.weights, parent, _recipe(config), step, tokens, flops, config.seed, data, prompt)
