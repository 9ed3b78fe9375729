"""One line per step on stderr: what, how far, how long to go."""

from __future__ import annotations

import sys
import time

from trainer.distributed import ranks as distributed

APART = 10.0  # seconds between lines where stderr is no terminal


class Progress:
    """Progress of a loop from step `first` to `total`."""

    def __init__(self, label: str, first: int, total: int, *, quiet: bool) -> None:
        self.label, self.first, self.total, self.quiet = label, first, total, quiet
        self.began = self.shown = time.monotonic()
        self.live = sys.stderr.isatty()

    def show(self, step: int, text: str) -> None:
        """Report a finished step."""
        now = time.monotonic()
        if self.quiet or (not self.live and now - self.shown < APART and step != self.total):
            return
        self.shown = now
        left = int((now - self.began) / (step - self.first) * (self.total - step))
        clock = f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
        line = f"{self.label}  step {step}/{self.total}  {text}  {clock} to go"
        if self.live:
            sys.stderr.write("\r\x1b[2K" + line + ("\n" if step == self.total else ""))
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()


def say(text: str, quiet: bool = False) -> None:
    """A remark of its own line on stderr, once for all ranks."""
    if distributed.rank() == 0 and not quiet:
        print(text, file=sys.stderr, flush=True)
