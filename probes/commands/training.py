"""Commands on runs and their checkpoints."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from evals.core.printable import say
from probes.commands.options import Inputs, finish, ready, with_inputs

K = Annotated[int | None, typer.Option("--k", min=2, help="the declared K (default: at most n/2)")]
Runs = Annotated[list[Path], typer.Argument(help="folders of RL runs")]
Level = Annotated[float, typer.Option(min=0.0001, max=0.5, help="error level")]
Out = Annotated[Path, typer.Option(help="folder for findings.json")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (rollouts, dynamics, weights, capability, study):
        app.command()(command)


def rollouts(
    runs: Runs,
    level: Level = 0.05,
    seed: Annotated[int, typer.Option(help="of the resampling")] = 0,
    out: Out = Path("runs/probes"),
) -> None:
    """RL runs that differ in rollouts per prompt: learning per rollout against learning per FLOP."""
    from probes.findings.finding import command_line
    from probes.rollouts import efficiency

    ready(out)
    finish(efficiency(runs, level=level, seed=seed, command=command_line()), out)


@with_inputs(without=("against",))
def dynamics(
    inputs: Inputs,
    run: Annotated[Path | None, typer.Option(help="folder of a run: all its checkpoints in order")] = None,
    k: K = None,
    scored: Annotated[int, typer.Option(min=0, help="samples of a problem scored for token entropy")] = 0,
) -> None:
    """pass@1, pass@K and entropy along the checkpoints of a run."""
    from analysis import Options
    from evals.checkpoints.runs import checkpoints
    from probes.dynamics import dynamics as probe
    from probes.findings.finding import command_line
    from probes.measures.log_probs import own_scores

    if run is not None:
        inputs = replace(inputs, ckpt=[*(inputs.ckpt or []), *map(str, checkpoints(run))])
    source = inputs.source()
    scores = own_scores(source, scored, inputs.out, quiet=inputs.quiet) if scored and inputs.ckpt else None
    options = Options(level=inputs.level, K=k, seed=inputs.seed)
    finish(probe(source, options, scores=scores, command=command_line()), inputs.out)


def weights(
    ckpt: Annotated[list[str], typer.Option(help="the base first, then its updates; repeat")],
    out: Out = Path("runs/probes"),
) -> None:
    """How far and in which shape training moved the weights, beside a seed-to-seed baseline."""
    from probes.findings.finding import command_line
    from probes.weights import weights as run

    ready(out)
    finish(run(ckpt, command=command_line()), out)


@with_inputs(without=("ckpt", "samples", "counts", "only", "skip_bad", "against", "out"))
def study(
    inputs: Inputs,
    run: Annotated[Path, typer.Argument(help="folder of a study")],
    probe: Annotated[list[str] | None, typer.Option(help="only these probes; repeat (default: all)")] = None,
    scored: Annotated[int, typer.Option(min=1, help="samples of a problem that are scored, at T = 1")] = 4,
    k: K = None,
) -> None:
    """Every probe on every finished cell of a study; one table of findings."""
    from analysis import Options
    from probes.findings.finding import command_line
    from probes.study.run import ALL, cells
    from probes.study.run import study as go

    options = Options(level=inputs.level, K=k, seed=inputs.seed)
    _, left = cells(run)
    path = go(run, inputs.sampling(), options, probes=probe or ALL, scored=scored, command=command_line())
    if left:
        say(f"not finished, left out: {', '.join(left)}", err=True)
    say(f"written: {path}")


def capability(
    ckpt: Annotated[list[str], typer.Option(help="checkpoint folder or hub id; repeat")],
    task: Annotated[list[str] | None, typer.Option(help="world, lambada, …; repeat (default: world)")] = None,
    data: Annotated[Path | None, typer.Option(help="folder of local files in the place of the hub")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first items of each task")] = None,
    text: Annotated[
        str | None,
        typer.Option(help="plain text for bits per byte: a file, or world (default, with that task)"),
    ] = None,
    margin: Annotated[float, typer.Option(min=0.0, help="equivalence margin, as a rate")] = 0.02,
    against: Annotated[str, typer.Option(help="compare with: first, parent or all")] = "first",
    level: Level = 0.05,
    out: Out = Path("runs/probes"),
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress lines")] = False,
) -> None:
    """Was general capability kept? Benchmarks paired by item, their mean, and bits per byte of plain text."""
    from evals.capability import capability as measure
    from evals.capability import text_loss
    from evals.engines.threads import one_thread
    from probes.capability import capability as run
    from probes.findings.finding import command_line
    from probes.inputs.sources import described

    ready(out)
    one_thread()
    report = None if quiet else lambda text: say(text, err=True)
    file = None if text in (None, "world") else Path(str(text))
    tasks, items = task or ([] if file else ["world"]), None
    if tasks:
        items = measure(ckpt, out / "capability", tasks=tasks, data=data, limit=limit, progress=report)
    loss = None
    if text is not None or (items is not None and items["task"].str.startswith("world_").any()):
        loss = text_loss(ckpt, out / "capability", text=file, limit=limit, progress=report)
    how = {"against": against, "level": level, "margin": margin, "command": command_line()}
    finish(run(items, described(ckpt), text=loss, **how), out)  # type: ignore[arg-type]
