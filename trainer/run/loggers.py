"""Optional places for metrics beside metrics.jsonl: TensorBoard and Weights & Biases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from evals.core.errors import UserError, first_line
from evals.core.keys import content_hash


class Logger(NamedTuple):
    """What takes the row of every step, and what ends it."""

    add: Callable[[dict[str, float]], None]
    close: Callable[[], None]


def open_loggers(names: Sequence[str], out: Path, first: int) -> list[Logger]:
    """The loggers of a run that goes on after step `first`; later steps are written anew."""
    return [{"tensorboard": _tensorboard, "wandb": _wandb}[name](out, first) for name in names]


def _tensorboard(out: Path, first: int) -> Logger:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError("log = tensorboard needs that package: pip install tensorboard") from error
    writer = SummaryWriter(str(out / "tensorboard"), purge_step=first + 1)

    def add(row: dict[str, float]) -> None:
        for key, value in row.items():
            if key != "step":
                writer.add_scalar(key, value, int(row["step"]))
        writer.flush()

    return Logger(add, writer.close)


def _wandb(out: Path, first: int) -> Logger:
    try:
        import wandb
    except ImportError as error:
        raise UserError("log = wandb needs that package: pip install wandb") from error
    name = content_hash(str(out.resolve()))[:16]
    # a study has run after run in one process: each is a new one of its own
    try:
        run = wandb.init(id=name, name=out.name, dir=str(out), resume="allow", reinit="create_new")
    except Exception as error:  # wandb has kinds of its own for no account, no network, a wrong key
        raise UserError(
            f"W&B does not start ({first_line(error)}); run `wandb login`, or set WANDB_MODE=offline"
        ) from error

    def add(row: dict[str, float]) -> None:
        run.log({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))

    return Logger(add, run.finish)
