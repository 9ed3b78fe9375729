"""Errors of what is read, asked and graded: their message is the sentence that the user reads."""

from __future__ import annotations

from analysis.errors import ExcursionsError


class UserError(ExcursionsError):
    """A file, a checkpoint, an option or a machine is not as it must be. See `ExcursionsError`."""


class BusyError(UserError):
    """Another living process has it in hand: the same call may succeed later."""


def first_line(error: BaseException) -> str:
    """What an error of a library says, as part of a sentence: its first line, else its kind."""
    lines = str(error).strip().splitlines()
    line = lines[0].strip().rstrip(".;:,") if lines else ""
    return f"{line[:200]}" if " " in line else f"{type(error).__name__} {line[:200]}".strip()
