"""Commands on counts alone: sampling and grading without comparing, and published histograms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals.core.printable import say
from probes.commands.options import Inputs, finish, ready, with_inputs


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    app.command()(counts)
    app.command()(histograms)


@with_inputs(without=("samples", "counts", "only", "skip_bad", "against"))
def counts(inputs: Inputs) -> None:
    """Sample and grade checkpoints; their counts as a CSV that every probe reads."""
    from probes.inputs.counting import COUNTS, count

    inputs.check(1)
    source = count(inputs.ckpt or [], inputs.sampling(), inputs.out)
    by = source.counts.groupby("checkpoint", sort=False)[["n", "c"]].sum()
    for name, row in by.iterrows():
        say(f"{name}: {row['c'] / row['n']:.4f} of {row['n']:,} samples correct")
    say(f"written: {inputs.out / COUNTS}")


def histograms(
    file: Annotated[Path, typer.Argument(help="CSV with columns checkpoint, n, c, problems")],
    k: Annotated[int | None, typer.Option("--k", min=2, help="the K (default: half of n)")] = None,
    level: Annotated[float, typer.Option(min=0.0001, max=0.5, help="error level")] = 0.05,
    seed: Annotated[int, typer.Option(help="of the resampling")] = 0,
    out: Annotated[Path, typer.Option(help="folder for findings.json")] = Path("runs/probes"),
) -> None:
    """Sharpening tax from published histograms (how many problems have c right of n), unpaired."""
    from probes.findings.finding import command_line
    from probes.measures.sharpening import from_histograms

    ready(out)
    finish(from_histograms(file, k, level=level, seed=seed, command=command_line()), out)
