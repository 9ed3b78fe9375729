"""One line of progress on stderr: what, how far, how fast, how long to go."""

from __future__ import annotations

import sys
import time


class Line:
    """Call with (done, total); on a terminal the line is rewritten, elsewhere shown every ten seconds."""

    def __init__(self, label: str, *, quiet: bool = False) -> None:
        self.label, self.quiet = label, quiet
        self.began = self.shown = time.monotonic()
        self.first: int | None = None
        self.live = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Report that `done` of `total` samples are there."""
        now = time.monotonic()
        if self.first is None:
            self.first, self.began = done, now
        if self.quiet or (done < total and not self.live and now - self.shown < 10):
            return
        self.shown = now
        fresh = done - self.first
        rate = fresh / max(now - self.began, 1e-9)
        left = int((total - done) / rate) if fresh else 0
        line = f"{self.label}  {done:,}/{total:,}  {rate:,.0f}/s  {left // 60}:{left % 60:02d} to go"
        end = "\n" if done >= total or not self.live else ""
        sys.stderr.write(("\r\x1b[2K" if self.live else "") + line + end)
        sys.stderr.flush()
