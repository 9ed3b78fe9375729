"""The worker process: reads batches of JSON lines, answers one line per item, with all doors shut.

Started by `evals.verify.pool.processes` as `python -P -c …`; the function that it runs is named
"module:function".
It has a memory cap, writes no file, opens no socket, starts no process, and kills itself should one item
run far beyond the parent's deadline (a parent that died cannot do it).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
from typing import Any

BOOT = "import sys; from evals.verify.pool.worker import main; main(*sys.argv[1:])"
FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.spawn",
    "os.fork",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil.",
    "urllib.",
    "http.",
    "ftplib.",
    "smtplib.",
    "webbrowser.",
    "pty.",
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def main(target: str, memory_mb: str, alarm: str) -> None:
    """Serve batches until standard input closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    output = os.fdopen(os.dup(1), "wb")
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    sys.dont_write_bytecode = True
    module_name, _, function_name = target.partition(":")
    module = importlib.import_module(module_name)
    function = getattr(module, function_name)
    if hasattr(module, "self_test"):
        module.self_test()
    _shut(int(memory_mb))
    _say(output, "ready")
    for line in sys.stdin.buffer:
        for item in json.loads(line):
            signal.setitimer(signal.ITIMER_REAL, float(alarm))
            try:
                result: Any = function(*item)
            except MemoryError:
                _say(output, {"error": "MemoryError"})
                os._exit(1)
            except Exception as error:
                result = {"error": type(error).__name__}
            signal.setitimer(signal.ITIMER_REAL, 0)
            _say(output, result)


def _say(output: Any, message: Any) -> None:
    output.write(json.dumps(message).encode() + b"\n")
    output.flush()


def _shut(memory_mb: int) -> None:
    """Cap the memory, forbid files, sockets and processes."""
    import resource

    size = memory_mb << 20
    with contextlib.suppress(ValueError):  # macOS has no cap on address space
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    sys.addaudithook(_guard)


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (
            isinstance(flags, int) and flags & WRITING
        ):
            raise PermissionError("a worker writes no files")
    elif event.startswith(FORBIDDEN):
        raise PermissionError(f"a worker does no {event}")
