"""The commands of the probes that measure counts and samples: one for each that the contract lists."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import typer

from evals.asking import Asking
from probes.commands.options import Inputs, finish, with_inputs
from probes.inputs.contract import PROBES, Probe

APART = ("expand",)  # has a command of its own: `probes.commands.verdict`


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    for probe in PROBES.values():
        if probe.name not in APART:
            app.command()(command_of(probe))


def command_of(probe: Probe) -> Callable[..., None]:
    """The command of a probe: the common options that make sense for it, and its own."""

    def command(inputs: Inputs, **own: Any) -> None:
        from analysis import Options
        from probes.findings.finding import command_line
        from probes.inputs.contract import Asked

        options = Options(level=inputs.level, K=own.pop("k", None), seed=inputs.seed)
        source, place = inputs.source(least=probe.least), inputs.out
        words = tuple(command_line())
        finish(probe.run(Asked(source, options, inputs.against, place, words, inputs.quiet), **own), place)

    command.__name__, command.__doc__ = probe.name, probe.help
    command.__annotations__ = {"inputs": Inputs} | {n: kind for n, (kind, _) in probe.own.items()}
    given = [
        inspect.Parameter(n, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for n, (kind, default) in probe.own.items()
    ]
    first = inspect.Parameter("inputs", inspect.Parameter.POSITIONAL_ONLY, annotation=Inputs)
    command.__signature__ = inspect.Signature([first, *given])  # type: ignore[attr-defined]
    without = (*probe.without, "counts") if probe.needs == "samples" else probe.without
    asking = Asking().plain() if probe.plain else None
    made: Callable[..., None] = with_inputs(without=without, asking=asking, **probe.defaults)(command)
    return made
