"""One cell of the study again, from nothing: `python -m reports.study.driver.reproduce_cell`; some minutes.

Pre-trains to the checkpoint that the cell starts from, trains and samples the cell, and compares with the
repository: fingerprints of both checkpoints' weights, the counts of every problem, and all findings.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from analysis.inference.intervals import t_quantile
from evals.core.errors import UserError
from evals.core.processes import interpreter
from reports.study.build import findings
from reports.study.driver.collect import processor
from reports.study.driver.plan import HOME, Plan, load
from reports.study.driver.run import counted, last, sets_of, trained
from reports.study.driver.tasks import SAME_BYTES, run_all
from reports.study.readings.tables import Tables, read

CLOSE = 1e-9  # of findings: sums over problems may round otherwise on another processor
BRANCH = {"rl": "rl", "sft": "sft", "sft-gold": "sft", "parallel": "parallel"}  # recipes straight from a base


def check(out: Path, home: Path = HOME, *, recipe: str = "rl", seed: int = 0) -> list[tuple[str, bool]]:
    """(what was compared, whether it is the same) for one cell from the first start."""
    if recipe not in BRANCH:
        raise UserError(f"{recipe} starts from another cell; check one of {', '.join(BRANCH)}")
    plan, tables = load(home), read(home / "data")
    found = json.loads((home / "findings.json").read_text("utf-8"))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    base = first_base(out, plan)
    cell = _cell(out, plan, base, recipe, seed, tables.tuning["chosen"])
    way = plan.table["probe"]["sampling"][0]
    run_all(out, [counted("check", plan, out / "asked", [last(cell)], **way)], 1)
    asked = json.loads((out / "asked" / "checkpoints.json").read_text())["checkpoints"][0]
    start = tables.starts[0]
    return [
        (f"weights of the base at {start:,} tokens", fingerprint(base) == _known(tables, "base", start, 0)),
        (f"weights of {recipe}, seed {seed}", asked["fingerprint"] == _known(tables, recipe, start, seed)),
        (f"counts of {recipe}, seed {seed}", _same_counts(out, tables, recipe, start, seed, way)),
        (
            "findings of the tables in the repository",
            same(findings(tables, plan), found),
        ),
    ]


def first_base(out: Path, plan: Plan) -> Path:
    """Pre-train until the checkpoint of the first start stands, then stop; returns it."""
    folder = out / "pretrain"
    command = trained("check", folder, "pretrain", plan, "--processes", "2").command
    environment = os.environ | SAME_BYTES
    with (out / "output.log").open("ab") as log:
        process = interpreter("-m", *command, environment=environment, stdout=log, stderr=log)
        try:
            while not (kept := sorted(folder.glob("step-*/config.json"))):
                if process.poll() is not None:
                    raise UserError(f"the pre-training ended early; read {out / 'output.log'}")
                time.sleep(0.5)
        finally:
            process.terminate()
            process.wait()
    return kept[0].parent


def _cell(out: Path, plan: Plan, base: Path, recipe: str, seed: int, rates: dict[str, float]) -> Path:
    """Train one cell as the study does; returns its folder."""
    branch, options = BRANCH[recipe], ["--gold"] if recipe == "sft-gold" else []
    if branch == "parallel":
        sets = [f"{b}.{key}" for b, lr in rates.items() for key in (f"optimizer.lr={lr}", f"seed={seed}")]
    else:
        sets = [f"optimizer.lr={rates[branch]}", f"seed={seed}"]
    task = trained("check", out / recipe, branch, plan, "--ckpt", str(base), *options, *sets_of(*sets))
    run_all(out, [task], 1)
    return out / recipe


def fingerprint(checkpoint: Path) -> str:
    """Of the weights of a checkpoint folder."""
    from evals.checkpoints.checkpoint import open_checkpoint

    return open_checkpoint(str(checkpoint)).weights


def _known(tables: Tables, recipe: str, start: int, seed: int) -> str:
    cells = tables.cells
    held = (cells["where"] == "cells") & (cells["recipe"] == recipe)
    mine = cells[held & (cells["start"] == start) & (cells["seed"] == seed)]
    if mine.empty:
        raise UserError(f"the study has no {recipe} with seed {seed} from {start:,} tokens; check another")
    return str(mine["weights"].iloc[0])


def _fresh(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "asked" / "counts.csv").set_index("problem")[["n", "c"]].sort_index()


def _held(tables: Tables, recipe: str, start: int, way: dict[str, float]) -> pd.DataFrame:
    """The repository's counts of all seeds of a cell."""
    held = tables.counts.query("where == 'cells' and recipe == @recipe and start == @start and draw == 0")
    return held[held["temperature"] == way["temperature"]]


