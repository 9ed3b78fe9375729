"""The entry point of a console command, before anything of the command is imported.

The garbage collector waits meanwhile: modules load without it, models are made with it.
"""

from __future__ import annotations

import gc
from importlib import import_module

OBJECTS = 1_000_000  # containers made before the garbage collector looks for the first time
WORTH = 1 << 26  # bytes of a model from which it pays to look for others before it
_usual: list[tuple[int, int, int]] = []  # thresholds while it waits


def enter(home: str) -> None:
    """Run `main` of the module `home`; Ctrl-C while its modules load ends it with 130 and no traceback."""
    collect_later()
    try:
        main = import_module(home).main
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    main()


def collect_later() -> None:
    """Let modules load without the garbage collector, which finds nothing and takes a sixth of the time.

    It begins with the first model (`collect_now`), or when OBJECTS containers were made.
    """
    if not _usual:
        _usual.append(gc.get_threshold())
        gc.callbacks.append(_begin)
        gc.set_threshold(OBJECTS)


def _begin(phase: str, _: object) -> None:
    if phase == "stop":
        _end()


def _end() -> None:
    gc.callbacks.remove(_begin)
    gc.set_threshold(*_usual.pop())


def collect_now(size: int) -> None:
    """Free the models before one of `size` bytes, whose parts refer to each other; to be called before it is
    made. A small one is worth no pass over all that the program holds.

    The first time the waiting ends, and what modules have made until now is left alone for good. Not later:
    a model among it would never be freed.
    """
    first = bool(_usual)
    if first:
        _end()
    if first or size >= WORTH:
        gc.collect()
    if first:
        gc.freeze()
