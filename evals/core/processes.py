"""Processes that end with the one that started them."""

from __future__ import annotations

import os
import threading
import time

EVERY = 0.2  # seconds between looks


def end_with_parent(parent: int) -> None:
    """From now on, end this process at once when process `parent`, which started it, is gone.

    A parent that was killed cannot end its children, and they would go on holding locks and GPUs.
    """
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(EVERY)
    os._exit(1)
