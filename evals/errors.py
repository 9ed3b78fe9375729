"""The one exception of user errors: its message is the sentence that the user reads."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user can mend. The message names the thing and the mend, in one sentence.

    Commands print it and exit with code 2; library users catch it like any ValueError.
    """
