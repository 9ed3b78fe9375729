"""`python -m probes` is the `probes` command."""

from probes.commands.cli import main

main()
