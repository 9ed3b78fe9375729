"""A task that only waits, for tests of how processes end."""

import os
import time
from pathlib import Path


def sleep(folder: str) -> None:
    """Leave this process's number, then wait."""
    (Path(folder) / f"pid-{os.getpid()}").touch()
    time.sleep(300)
