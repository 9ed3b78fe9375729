"""Reinforcement learning from verifiable rewards: sample, grade, update, one loop."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint, open_checkpoint
from evals.core.errors import UserError
from evals.verify.extract.thinking import check_tags
from trainer.algorithms import policy, with_defaults
from trainer.config.schema import RLConfig, check_schedule, value_at
from trainer.data.asking import asked
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.distributed.launch import launch
from trainer.models.checkpoint import descend, load_parent, same_tokens, save_checkpoint
from trainer.models.flops import forward_flops, sampling_flops, training_flops
from trainer.models.optimizer import adamw, clip, cosine, set_lr
from trainer.models.trainable import Costs, Trainable
from trainer.models.wrapped import WrappedModel
from trainer.rollouts import rollouts
from trainer.rollouts.evaluation import evaluate, open_evaluation
from trainer.rollouts.minibatches import computed, minibatches
from trainer.rollouts.rewards import MODES, reward_function
from trainer.rollouts.sampler import ends_of, open_sampler
from trainer.run.folder import Run, claim, last_checkpoint, starting
from trainer.run.guards import Silence, check_finite


def rl(parent: str, config: RLConfig, out: Path, *, processes: int = 1, quiet: bool = False) -> Path:
    """Run RL from the checkpoint `parent`; keeps checkpoints under `out`, returns the last one's folder.

    Exact on resume; rollouts, metrics and the verdicts on them are saved step by step.
    """
    found = open_checkpoint(parent)
    config = asked(checked(config, "rl"), found)
    grows = "steps" if config.final_lr == 1 else None
    with starting(out):
        if not claim(out, config, grows=grows, parent=found.weights):
            meet = shard.needs_group(config.compute)
            launch(_loop, (found, config, out, quiet), processes, meet=meet)
    return last_checkpoint(out)


def checked(config: RLConfig, section: str) -> RLConfig:
    """The configuration with its algorithm's own numbers; UserError where it cannot be trained on."""
    config = with_defaults(config)
    check_tags()
    if config.prompts % config.minibatch:
        raise UserError(
            f"{section}.prompts ({config.prompts}) must be a multiple of {section}.minibatch "
            f"({config.minibatch})"
        )
    if config.pass_k > config.n:
        raise UserError(f"{section}.pass_k ({config.pass_k}) must be at most {section}.n ({config.n})")
    if config.algorithm == "distillation" and config.teacher is None:
        raise UserError(f"{section}.algorithm distillation needs {section}.teacher, a checkpoint")
    _check_meant(config, section)
    if config.adapter and shard.needs_group(config.compute) and config.kl > 0 and not config.teacher:
        raise UserError(
            f"an adapter with a KL term is not sharded; set {section}.compute.shard=false and its precision "
            f"to float32, or {section}.kl=0"
        )
    if config.reward not in MODES:
        reward_function(config.reward)
    check_schedule(config.entropy, f"{section}.entropy", math.inf)
    return config.model_copy(update={"correction": _correction(config, section)})


def _check_meant(c: RLConfig, section: str) -> None:
    """UserError for an option without effect beside the others, and for what leaves nothing to learn from."""
    low, high = c.correction_band or (1.0, 1.0)
    distills, all_groups = c.algorithm == "distillation", c.keep_zero_variance and not c.refill
    wrong = (
        (c.teacher and c.kl == 0, "teacher has no effect with kl=0; set kl, or leave it out"),
        (c.pass_k and c.algorithm != "pass-at-k", "pass_k is of algorithm pass-at-k alone; leave it out"),
        (
            c.format_reward and c.reward not in MODES,
            "format_reward is added to the verifier's rewards alone; leave it to your function",
        ),
        (
            0 < c.dual_clip <= 1,
            "dual_clip is 0 (off) or more than 1; below, negative advantages have no gradient",
        ),
        (not low <= 1 <= high, "correction_band is [low, high] around 1, the ratio of equal probabilities"),
        (
            c.correction_band and _correction(c, section) == "off",
            "correction_band has no effect without a correction; set correction to token or sequence",
        ),
        (
            distills and not (all_groups and c.step_without_signal),
            "algorithm distillation learns from all groups, whatever they earn; leave keep_zero_variance, "
            "refill and step_without_signal out",
        ),
    )
    if told := [sentence for applies, sentence in wrong if applies]:
        raise UserError(f"{section}.{told[0]}")


def _correction(config: RLConfig, section: str) -> str:
    """The importance weights that are meant: by default, where the sampler is an engine of its own."""
    plain = config.temperature == 1
    if config.correction == "auto":
        return "token" if config.engine != "torch" and plain else "off"
    if config.correction != "off" and not plain:
        raise UserError(
            f"{section}.correction needs {section}.temperature = 1, at which samplers report log-probs"
        )
    return config.correction


