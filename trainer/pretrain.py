"""Pre-training from scratch: one loop, from documents to checkpoints."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from evals.errors import UserError
from trainer import data, distributed
from trainer.checkpoint import Lineage, drop_state, load_state, new_model, save_checkpoint, save_state
from trainer.config import PretrainConfig
from trainer.files import Rows
from trainer.flops import training_flops
from trainer.loss import stream, token_losses
from trainer.optimizer import adamw, clip, cosine, set_lr
from trainer.run import Progress, claim, finish, finished


def pretrain(config: PretrainConfig, out: Path, *, processes: int = 1, quiet: bool = False) -> Path:
    """Pre-train an OLMo2 and keep checkpoints `step-N` under `out`; returns the last one's folder.

    Resumes from the newest state; a finished run is left as it is. The result does not depend on where a
    run was interrupted; it depends on the number of processes only through the order of fp32 sums.
    """
    claim(out, config)
    if not finished(out):
        data.prepare(out / "data", config)
        distributed.launch(_loop, (config, out, quiet), processes)
    return max(out.glob("step-*"))


def _loop(config: PretrainConfig, out: Path, quiet: bool) -> None:
    corpus, tokenizer = data.prepare(out / "data", config)
    plan = data.steps(corpus, config.batch_tokens)
    kept = _checkpoint_steps(config, corpus, plan)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = new_model(config.model, config.vocab_size, config.seed).to(device)
    optimizer = adamw(model, config.optimizer)
    first, tokens, flops = 0, 0, 0.0
    if state := load_state(out / "state"):
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        first, tokens, flops = state["step"], state["tokens"], state["flops"]
    lead = distributed.rank() == 0
    rows = Rows(out / "metrics.jsonl", keep=first, writes=lead)
    progress = Progress("pretrain", first, len(plan), quiet=quiet or not lead)
    for step in range(first, len(plan)):
        began = time.perf_counter()
        documents = [data.document(corpus, i).tolist() for i in range(*plan[step])]
        count = sum(len(d) - 1 for d in documents)  # every token but a document's first is predicted
        lr = config.optimizer.lr * cosine(step, len(plan), config.warmup, config.final_lr)
        set_lr(optimizer, lr)
        optimizer.zero_grad(set_to_none=True)
        loss = torch.zeros((), device=device)
        if mine := documents[distributed.rank() :: distributed.world()]:
            batch = stream(mine, [len(d) - 1 for d in mine], device)
            loss = token_losses(model, batch).sum() / count
            loss.backward()
        distributed.sum_gradients(model.parameters())
        norm = clip(model, config.optimizer.clip)
        total = float(distributed.sum_over_ranks(loss.detach()))
        if total != total or norm != norm:
            raise UserError(
                f"the loss is not a number at step {step + 1} (documents {plan[step][0]} to "
                f"{plan[step][1] - 1}); lower optimizer.lr (the last saved state is kept)"
            )
        optimizer.step()
        tokens += count + len(documents)
        flops += training_flops(model.shape, [len(d) for d in documents])
        seconds = time.perf_counter() - began
        rows.add(
            {"step": step + 1, "loss": total, "lr": lr, "grad_norm": norm, "tokens": tokens, "flops": flops}
            | {"seconds": round(seconds, 4)}
        )
        progress.show(step + 1, f"loss {total:.3f}  {(count + len(documents)) / seconds:,.0f} tok/s")
        if lead and step + 1 in kept:
            lineage = _lineage(config, step + 1, tokens, flops, corpus.fingerprint)
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage)
        if lead and ((step + 1) % config.save_every == 0 or step + 1 in kept):
            save_state(out / "state", step + 1, _state(model, optimizer, step + 1, tokens, flops))
    distributed.barrier()
    if lead:
        finish(out)
        drop_state(out / "state")


def _checkpoint_steps(config: PretrainConfig, corpus: data.Corpus, plan: list[tuple[int, int]]) -> set[int]:
    """Steps after which a checkpoint is kept: the first at or past each chosen token count, and the last."""
    seen = [int(corpus.ends[last - 1]) for _, last in plan]
    wanted = {next((i + 1 for i, s in enumerate(seen) if s >= t), len(plan)) for t in config.checkpoints}
    return wanted | {len(plan)}


def _lineage(config: PretrainConfig, step: int, tokens: int, flops: float, fingerprint: str) -> Lineage:
    prompt = {"template": "world", "shots": 0}
    return Lineage(None, None, "base", step, tokens, flops, config.seed, fingerprint, prompt)


def _state(
    model: torch.nn.Module, optimizer: torch.optim.Optimizer, step: int, tokens: int, flops: float
) -> dict[str, Any]:
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "tokens": tokens,
        "flops": flops,
    }
