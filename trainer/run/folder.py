"""A run's folder: its configuration, rows, kept checkpoints, the state to resume from, the marker DONE."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import torch
from pydantic import BaseModel

from evals.core.errors import UserError
from evals.core.files import replacing, sweep, write_file
from evals.core.locks import flock
from trainer.config.load import resolved_json
from trainer.config.schema import PretrainConfig, Questions
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.models.trainable import Trainable
from trainer.run.console import Progress
from trainer.run.files import Rows, full_disk
from trainer.run.loggers import open_loggers

RETIRED = ("top_p", "top_k")  # options that could have one value only
UNSET: tuple[Any, ...] = (None, False, "off", {}, [])  # what an option that was not there does
WAIT = 10.0  # seconds that the processes of a killed run may take to go


def claim(out: Path, config: BaseModel, *, grows: str | None = None, **extra: Any) -> bool:
    """Take `out` for this configuration; True where the run is complete already.

    A folder that holds another configuration is refused by its first difference; only the number `grows`
    may be larger than before, and the run goes on.
    """
    text = json.dumps(json.loads(resolved_json(config)) | extra, indent=1, sort_keys=True) + "\n"
    path = out / "resolved.json"
    if path.is_file():
        old, new = flat(_held(path)), flat(json.loads(text))
        different = differences(old, new, type(config)())
        if grows and different == [grows] and new[grows] > old[grows]:
            _go_on(out, text)
        elif different:
            key = different[0]
            raise UserError(
                f"{out} holds a run of another configuration ({key} is {old.get(key)!r} there, "
                f"{new.get(key)!r} here); choose another --out or remove the folder"
            )
    if distributed.rank() > 0:
        return finished(out)
    if out.is_dir():
        sweep(out)
    if not path.is_file():
        if out.exists() and any(out.iterdir()):
            raise UserError(f"{out} is not empty and holds no run; choose another --out")
        write_file(path, text)
    return finished(out)


def _held(path: Path) -> dict[str, Any]:
    """The configuration that a run's folder holds; UserError where the file is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UserError(f"{path} is no configuration of a run; choose another --out or remove the folder")
    return found


def differences(old: dict[str, Any], new: dict[str, Any], usual: BaseModel) -> list[str]:
    """Keys in which two flat configurations differ. A run from before an option existed had its default."""
    defaults = flat(json.loads(resolved_json(usual)))
    late = [k for k in new if k not in old and new[k] not in (defaults.get(k), *UNSET)]
    other = [k for k in old if k.rpartition(".")[2] not in RETIRED and (k not in new or new[k] != old[k])]
    return sorted({*late, *other})


def _go_on(out: Path, text: str) -> None:
    """Make a run longer: it is no longer done, and goes on from its last state."""
    if finished(out) and not list((out / "state").glob("step-*.pt")):
        raise UserError(
            f"{out} is finished and kept no state; start a new run with --ckpt {last_checkpoint(out)}"
        )
    if distributed.rank() == 0:
        (out / "DONE").unlink(missing_ok=True)
        write_file(out / "resolved.json", text)


@contextmanager
def starting(out: Path) -> Iterator[None]:
    """Leave `out` free where a new run fails before its first step."""
    fresh = distributed.rank() == 0 and not (out.exists() and any(out.iterdir()))
    try:
        yield
    except BaseException:
        rows = out / "metrics.jsonl"
        begun = finished(out) or (rows.is_file() and rows.stat().st_size) or (out / "data").exists()
        if fresh and not begun:
            shutil.rmtree(out, ignore_errors=True)
        raise


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as dotted keys."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        out |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return out


def finished(out: Path) -> bool:
    """Whether a run is complete."""
    return (out / "DONE").is_file()


def last_checkpoint(out: Path) -> Path:
    """The last checkpoint of a run."""
    return max(out.glob("step-*"))


