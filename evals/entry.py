"""The entry point of a console command, before anything of the command is imported."""

from importlib import import_module


def enter(home: str) -> None:
    """Run `main` of the module `home`; Ctrl-C while its modules load ends it with 130 and no traceback."""
    try:
        main = import_module(home).main
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    main()
