"""`python -m probes` is the `probes` command."""

from probes.cli import main

main()
