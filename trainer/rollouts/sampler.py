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
from evals.engines.decoders import Olmo2Decoder
from evals.engines.engine import Engine
from evals.engines.olmo2 import Olmo2
from evals.engines.torch_engine import TorchEngine
from trainer.config.load import RLConfig
from trainer.data.prompts import Prompts, batch_of, training_prompts
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.rollouts.rollouts import Rollouts, collect
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
        problems, prompts, config = self.asked.problems, self.asked.ids, self.config
        chosen = batch_of(len(prompts), config.prompts, config.seed, step)
        self.sync()
        with memory(f"rows (now {config.rows})"):
            return collect(
                self.engine, [problems[i] for i in chosen], [prompts[i] for i in chosen], config, step
            )


def open_sampler(model: Olmo2, tokenizer: Any, found: Checkpoint, config: RLConfig) -> Sampler:
    """The sampler of a run: training prompts that leave room for the response, and the engine."""
    asked = training_prompts(config, tokenizer, model.shape.max_position_embeddings)
    engine, sync = open_policy_engine(model, tokenizer, found, config)
    return Sampler(engine, sync, asked, config)


def open_policy_engine(
    model: Olmo2, tokenizer: Any, found: Checkpoint, config: RLConfig
) -> tuple[Engine, Sync]:
    """(engine, sync): the engine samples from the weights that the model had at the last sync().

    Unsharded fp32 weights are sampled from as they are. Sharded ones are gathered into a copy in the
    layers' precision. vLLM runs in a process of its own beside every rank and reads them from a file.
    """
    if config.engine == "vllm":
        from trainer.rollouts.worker import Worker

        worker = Worker(found, "vllm", config.compute.precision)
        return worker, lambda: through_file(model, worker)
    sampled = model
    if distributed.is_sharded(model):
        with torch.device(model.lm_head.weight.device):
            sampled = Olmo2(model.shape).to(getattr(torch, config.compute.precision)).eval()
    engine = TorchEngine(
        Olmo2Decoder(sampled),
        tokenizer,
        eos_ids=eos_ids(found, tokenizer),
        context=model.shape.max_position_embeddings,
        rows=config.rows,
    )
    return engine, (lambda: None) if sampled is model else (lambda: copy_weights(model, sampled))


@torch.no_grad()
def copy_weights(source: Olmo2, target: Olmo2) -> None:
    """Copy weights that may be sharded into a whole model of any precision, tensor by tensor."""
    held = target.state_dict()
    for name, weight in source.state_dict().items():
        held[name].copy_(shard.gathered(weight))


def through_file(model: Olmo2, worker: Any) -> None:
    """Hand the weights to this rank's worker through a file, in memory where the system has one there."""
    from safetensors.torch import save_file

    kind = getattr(torch, worker.dtype)
    weights = {k: v.to(kind).contiguous() for k, v in shard.whole(model.state_dict()).items()}
    if model.shape.tie_word_embeddings:
        weights.pop("lm_head.weight")
    folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
        worker.load(folder / "model.safetensors")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
