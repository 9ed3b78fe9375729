"""An engine in a process of its own, so that its view of devices and groups is not the trainer's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.core.processes import end_with_parent, spawning
from evals.records import Request, Sample, SamplingOptions

TORCHRUN = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


class Worker:
    """An `Engine`, which says what its methods do, behind a pipe, with `load` to take new weights."""

    def __init__(self, found: Checkpoint, engine: str, dtype: str, ends: tuple[int, ...] = ()) -> None:
        """Start the process and wait until its engine has the checkpoint.

        ends: ids that end a response (default: the checkpoint's).
        """
        self.dtype = dtype
        device = os.environ.get("LOCAL_RANK")
        with spawning() as context:
            self.pipe, other = context.Pipe()
            args = (other, found, engine, dtype, ends, device, os.getpid())
            self.process = context.Process(target=_serve, args=args, daemon=True)
            self.process.start()
        other.close()
        self.identity, self.eos_ids, self.context = self._answer()

    def _answer(self) -> Any:
        try:
            answer = self.pipe.recv()
        except EOFError as error:
            raise UserError("the sampling process ended; its own messages above say why") from error
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _ask(self, name: str, *args: Any) -> Any:
        self.pipe.send((name, args))
        return self._answer()

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._ask("encode", text))

    def sample(self, requests: Sequence[Request], options: SamplingOptions) -> list[Sample]:
        return list(self._ask("sample", list(requests), options))

    def score(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        return list(self._ask("score", prompt_ids, response_ids))

    def load(self, weights: Path) -> None:
        """Take the weights of a safetensors file; what was cached under the old ones is dropped."""
        self._ask("load_weights", str(weights))

    def close(self) -> None:
        """End the process."""
        self.pipe.close()
        self.process.join()


def _serve(
    pipe: Any,
    found: Checkpoint,
    kind: str,
    dtype: str,
    ends: tuple[int, ...],
    device: str | None,
    parent: int,
) -> None:
    """The process: one engine, asked through the pipe until it closes."""
    end_with_parent(parent)
    for name in TORCHRUN:
        os.environ.pop(name, None)
    if device is not None:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        os.environ["CUDA_VISIBLE_DEVICES"] = seen.split(",")[int(device)] if seen else device
    try:
        from safetensors.torch import load_file

        from evals.engines.open import open_engine

        engine: Any = open_engine(found, engine=kind, dtype=dtype)
        engine.eos_ids = ends or engine.eos_ids
        pipe.send((engine.identity, engine.eos_ids, engine.context))
    except Exception as error:
        pipe.send(error)
        return
    while True:
        try:
            name, args = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            pipe.send(getattr(engine, name)(*((load_file(*args),) if name == "load_weights" else args)))
        except Exception as error:
            pipe.send(error)
