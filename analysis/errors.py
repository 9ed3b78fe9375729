"""The base of all user errors: their message is the sentence that the user reads."""

from __future__ import annotations


class ExcursionsError(ValueError):
    """Something the user can fix. The message names the thing and the fix, in one sentence.

    Commands print it and exit with code 2; library users catch it like any ValueError.
    """


class AnalysisError(ExcursionsError):
    """Counts or options from which no honest number follows."""
