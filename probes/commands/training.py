"""Commands on runs and their checkpoints: readiness, seeds, rollouts, dynamics, weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from probes.commands.options import Inputs, with_inputs

K = Annotated[int | None, typer.Option("--k", min=2, help="the declared K (default: at most n/2)")]
Runs = Annotated[list[Path], typer.Argument(help="folders of RL runs")]
Level = Annotated[float, typer.Option(min=0.0001, max=0.5, help="error level")]
Out = Annotated[Path, typer.Option(help="folder for findings.json")]


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for command in (readiness, seeds, rollouts, dynamics, weights):
        app.command()(command)


@with_inputs(without=("samples", "skip_bad", "against"), problems="world:train")
def readiness(
    inputs: Inputs,
    rl: Annotated[
        list[Path] | None, typer.Option(help="folder of an RL run from one of them; repeat")
    ] = None,
    group: Annotated[int | None, typer.Option(min=2, help="rollouts of a prompt (default: K)")] = None,
    k: K = None,
) -> None:
    """What base checkpoints solve of the training prompts, against what RL reached from them."""
    from analysis import Options
    from probes.commands.finish import finish
    from probes.finding import command_line
    from probes.readiness import readiness as run

    options = Options(level=inputs.level, K=k, seed=inputs.seed)
    found = run(inputs.source(least=1), rl or (), options, group=group, command=command_line())
    finish(found, inputs.out)


@with_inputs(without=("against",))
def seeds(inputs: Inputs, k: K = None) -> None:
    """All training seeds of a recipe: the first checkpoint is the parent, the others its runs."""
    from analysis import Options
    from probes.commands.finish import finish
    from probes.finding import command_line
    from probes.seeds import seeds as run

    options = Options(level=inputs.level, K=k, seed=inputs.seed)
    finish(run(inputs.source(least=3), options, command=command_line()), inputs.out)


def rollouts(
    runs: Runs,
    level: Level = 0.05,
    seed: Annotated[int, typer.Option(help="of the resampling")] = 0,
    out: Out = Path("runs/probes"),
) -> None:
    """RL runs that differ in rollouts per prompt: learning per rollout against learning per FLOP."""
    from probes.budgets import efficiency
    from probes.commands.finish import finish
    from probes.finding import command_line

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
    from probes.commands.finish import finish
    from probes.dynamics import dynamics as probe
    from probes.finding import command_line
    from probes.runs import checkpoints
    from probes.scores import own_scores

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
    from probes.commands.finish import finish
    from probes.finding import command_line
    from probes.updates import weights as run

    finish(run(ckpt, command=command_line()), out)
