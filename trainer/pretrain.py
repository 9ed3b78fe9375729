"""Pre-training from scratch: one loop, from documents to checkpoints."""

from __future__ import annotations

import math
from pathlib import Path

from evals.core.errors import UserError
from trainer.algorithms.loss import add_gradient
from trainer.config.schema import PretrainConfig
from trainer.data import corpus as data
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.distributed.launch import launch
from trainer.models.checkpoint import Lineage, save_checkpoint
from trainer.models.flops import training_flops
from trainer.models.native import new_model, shape_of
from trainer.models.optimizer import adamw, clip, cosine, set_lr
from trainer.run.folder import Run, claim, last_checkpoint, starting
from trainer.run.guards import check_finite


def pretrain(config: PretrainConfig, out: Path, *, processes: int = 1, quiet: bool = False) -> Path:
    """Pre-train an OLMo2 and keep checkpoints `step-N` under `out`; returns the last one's folder.

    Resumes from the newest state; a finished run is left as it is. The result does not depend on where a
    run was interrupted; it depends on the number of processes only through the order of fp32 sums.
    """
    _check(config)
    with starting(out):
        if not claim(out, config):
            data.prepare(out / "data", config)
            launch(_loop, (config, out, quiet), processes, meet=shard.needs_group(config.compute))
    return last_checkpoint(out)


def _check(config: PretrainConfig) -> None:
    """UserError where two numbers contradict each other, before anything is read."""
    shape_of(config.model, config.vocab_size)
    if config.sequence > config.model.context:
        raise UserError(
            f"pretrain.sequence ({config.sequence}) is more than pretrain.model.context "
            f"({config.model.context}); lower the one or raise the other"
        )


def _loop(config: PretrainConfig, out: Path, quiet: bool) -> None:
    corpus = data.open_corpus(out / "data", config)
    tokenizer = data.open_tokenizer(out / "data")
    plan = data.steps(corpus, config.batch_tokens)
    kept = _kept_steps(config, corpus, plan)
    fresh = new_model(config.model, data.vocabulary(tokenizer, config), config.seed)
    model = shard.place(fresh, config.compute, distributed.device())
    optimizer = adamw(model, config.optimizer)
    run = Run("pretrain", out, len(plan), config, {"tokens": 0.0, "flops": 0.0}, quiet)
    run.resume(model, adamw=optimizer)
    for step in run.remaining():
        documents = [corpus.document(i) for i in range(*plan[step])]
        predicted = [len(d) - 1 for d in documents]  # every token but a document's first
        factor = cosine(step, len(plan), round(config.warmup * len(plan)), config.final_lr)
        lr = set_lr(optimizer, config.optimizer, factor)
        model.zero_grad(set_to_none=True)
        loss = add_gradient(model, documents, predicted, config.compute.tokens_per_pass)
        norm = clip(model, config.optimizer.clip)
        check_finite(step, loss, norm, f"documents {plan[step][0]} to {plan[step][1] - 1}")
        optimizer.step()
        lengths = [len(d) for d in documents]
        run.totals["tokens"] += sum(lengths)
        run.totals["flops"] += training_flops(model.costs, lengths, sum(predicted))
        run.record(step, {"loss": loss, "lr": lr, "grad_norm": norm}, f"loss {loss:.3f}", sum(lengths))
        if step in kept:
            lineage = _lineage(config, step + 1, run.totals, corpus.fingerprint)
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage)
        run.save(step, kept=step in kept)
    run.finish()


def _kept_steps(config: PretrainConfig, corpus: data.Corpus, plan: list[tuple[int, int]]) -> set[int]:
    """Steps after which a checkpoint is kept: the first at or past each chosen token count, and the last."""
    seen = [int(n) for n in corpus.lengths.cumsum()[[last - 1 for _, last in plan]]]
    wanted = [*config.checkpoints, math.inf]
    return {next((i for i, s in enumerate(seen) if s >= tokens), len(plan) - 1) for tokens in wanted}


def _lineage(config: PretrainConfig, step: int, totals: dict[str, float], fingerprint: str) -> Lineage:
    """The base checkpoint's lineage; the synthetic world has a prompt form of its own."""
    world = any(s.path == "world" for s in config.sources)
    prompt = {"template": "world", "shots": 0} if world else {}
    tokens, flops = int(totals["tokens"]), totals["flops"]
    return Lineage(None, None, "base", step, tokens, flops, config.seed, fingerprint, prompt)
