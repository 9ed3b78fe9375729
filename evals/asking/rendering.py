"""Running a stranger's chat template within bounds: time, powers, and memory where nothing else runs yet.

Templates run in the sandbox of transformers, which keeps them from files and attributes, not from loops.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

SECONDS = 20.0  # of one rendering, which takes a millisecond
MEMORY = 4 << 30  # bytes that a first rendering may add
GENERATION = re.compile(r"\{%-?\s*(?:end)?generation\s*-?%\}")  # tags of transformers alone


class TooLong(Exception):
    """A rendering ran past its time."""


def in_time(render: Callable[[], str]) -> str:
    """What `render` returns; TooLong, raised in this thread by another, where it runs longer than SECONDS."""
    this, lock, over = ctypes.c_ulong(threading.get_ident()), threading.Lock(), threading.Event()

    def ring() -> None:
        if not over.wait(SECONDS):
            with lock:
                if not over.is_set():
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(this, ctypes.py_object(TooLong))

    watch = threading.Thread(target=ring, daemon=True)
    watch.start()
    try:
        return render()
    finally:
        with lock:
            over.set()
        watch.join()


@lru_cache(maxsize=64)
def has_powers(template: str) -> bool:
    """Whether a template has powers of other than small numbers, which no bound of time can end."""
    try:
        import jinja2
    except ModuleNotFoundError:
        return False  # transformers says what is missing

    parser = jinja2.Environment(extensions=["jinja2.ext.loopcontrols"], autoescape=True)
    try:
        found = parser.parse(GENERATION.sub("", template)).find_all(jinja2.nodes.Pow)
        return any(not (_small(power.left) and _small(power.right)) for power in found)
    except (jinja2.TemplateError, RecursionError):
        return False  # the rendering says it better


def _small(node: object) -> bool:
    value = getattr(node, "value", None)
    return isinstance(value, int) and abs(value) <= 64


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """At most MEMORY bytes of address space more, where the system knows such a cap; MemoryError beyond.

    For the whole process: only while nothing else of it takes memory.
    """
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        cap = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (cap if soft < 0 else min(cap, soft), hard))
    except (ImportError, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
