"""`python -m evals` is the `evals` command."""

from evals.entry import enter


def main() -> None:
    """Entry point of the console command."""
    enter("evals.cli")


if __name__ == "__main__":
    main()
