"""The command that samples and grades checkpoints without comparing them."""

from __future__ import annotations

import typer

from evals.core.printable import say
from probes.commands.options import Inputs, with_inputs


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command()(counts)


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
