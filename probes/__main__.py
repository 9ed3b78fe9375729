"""`python -m probes` is the `probes` command."""


def main() -> None:
    """Entry point of the console command; Ctrl-C while its modules load ends it without a traceback."""
    try:
        from probes.commands.cli import main as command
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    command()


if __name__ == "__main__":
    main()
