"""The `probes` command: thin shells over the probes."""

from __future__ import annotations

from evals.core.command import program, run
from probes.commands import counting, measuring, planning, training, verdict

app = program("Measure what training changed between checkpoints.")


for module in (verdict, planning, measuring, training, counting):
    module.register(app)


def main() -> None:
    """Entry point of the console command."""
    run(app)
