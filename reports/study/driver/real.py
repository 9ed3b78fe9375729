"""The study's question of a real language model: `python -m reports.study.driver.real --model FOLDER`.

A little SFT makes the start, since RL learns nothing from a model that never earns a reward; excursions from
there (real.toml); then `probes expand` of all of them against the start: the whole card with every check,
once with templates of problems resampled, as is its default, once with problems.
Stop it at any moment and start it again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from reports.study.driver.plan import HOME
from reports.study.driver.run import last, sets_of
from reports.study.driver.tasks import Task, run_all

PROBLEMS = "probe-problems"  # the same samples, each problem for itself, as the plan counts them


def rounds(out: Path, model: str, table: dict[str, Any], processes: int) -> Iterator[list[Task]]:
    """The runs of every recipe and seed, whole seeds first; then samples in processes, findings, page."""
    start = _trained(out, model, table, table["start"], "start", 0)
    yield [start]
    base, ends = str(last(start.marker.parent)), []
    for seed in table["seeds"]:
        recipes = {r: own for r, own in table["recipes"].items() if seed in own.get("seeds", table["seeds"])}
        tasks = [_trained(out, base, table, own, name, seed) for name, own in recipes.items()]
        yield tasks
        ends += [t.marker.parent for t in tasks]
    probe = out / "probe"
    ckpts = [part for place in (base, *(str(last(e)) for e in ends)) for part in ("--ckpt", place)]
    asked = [part for key, v in table["probe"].items() for part in (f"--{key.replace('_', '-')}", str(v))]
    fixed = ("--out", str(probe), "--processes", str(processes), "--quiet")
    yield [Task("probe", probe / "findings.json", ("probes", "expand", *ckpts, *asked, *fixed))]
    alone = out / PROBLEMS
    again = ("--cluster", "none", "--k", str(table["probe"]["k"]), "--out", str(alone), "--quiet")
    by_problem = ("probes", "expand", "--samples", str(probe / "store"), *again)
    yield [Task(PROBLEMS, alone / "findings.json", by_problem)]
    page = ("reports", "html", str(probe), "--out", str(out / "page"))
    yield [Task("page", out / "page" / "DONE", page, marks=True)]


def _trained(out: Path, base: str, table: dict[str, Any], own: dict[str, Any], name: str, seed: int) -> Task:
    folder = out / name / f"seed-{seed}"
    sets = sets_of(*table["shared"]["set"], *own["set"], f"seed={seed}", "keep_state=false")
    fixed = ("--ckpt", base, "--out", str(folder), "--quiet")
    return Task("train", folder / "DONE", ("trainer", own["command"], *fixed, *sets))


def main(
    model: Annotated[str, typer.Option(help="folder or hub id of a causal language model")],
    out: Annotated[Path, typer.Option(help="folder of the runs")] = Path("runs/real"),
    processes: Annotated[int, typer.Option(min=1, help="commands at a time")] = 1,
    home: Annotated[Path, typer.Option(help="folder of real.toml")] = HOME,
) -> None:
    """Run the excursions from a real model and their card, or what is left of it."""
    table = tomllib.loads((home / "real.toml").read_text("utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    for tasks in rounds(out, model, table, processes):
        run_all(out, tasks, processes)


if __name__ == "__main__":
    from evals.core.command import run as run_command

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    run_command(app)
