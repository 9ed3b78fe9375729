"""What a store lacks of a cell that is about to be drawn, and how its other samples were asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.sampling.cell import problems_of

if TYPE_CHECKING:
    from evals.sampling.job import Job

TOLD = ("template", "shots", "chat", "temperature", "top_p", "top_k", "min_p", "max_tokens", "stops")


def told(job: Job) -> str | None:
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
