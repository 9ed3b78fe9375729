"""Static limits: over one of them an answer is wrong, with the reason `limit:…`, whatever it says."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

Result = TypeVar("Result")

MAX_RESPONSE = 1_000_000  # characters of a response that are looked at
MAX_BOXES = 200
MAX_LENGTH = 2_000  # characters of an answer
MAX_NESTING = 40
MAX_TOKENS = 600
MAX_DIGITS = 400  # of one number
MAX_MEMBERS = 200  # of a list, tuple, set or matrix
MAX_NODES = 4_000  # of the tree of a value; also where its parts are shared
MAX_CACHED = 160  # characters of a text up to which what was made of it is kept in memory
MAX_EXPONENT = 1_000_000  # of a number in exact or 50-digit arithmetic
MAX_FACTORIAL = 3_000
MAX_BITS = 50_000  # of an exact numerator or denominator
WORK = 20_000  # units of exact arithmetic for one comparison; see `evals.verify.values.exact`


class LimitError(Exception):
    """An answer is over a limit; the message names it."""


def remembered(size: int) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """As lru_cache, for functions of texts and switches; long texts are not kept: memory is bounded."""

    def decorate(function: Callable[..., Result]) -> Callable[..., Result]:
        cached = lru_cache(maxsize=size)(function)

        @wraps(function)
        def call(*arguments: str | bool) -> Result:
            lengths = [len(a) for a in arguments if isinstance(a, str)]
            return cached(*arguments) if sum(lengths) <= MAX_CACHED * len(lengths) else function(*arguments)

        return call

    return decorate
