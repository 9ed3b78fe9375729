"""What samples rollouts: the prompts of each step, the engine, and how it gets new weights."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.config import eos_ids
from evals.engines.engine import Engine
from evals.engines.torch_engine import TorchEngine
from trainer.algorithms import advantages
from trainer.config.schema import Questions, RLConfig
from trainer.data.asking import asking_of, end_of_response
from trainer.data.prompts import Prompts, batch_of, training_prompts
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.models.trainable import Trainable
from trainer.rollouts.rollouts import Rollouts, collect, refilled
from trainer.run.guards import memory

Sync = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Sampler:
    """Training prompts, and the engine that answers them with the weights of the moment."""

    engine: Engine
    sync: Sync
    asked: Prompts
    config: RLConfig

    def rollouts(self, step: int) -> Rollouts:
        """The rollouts of one step: prompts by the run's order, sampled from the present weights."""
        prompts, config = self.asked.ids, self.config
        chosen = batch_of(len(prompts), config.prompts, config.seed, step)
        self.sync()
        with memory(f"rows (now {config.rows})"):
            batch = self._collect(chosen, step)
            for attempt in range(config.refill):
                signal = (advantages(batch.rewards, config) != 0).any(dim=1)
                flat = [g for g, has in enumerate(signal.tolist()) if not has]
                if not flat:
                    break
                at = step * config.refill + attempt
                further = batch_of(len(prompts), config.prompts, config.seed, at, "rl-refill")
                other = self._collect(further[: len(flat)], step, attempt)
                useful = (advantages(other.rewards, config) != 0).any(dim=1)
                batch = refilled(batch, flat, other, useful.tolist())
        return batch

    def _collect(self, chosen: list[int], *key: int) -> Rollouts:
        asked = self.asked
        problems, prompts = [asked.problems[i] for i in chosen], [asked.ids[i] for i in chosen]
        return collect(self.engine, problems, prompts, self.config, *key, before=asked.before)


def open_sampler(
    model: Trainable, tokenizer: Any, found: Checkpoint, config: RLConfig, quiet: bool = False
) -> Sampler:
    """The sampler of a run: training prompts that leave room for the response, and the engine."""
    asked = training_prompts(config, tokenizer, model.context, quiet=quiet)
    engine, sync = open_policy_engine(model, tokenizer, found, config)
    return Sampler(engine, sync, asked, config)


def open_policy_engine(
    model: Trainable, tokenizer: Any, found: Checkpoint, config: RLConfig
) -> tuple[Engine, Sync]:
    """(engine, sync): the engine samples from the weights that the model had at the last sync().

    vLLM runs in a process of its own beside every rank and reads them from a file.
    """
    if config.engine == "vllm":
        from trainer.rollouts.worker import Worker

        worker = Worker(found, "vllm", config.compute.precision, ends_of(found, tokenizer, config))
        return worker, lambda: through_file(model, worker)
    return torch_engine(model, tokenizer, found, config, config.rows)


def torch_engine(
    model: Trainable, tokenizer: Any, found: Checkpoint, config: Questions, rows: int = 256
) -> tuple[Engine, Sync]:
    """See `open_policy_engine`: unsharded fp32 weights are sampled from as they are, sharded ones are
    gathered into a copy in the layers' precision."""
    sampled = model
    if distributed.is_sharded(model):
        sampled = model.twin().to(getattr(torch, config.compute.precision)).eval()
    ends = ends_of(found, tokenizer, config)
    engine = TorchEngine(sampled.decoder(), tokenizer, eos_ids=ends, context=model.context, rows=rows)
    return engine, (lambda: None) if sampled is model else (lambda: copy_weights(model, sampled))


def ends_of(found: Checkpoint, tokenizer: Any, config: Questions) -> tuple[int, ...]:
    """Ids that end a response: the checkpoint's, and what closes a turn of a chat."""
    return tuple(sorted({*eos_ids(found, tokenizer), end_of_response(tokenizer, asking_of(config))}))


@torch.no_grad()
def copy_weights(source: Trainable, target: Trainable) -> None:
    """Copy weights that may be sharded into a whole model of any precision, tensor by tensor."""
    weights = target.state_dict()
    for name, weight in source.state_dict().items():
        weights[name].copy_(shard.gathered(weight))


def through_file(model: Trainable, worker: Any) -> None:
    """Hand the weights to this rank's worker through a file, in memory where the system has one there."""
    kind = getattr(torch, worker.dtype)
    weights = {k: v.to(kind) for k, v in shard.whole(model.state_dict()).items()}
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        model.save_weights(folder, weights)
        worker.load(folder / "model.safetensors")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
