"""Static limits: over one of them an answer is wrong, with the reason `limit:…`, whatever it says."""

from __future__ import annotations

MAX_RESPONSE = 1_000_000  # characters of a response that are looked at
MAX_BOXES = 200
MAX_LENGTH = 2_000  # characters of an answer
MAX_NESTING = 40
MAX_TOKENS = 600
MAX_DIGITS = 400  # of one number
MAX_MEMBERS = 200  # of a list, tuple, set or matrix
MAX_EXPONENT = 1_000_000  # of a number in exact or 50-digit arithmetic
MAX_FACTORIAL = 3_000
MAX_BITS = 50_000  # of an exact numerator or denominator
WORK = 20_000  # units of exact arithmetic for one comparison; see `evals.verify.values.exact`


class LimitError(Exception):
    """An answer is over a limit; the message names it."""
