"""The one road from (checkpoint, problems, asking, n) to samples: here, in processes, in a part, on Ray."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evals.asking.asking import Asking, asked_in_training, decoding, settled
from evals.asking.prompts import check_arguments, check_turns, end_of_turn
from evals.asking.rendering import little_memory
from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.core.executor import patiently, run_all, slots
from evals.core.processes import ProcessDied, together
from evals.core.progress import Line
from evals.records import HOW_ASKED
from evals.sampling.cell import Part, draw_cell, problems_of

if TYPE_CHECKING:
    from evals.problems.sets import ProblemSet
    from evals.store import SampleStore

TOLD = (*HOW_ASKED, "stops")  # what is told of how samples were asked


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


def sample(
    checkpoint: Checkpoint,
    problems: ProblemSet,
    asking: Asking,
    n: int,
    where: Where,
    store: SampleStore,
    label: str,
    *,
    seed: int = 0,
    draw: int = 0,
) -> str:
    """Draw what the store lacks of `n` samples of every problem; returns the cell (`evals.sampling.cell`).

    The store's bytes do not depend on the place: parts meet in it whoever draws them. draw: 0, or 1, 2, …
    for further draws that are independent of it. What the asking leaves open is settled by the checkpoint's
    lineage and tokenizer, and a prompt that cannot be rendered is an error before any weights are loaded.
    """
    asking = settle(checkpoint, asking, problems.name)
    job = Job(checkpoint, problems, asking, n, where, store, label, seed, draw)
    if not where.quiet and (text := _told(job)):
        sys.stderr.write(text + "\n")
    if where.executor == "ray":
        if where.part:
            raise UserError("--executor ray deals out the problems itself; leave --part out")
        return _on_ray(job)
    if where.processes > 1 and where.part is None:
        return _in_processes(job)
    return draw_part(job, where.part, _line(job))


def _told(job: Job) -> str | None:
    """A sentence where the store has samples of this checkpoint, none of them asked in this way.

    It says how many are drawn and in what the nearest of the others differ; None where nothing is drawn, or
    nothing of this checkpoint is there.
    """
    asking = job.asking
    asked = {"template": asking.template, "shots": asking.shots, "chat": asking.chat}
    asked |= asking.options.to_dict()
    same = {"weights": job.checkpoint.weights, "engine": job.where.engine, "seed": job.seed, "draw": job.draw}
    others = {
        cell: {key: info.get(key) for key in TOLD if info.get(key) != asked.get(key)}
        for cell, info in job.store.cells().items()
        if all(info.get(key) == value for key, value in same.items())
    }
    if not others:
        return None
    nearest = min(others, key=lambda cell: len(others[cell]))
    differs = others[nearest]
    if not differs:
        return None  # the same cell: it is topped up
    problems = problems_of(job.problems.problems, job.where.part)
    count = len(problems) * job.n
    ways = ", ".join(
        f"{key.replace('_', '-')} {asked.get(key)} instead of {value}" for key, value in differs.items()
    )
    return f"{job.label}: {count:,} further samples are drawn: those there were asked differently ({ways})"


def _line(job: Job, others: bool = False) -> Line:
    """Progress of a job, which first says what is asked; others: another process tells it."""
    total = len(problems_of(job.problems.problems, job.where.part)) * job.n
    opening = f"{job.label}: {total:,} samples, asked {job.asking.told()}; {decoding(job.asking)}"
    return Line(f"sample {job.label}", quiet=job.where.quiet or others, opening=opening)


def settle(checkpoint: Checkpoint, asking: Asking, problems: str | None = None) -> Asking:
    """The asking with its open choices made for this checkpoint, and one prompt rendered to see that it can.

    problems: name of the problem set, where a benchmark's own worked examples may be asked. A turn of a chat
    ends with what closes it in the chat template, whatever other stops there are (unless there shall be
    none), also where the checkpoint names no such end: base models bring templates that they were not
    trained to close. Reads the tokenizer, never the weights.
    """
    from evals.engines.server import tokenizer_for
    from evals.problems.hub import worked_examples

    tokenizer = tokenizer_for(checkpoint)
    worked = worked_examples(problems) if problems else None
    try:
        chat = bool(getattr(tokenizer, "chat_template", None))
        made = settled(asking, checkpoint.lineage, chat, worked)
        with little_memory():
            check_turns(made, tokenizer)
            trained = asked_in_training(checkpoint.lineage).chat_args.items()  # as it was, right or wrong
            check_arguments(dict(kv for kv in asking.chat_args.items() if kv not in trained), made, tokenizer)
            if asking.stops != ():
                made = _with_closing(checkpoint, made, tokenizer)
    except UserError as error:
        raise UserError(f"{checkpoint.name}: {error}") from None
    return made


def _with_closing(checkpoint: Checkpoint, made: Asking, tokenizer: Any) -> Asking:
    """The asking with what closes a turn of its chat among its stops, after those of template or user."""
    stops = made.stops or ()
    more = [text for text in _closing(checkpoint, made, tokenizer) if text not in stops]
    return replace(made, stops=(*stops, *more))


def _closing(checkpoint: Checkpoint, asking: Asking, tokenizer: Any) -> tuple[str, ...]:
    """The text that closes a turn of the chat, where it does not end the checkpoint's responses by itself."""
    from evals.checkpoints.config import eos_ids

    if not asking.chat or not hasattr(tokenizer, "added_tokens_decoder"):
        return ()
    try:
        end = end_of_turn(tokenizer, asking)
    except UserError:  # a template that renders no finished turn
        return ()
    return () if end is None or end in eos_ids(checkpoint, tokenizer) else (str(tokenizer.decode([end])),)


def draw_part(job: Job, part: Part | None, progress: Any = None) -> str:
    """Draw one part of a job (None: all of it) in this process; returns the cell."""
    from evals.engines import open_engine
    from evals.engines.threads import one_thread

    where = job.where
    if where.engine == "torch":
        one_thread()
    engine = open_engine(
        job.checkpoint,
        engine=where.engine,
        dtype=where.dtype,
        rows=where.rows,
        server=where.server,
        vllm=where.vllm,
    )
    return draw_cell(
        engine, job.problems, job.asking, job.n, job.store, job.label,
        seed=job.seed, draw=job.draw, part=part, progress=progress,
    )  # fmt: skip


def _in_processes(job: Job) -> str:
    """One part for each process of this machine; on a machine of several GPUs each has one of its own."""
    parts = [(i, job.where.processes) for i in range(job.where.processes)]
    try:  # no daemons: those may have no children of their own, which an engine may need
        return str(together(_worker, [(job, part) for part in parts], daemon=False)[0])
    except ProcessDied:
        raise UserError(
            "a sampling process died (out of memory?); start the same command again to go on"
        ) from None


def _worker(job: Job, part: Part) -> str:
    from evals.engines.gpus import one_gpu
    from evals.engines.vllm_options import vllm_options

    one_gpu(part[0], vllm_options(job.where.vllm).tensor_parallel_size)
    return draw_part(job, part, _line(job, others=part[0] > 0))


def _on_ray(job: Job) -> str:
    """One part for each GPU (or core) of a cluster; where workers die their parts begin again."""
    parts = slots()
    line = Line(f"sample {job.label}, parts", quiet=job.where.quiet)
    cells: list[str] = []
    for _, cell in run_all(patiently, [(draw_part, job, (i, parts)) for i in range(parts)]):
        cells.append(cell)
        line(len(cells), parts)
    return cells[0]