def _same_counts(
    out: Path, tables: Tables, recipe: str, start: int, seed: int, way: dict[str, float]
) -> bool:
    held = _held(tables, recipe, start, way).query("seed == @seed")
    return _fresh(out).equals(held.set_index("problem")[["n", "c"]].sort_index().astype("int64"))


def beside(out: Path, home: Path, recipe: str, seed: int) -> tuple[str, bool]:
    """pass@1 of the fresh cell beside the repository's seeds, and whether one more seed may lie there.

    Other bytes may well say the same: the interval is that of one further seed, at 95% from the t
    distribution; with one seed in the repository there is none.
    """
    plan, tables = load(home), read(home / "data")
    held = _held(tables, recipe, tables.starts[0], plan.table["probe"]["sampling"][0])
    rates = (held["c"] / held["n"]).groupby(held["seed"]).mean()
    fresh = _fresh(out)
    mine = float((fresh["c"] / fresh["n"]).mean())
    text = f"pass@1 {mine:.3f} here; in the repository {rates[seed]:.3f}"
    if len(rates) < 2:
        return f"{text}, its only seed", False
    half = t_quantile(0.975, len(rates) - 1) * float(rates.std(ddof=1)) * math.sqrt(1 + 1 / len(rates))
    low, high = rates.mean() - half, rates.mean() + half
    return f"{text}; one more of its {len(rates)} seeds lies in {low:.3f} to {high:.3f}", bool(
        low <= mine <= high
    )


def same(a: Any, b: Any) -> bool:
    """Whether two JSON values agree, numbers to a relative 1e-9."""
    a, b = json.loads(json.dumps(a)) if not isinstance(a, float) else a, b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) or isinstance(b, float):
        numbers = isinstance(a, int | float) and isinstance(b, int | float)
        return numbers and math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(a == b)


def main(
    out: Annotated[Path, typer.Option(help="folder of the fresh run; emptied first")] = Path("runs/check"),
    home: Annotated[Path, typer.Option(help="folder of the tables and findings")] = HOME,
    recipe: Annotated[str, typer.Option(help="recipe of the cell: rl, sft, sft-gold, parallel")] = "rl",
    seed: Annotated[int, typer.Option(help="training seed of the cell")] = 0,
) -> None:
    """Run one cell of the study again and compare it with the repository."""
    results = check(out, home, recipe=recipe, seed=seed)
    for what, agrees in results:
        typer.echo(f"{'same     ' if agrees else 'DIFFERENT'}  {what}")
    if all(agrees for _, agrees in results):
        return
    text, inside = beside(out, home, recipe, seed)
    typer.echo(text)
    made, here = read(home / "data").run.get("processor"), processor()
    if made == here:
        raise UserError(f"the fresh cell differs, on the kind of processor that made it ({here})")
    if not inside or not results[-1][1]:
        raise UserError("the fresh cell lies outside the seeds' interval, or the findings differ")
    typer.echo(
        f"passed: within the seeds' interval; made on {made}, repeated on {here}, which rounds otherwise"
    )


if __name__ == "__main__":
    from evals.core.command import run as run_command

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    run_command(app)
