"""Optional places for metrics beside metrics.jsonl: TensorBoard and Weights & Biases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from evals.errors import UserError
from evals.records import content_hash

Sink = Callable[[dict[str, float]], None]


def open_sinks(names: Sequence[str], out: Path, first: int) -> list[Sink]:
    """One function per sink that takes a row; steps after `first` are written anew."""
    return [{"tensorboard": _tensorboard, "wandb": _wandb}[name](out, first) for name in names]


def _tensorboard(out: Path, first: int) -> Sink:
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

    return add


def _wandb(out: Path, first: int) -> Sink:
    try:
        import wandb
    except ImportError as error:
        raise UserError("log = wandb needs that package: pip install wandb") from error
    name = content_hash(str(out.resolve()))[:16]
    run = wandb.init(id=name, name=out.name, dir=str(out), resume="allow")

    def add(row: dict[str, float]) -> None:
        run.log({k: v for k, v in row.items() if k != "step"}, step=int(row["step"]))

    return add
