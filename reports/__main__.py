"""`python -m reports` is the `reports` command."""

from evals.entry import enter


def main() -> None:
    """Entry point of the console command."""
    enter("reports.cli")


if __name__ == "__main__":
    main()
