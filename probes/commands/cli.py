"""The `probes` command: thin shells over the probes."""

from __future__ import annotations

import typer

from probes.commands import counting, samples, training, verdict

app = typer.Typer(
    help="Measure what training changed between checkpoints.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _probes() -> None:
    """Measure what training changed between checkpoints."""


for module in (verdict, samples, training, counting):
    module.register(app)


def main() -> None:
    """Entry point of the console command."""
    from evals.core.command import run

    run(app)
