"""`python -m probes` is the `probes` command."""

from evals.entry import enter


def main() -> None:
    """Entry point of the console command."""
    enter("probes.commands.cli")


if __name__ == "__main__":
    main()