@dataclass
class Run:
    """The bookkeeping of a loop: what it resumes from, what it leaves behind.

    name: of the command. out: the run's folder. steps: all steps. totals: sums over all steps so far
    (tokens, flops), restored with the state.
    """

    name: str
    out: Path
    steps: int
    config: Questions | PretrainConfig
    totals: dict[str, float]
    quiet: bool = False
    first: int = 0
    lead: bool = field(default_factory=lambda: distributed.rank() == 0)

    def resume(self, model: Trainable, **optimizers: torch.optim.Optimizer) -> None:
        """Load the newest state into model and optimizers, and cut the rows back to it."""
        self.model, self.optimizers = model, optimizers
        if self.lead:
            self.lock = _lock(self.out)
        distributed.barrier()
        files = sorted((self.out / "state").glob("step-*.pt"))
        if files:
            state = torch.load(files[-1], weights_only=True)
            shard.restore(model, state["model"])
            for name, optimizer in optimizers.items():
                shard.restore_optimizer(optimizer, state["optimizers"][name])
            self.first, self.totals = state["step"], state["totals"]
        distributed.barrier()  # nobody writes before everybody has read
        self.rows = Rows(self.out / "metrics.jsonl", keep=self.first, writes=self.lead)
        self.progress = Progress(self.name, self.first, self.steps, quiet=self.quiet or not self.lead)
        self.loggers = open_loggers(self.config.log, self.out, self.first) if self.lead else []

    def remaining(self) -> Iterator[int]:
        """Steps still to do, from 0."""
        for step in range(self.first, self.steps):
            self.began = time.perf_counter()
            yield step

    def record(self, step: int, row: dict[str, float], text: str, tokens: float) -> None:
        """Write the row of a step that is done, and one line with its tokens per second."""
        seconds = time.perf_counter() - self.began
        row = (
            {"step": step + 1}
            | row
            | self.totals
            | {"seconds": round(seconds, 4), "tokens_per_second": round(tokens / seconds, 1)}
        )
        self.rows.add(row)
        for logger in self.loggers:
            logger.add(row)
        self.progress.show(step + 1, f"{text}  {tokens / seconds:,.0f} tok/s")

    def keeps(self, step: int) -> bool:
        """Whether a checkpoint is kept after this step: every `checkpoint_every`, and the last."""
        every = getattr(self.config, "checkpoint_every", 0)
        return step + 1 == self.steps or (every > 0 and (step + 1) % every == 0)

    def save(self, step: int, *, kept: bool) -> None:
        """Save the state to resume from where it is due: with kept checkpoints and every `save_every`."""
        if not kept and (step + 1) % self.config.save_every:
            return
        optimizers = {name: shard.whole(o.state_dict()) for name, o in self.optimizers.items()}
        state = {"model": shard.whole(self.model.learnt()), "optimizers": optimizers}
        if self.lead:
            self.rows.sync()
            folder = self.out / "state"
            path = folder / f"step-{step + 1:08d}.pt"
            with full_disk(path), replacing(path) as stream:
                torch.save(state | {"step": step + 1, "totals": self.totals}, stream)
            for old in sorted(folder.glob("step-*.pt"))[:-1]:
                old.unlink()

    def finish(self) -> None:
        """Mark the run as complete, the last thing written, and drop the state."""
        distributed.barrier()
        for logger in self.loggers:
            logger.close()
        if self.lead:
            write_file(self.out / "DONE", "")
            if not getattr(self.config, "keep_state", False):
                shutil.rmtree(self.out / "state", ignore_errors=True)
            self.lock.close()


def _lock(out: Path) -> IO[str]:
    """The run's lock, held until this process ends."""
    stream = (out / ".lock").open("a")
    until = time.monotonic() + WAIT
    while not flock(stream, out, wait=False):
        if time.monotonic() > until:
            raise UserError(f"another process is training in {out}; wait for it, or choose another --out")
        time.sleep(0.1)
    return stream
