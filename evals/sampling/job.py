"""Where samples are drawn, and one cell to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.asking.asking import Asking
from evals.checkpoints.checkpoint import Checkpoint
from evals.sampling.cell import Part

if TYPE_CHECKING:
    from evals.problems.sets import ProblemSet
    from evals.store import SampleStore


@dataclass(frozen=True, slots=True)
class Where:
    """Where and by what samples are drawn; nothing of it but engine and dtype changes what is drawn.

    engine: torch, vllm or server; dtype: its numbers, rows: decoded, or asked of a server, together (None:
    by the device); server: its URL; vllm: KEY=VALUE for vLLM. processes share the problems on this machine.
    part (i, N): only the problems whose hash falls to i of N, for machines that know nothing of each other.
    executor: "local", or "ray" with one part for each GPU or core of a cluster. tokenizer,
    trust_remote_code: how checkpoints are opened (`evals.checkpoints.checkpoint.open_checkpoint`).
    """

    engine: str = "torch"
    dtype: str | None = None
    rows: int | None = None
    processes: int = 1
    part: Part | None = None
    executor: str = "local"
    quiet: bool = False
    server: str | None = None
    vllm: tuple[str, ...] = ()
    tokenizer: str | None = None
    trust_remote_code: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One cell to draw: what `sample` was asked for, with the asking settled."""

    checkpoint: Checkpoint
    problems: ProblemSet
    asking: Asking
    n: int
    where: Where
    store: SampleStore
    label: str
    seed: int
    draw: int
