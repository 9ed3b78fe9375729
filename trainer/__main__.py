"""`python -m trainer` is the `trainer` command."""

from evals.entry import enter


def main() -> None:
    """Entry point of the console command."""
    enter("trainer.cli")


if __name__ == "__main__":
    main()
