"""The cells of a study: what is to run, what each starts from, where each stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from evals.checkpoints.checkpoint import open_checkpoint
from evals.core.errors import UserError
from evals.core.locks import flock
from trainer.config.schema import PretrainConfig, StudyConfig
from trainer.run.folder import finished

AFTER = {"sft-rl": "sft", "sft-gold-rl": "sft-gold"}  # recipes that start from another cell's end
PRETRAIN = "pretrain"  # the claim of the pre-training run


@dataclass(frozen=True, slots=True)
class Cell:
    """One excursion: from the checkpoint at `start` tokens, by one recipe, with one seed."""

    start: int
    recipe: str
    seed: int

    @property
    def name(self) -> str:
        """What its claim and its failure are filed under."""
        return f"{self.start}.{self.recipe}.seed-{self.seed}"

    @property
    def before(self) -> Cell | None:
        """The cell whose last checkpoint this one starts from, where that is not the base."""
        return Cell(self.start, AFTER[self.recipe], self.seed) if self.recipe in AFTER else None


def starts_of(config: StudyConfig) -> tuple[int, ...]:
    """Tokens seen at which excursions start, ascending."""
    starts = tuple(sorted(set(config.starts or config.pretrain.checkpoints)))
    if not starts:
        raise UserError("the study has no checkpoint to start from; set study.starts to numbers of tokens")
    if starts[-1] > config.pretrain.tokens:
        raise UserError(
            f"study.starts: {starts[-1]} tokens lie beyond pretrain.tokens ({config.pretrain.tokens}); "
            "leave it out"
        )
    return starts


def table(config: StudyConfig) -> list[Cell]:
    """All cells in the order they are begun: those that others start from come first, asked for or not."""
    needed = [AFTER[r] for r in config.recipes if r in AFTER]
    recipes = list(dict.fromkeys([*(r for r in config.recipes if r not in AFTER), *needed]))
    recipes += [r for r in config.recipes if r in AFTER]
    seeds = sorted(set(config.seeds))
    return [Cell(t, r, s) for t in starts_of(config) for s in seeds for r in dict.fromkeys(recipes)]


def pretrain_config(config: StudyConfig) -> PretrainConfig:
    """The pre-training run, with a checkpoint kept at every start."""
    kept = tuple(sorted({*config.pretrain.checkpoints, *starts_of(config)}))
    return config.pretrain.model_copy(update={"checkpoints": kept})


def pretrain_folder(config: StudyConfig, out: Path) -> Path:
    """Where the pre-training run stands."""
    return out / "pretrain" / f"seed-{config.pretrain.seed}"


def bases(config: StudyConfig, out: Path) -> dict[int, Path]:
    """The checkpoint of every start: the first at or past it, else the last. Empty before pre-training ended.

    UserError where two starts are one checkpoint.
    """
    folder = pretrain_folder(config, out)
    if not finished(folder):
        return {}
    kept = sorted(folder.glob("step-*"))
    seen = [int((open_checkpoint(str(k)).lineage or {}).get("tokens", 0)) for k in kept]
    found: dict[int, Path] = {}
    for start in starts_of(config):
        path = next((k for k, tokens in zip(kept, seen, strict=True) if tokens >= start), kept[-1])
        if path in found.values():
            raise UserError(
                f"study.starts: {start} tokens are the same checkpoint ({path.name}) as the start before; "
                "leave one out"
            )
        found[start] = path
    return found


def folder_of(cell: Cell, base: Path, out: Path) -> Path:
    """Where a cell's run stands; `base`: the checkpoint of its start."""
    return out / "excursions" / base.name / cell.recipe / f"seed-{cell.seed}"


def state_of(cell: Cell, base: Path | None, out: Path) -> str:
    """done, running, failed or left."""
    if base and finished(folder_of(cell, base, out)):
        return "done"
    if held(out, cell.name):
        return "running"
    return "failed" if failure(out, cell.name) else "left"


def failure(out: Path, name: str) -> str | None:
    """Why a cell failed when it was last tried, or None."""
    path = out / "failed" / name
    return path.read_text("utf-8").strip() if path.is_file() else None


@contextmanager
def claimed(out: Path, name: str) -> Iterator[bool]:
    """Hold the claim of a cell: True if it is ours, False where a living process has it.

    An advisory lock on a file, which the system releases when its holder dies, however it dies.
    """
    path = out / "claims" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as stream:
        yield flock(stream, out, wait=False)


def held(out: Path, name: str) -> bool:
    """Whether a living process holds a claim."""
    try:
        with (out / "claims" / name).open("r") as stream:
            return not flock(stream, out, exclusive=False, wait=False)
    except FileNotFoundError:
        return False
