"""`probes expand`: the main job."""

from __future__ import annotations

from typing import Annotated

import typer

from probes.commands.options import Inputs, with_inputs


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(expand)


@with_inputs()
def expand(
    inputs: Inputs,
    k: Annotated[int | None, typer.Option("--k", min=2, help="the declared K (default: at most n/2)")] = None,
    margin: Annotated[float, typer.Option(min=0.0, help="equivalence margin, as a rate")] = 0.02,
    base_shots: Annotated[
        list[int] | None, typer.Option(help="robustness: also sample the first with so many shots; repeat")
    ] = None,
) -> None:
    """Did training expand what a model can solve, or only sharpen it? One verdict for each pair."""
    from analysis import Options
    from evals.errors import UserError
    from probes.commands.finish import finish
    from probes.expand import expand as run
    from probes.finding import command_line

    if inputs.ckpt and k is not None and k > inputs.n:
        raise UserError(
            f"--k {k} needs at least as many samples, and --n is {inputs.n}; raise --n or lower --k"
        )
    if base_shots and not inputs.ckpt:
        raise UserError("--base-shots samples the first checkpoint anew; give checkpoints with --ckpt")
    source = inputs.source(base_shots=tuple(base_shots or ()))
    options = Options(level=inputs.level, K=k, margin=margin, seed=inputs.seed)
    finish(run(source, options, against=inputs.against, command=command_line()), inputs.out)