def _loop(found: Checkpoint, config: RLConfig, out: Path, quiet: bool) -> None:
    model, reference, tokenizer = load_policy(found, config)
    config = config.model_copy(update={"compute": shard.fitted(config.compute, model)})
    sampler = open_sampler(model, tokenizer, found, config, quiet)
    evaluation = open_evaluation(sampler.engine, sampler.sync, tokenizer, model.context, config, quiet)
    optimizer = adamw(model, config.optimizer)
    run = Run("rl", out, config.steps, config, {"flops": 0.0}, quiet)
    run.resume(model, adamw=optimizer)
    if run.lead:
        rollouts.prune(out / "rollouts", run.first)
    silence = Silence(len(sampler.asked.ids), quiet or config.algorithm == "distillation")
    for step in run.remaining():
        batch = sampler.rollouts(step)
        now, updates = at_step(config, step), []
        factor = cosine(step, config.steps, config.warmup_steps, config.final_lr)
        lr = set_lr(optimizer, config.optimizer, factor)
        for minibatch in minibatches(model, batch, now):
            model.zero_grad(set_to_none=True)
            measured = policy.gradient(model, reference, minibatch, now)
            norm = clip(model, config.optimizer.clip)
            check_finite(step, measured["loss"], norm, f"problems {' '.join(batch.ids)}")
            moves = minibatch.signal or config.step_without_signal
            if moves:
                optimizer.step()
            updates.append(measured | {"grad_norm": norm, "moved": float(moves)})
        row = rollouts.describe(batch) | mean(updates) | {"lr": lr} | evaluate(evaluation, step)
        silence.hear(row["zero_variance"], config.prompts)
        run.totals["flops"] += step_flops(model.costs, batch, now, reference.costs if reference else None)
        if run.lead:
            rollouts.save(out / "rollouts", step + 1, batch)
        run.record(step, row, f"reward {row['reward']:.3f}  entropy {row['entropy']:.2f}", row["tokens"])
        if kept := run.keeps(step):
            data = sampler.asked.fingerprint
            lineage = descend(found, "rl", step + 1, run.totals["flops"], config, data)
            ends = ends_of(found, tokenizer, config)
            save_checkpoint(out / f"step-{step + 1:06d}", model, tokenizer, lineage, ends)
        run.save(step, kept=kept)
    run.finish()


def at_step(config: RLConfig, step: int) -> RLConfig:
    """The configuration with what follows a schedule at its value."""
    return config.model_copy(update={"entropy": value_at(config.entropy, step)})


def load_policy(found: Checkpoint, config: RLConfig) -> tuple[Trainable, Trainable | None, Any]:
    """(model, reference, tokenizer); the reference is loaded where the loss has a KL term.

    It is the teacher, or the checkpoint itself. UserError where a teacher reads other tokens.
    """
    device, reference = distributed.device(), None
    model, tokenizer = load_parent(found, config.adapter, config.seed)
    model = shard.place(model, config.compute, device)
    if config.kl > 0 and isinstance(model, WrappedModel) and config.adapter and not config.teacher:
        reference = model.base()
    elif config.kl > 0:
        teacher = open_checkpoint(config.teacher) if config.teacher else found
        if teacher.tokenizer != found.tokenizer and not same_tokens(teacher, found):
            raise UserError(
                f"teacher {teacher.name} and {found.name} have different tokenizers; "
                "give a teacher that reads the same tokens"
            )
        reference = load_parent(teacher)[0]
        if reference.vocabulary != model.vocabulary:
            raise UserError(
                f"teacher {teacher.name} has {reference.vocabulary} logits and {found.name} "
                f"{model.vocabulary}; give a teacher of the same vocabulary"
            )
        reference = shard.place(reference, config.compute, device).eval()
    return model, reference, tokenizer


def mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each metric over the updates of a step."""
    return {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}


def step_flops(
    costs: Costs, batch: rollouts.Rollouts, config: RLConfig, teacher: Costs | None = None
) -> float:
    """Floating-point operations of one step: sampling, scoring passes, training; `config` as at the step.

    teacher: what a token costs in the model of the KL term (default: as much as here).
    What is left out of the updates (groups without signal, cut-off samples) is sampled and no more.
    """
    prompts = [len(p) for p in batch.prompts]
    responses = [len(s.token_ids or ()) for s in batch.samples]
    scoring = [teacher or costs] * (config.kl > 0) + [costs] * (config.prompts > config.minibatch)
    total = sampling_flops(costs, prompts, config.n, responses)
    for vain in batch.discarded:
        total += sampling_flops(costs, [vain.prompt], config.n, vain.responses)
    learnt, measured = computed(batch, config)
    for made, trained in ((learnt, True), (measured, False)):
        those = [i for unit in made for i in unit]
        whole = [prompts[batch.group(i)] + responses[i] for i in those]
        shared = sum(prompts[batch.group(unit[0])] * (len(unit) - 1) for unit in made)
        work = whole, sum(responses[i] for i in those), shared
        total += (training_flops if trained else forward_flops)(costs, *work)
        total += sum(forward_flops(own, *work) for own in scoring)
    return total
