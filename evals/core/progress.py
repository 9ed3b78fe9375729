"""One line of progress on stderr: what, how far, how fast, how long to go."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Collection, Iterator
from typing import TypeVar

from evals.core.printable import printable

APART = 10.0  # seconds between lines where stderr is no terminal


Item = TypeVar("Item")
Report = Callable[[int, int], None]  # (done, total)


def over(items: Collection[Item], report: Report | None) -> Iterator[Item]:
    """The items, with a report before each and after the last."""
    for done, item in enumerate(items):
        if report:
            report(done, len(items))
        yield item
    if report:
        report(len(items), len(items))


class Line:
    """Call with (done, total); on a terminal the line is rewritten, elsewhere shown every ten seconds.

    opening: a line of its own before the first. `within` says how far the work is between two calls.
    """

    def __init__(self, label: str, *, quiet: bool = False, opening: str = "") -> None:
        self.label, self.quiet, self.opening = printable(label), quiet, printable(opening)
        self.began = self.shown = time.monotonic()
        self.first: int | None = None
        self.last = (0, 0)
        self.live = sys.stderr.isatty()

    def __call__(self, done: int, total: int) -> None:
        """Report that `done` of `total` are there."""
        now = time.monotonic()
        if self.first is None:
            self.first, self.began = done, now
            if self.opening and not self.quiet:
                sys.stderr.write(self.opening + "\n")
        self.last = done, total
        if done >= total or self._due(APART * (not self.live)):
            self._show(now)

    def within(self, text: str) -> None:
        """Say how far the part is that is being done, at most every ten seconds."""
        if self.first is not None and self._due(APART):
            self._show(time.monotonic(), f"  ({text})")

    def _due(self, apart: float) -> bool:
        return time.monotonic() - self.shown >= apart

    def _show(self, now: float, note: str = "") -> None:
        if self.quiet:
            return
        self.shown, (done, total) = now, self.last
        fresh = done - (self.first or 0)
        rate = fresh / max(now - self.began, 1e-9)
        line = f"{self.label}  {done:,}/{total:,}"
        if fresh:
            left = int((total - done) / rate)
            speed = f"{rate:,.0f}/s" if rate >= 1 else f"{1 / rate:,.1f} s each"
            line += f"  {speed}  {_clock(left)} to go" if done < total else f"  {speed}"
        end = "\n" if done >= total or not self.live else ""
        sys.stderr.write(("\r\x1b[2K" if self.live else "") + line + note + end)
        sys.stderr.flush()


def _clock(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
