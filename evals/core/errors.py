"""The one exception of user errors: its message is the sentence that the user reads."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user can mend. The message names the thing and the mend, in one sentence.

    Commands print it and exit with code 2; library users catch it like any ValueError.
    """


class BusyError(UserError):
    """Another living process has it in hand: the same call may succeed later."""


def first_line(error: BaseException) -> str:
    """What an error of a library says, as part of a sentence: its first line, else its kind."""
    lines = str(error).strip().splitlines()
    line = lines[0].strip().rstrip(".;:,") if lines else ""
    return f"{line[:200]}" if " " in line else f"{type(error).__name__} {line[:200]}".strip()
