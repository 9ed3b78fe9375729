"""The `probes` command: thin shells over the probes."""

from __future__ import annotations

from evals.core.command import program, run
from probes.commands import counting, samples, training, verdict

app = program("Measure what training changed between checkpoints.")


for module in (verdict, samples, training, counting):
    module.register(app)


def main() -> None:
    """Entry point of the console command."""
    run(app)
