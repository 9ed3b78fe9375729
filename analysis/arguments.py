"""Arguments of statistical functions, checked once: counts, numbers, error levels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import AnalysisError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LARGEST = 100_000_000  # samples of one problem; far above what anyone draws, far below overflow


def whole_numbers(values: ArrayLike, name: str) -> Ints:
    """`values` as int64; AnalysisError where one is missing, not whole, negative or absurdly large."""
    try:
        given = np.asarray(values)
        floats = np.atleast_1d(given.astype(np.float64))
    except (TypeError, ValueError, OverflowError):
        raise AnalysisError(f"{name} must be whole numbers; fix the counts") from None
    if not np.isfinite(floats).all():
        raise AnalysisError(f"{name} must be finite, and some are missing or infinite; fix the counts")
    if (floats != np.floor(floats)).any():
        raise AnalysisError(f"{name} must be whole numbers, got {floats[floats != np.floor(floats)][0]}")
    if (floats < 0).any() or (floats > LARGEST).any():
        raise AnalysisError(f"{name} must lie between 0 and {LARGEST:,}; fix the counts")
    return floats.astype(np.int64)


def finite(values: ArrayLike, name: str) -> Floats:
    """`values` as floats of the same shape; AnalysisError where one is missing, infinite or no number."""
    try:
        given = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise AnalysisError(f"{name} must be numbers; fix what is given") from None
    if not np.isfinite(given).all():
        raise AnalysisError(f"{name} must be finite, and some are missing or infinite; fix what is given")
    return given


def checked_level(level: float) -> float:
    """An error level strictly between 0 and 1; AnalysisError otherwise."""
    if not 0 < level < 1:
        raise AnalysisError(f"an error level lies between 0 and 1, got {level}; 0.05 gives 95% intervals")
    return level


def checked(n: ArrayLike, c: ArrayLike) -> tuple[Ints, Ints]:
    """n and c as arrays (M,) of whole numbers with n ≥ 1 and 0 ≤ c ≤ n; AnalysisError otherwise."""
    n, c = whole_numbers(n, "n"), whole_numbers(c, "c")
    if n.ndim > 1 or c.ndim > 1:
        raise AnalysisError("n and c hold one number per problem; give arrays of one dimension")
    if n.size not in (1, c.size):
        raise AnalysisError(f"n has {n.size} entries and c has {c.size}; give one of each per problem")
    n = np.broadcast_to(n, c.shape).copy()
    if c.size == 0:
        raise AnalysisError("there are no problems; give counts of at least one")
    if (n == 0).any():
        raise AnalysisError(
            f"{int((n == 0).sum())} problems have n = 0 samples; leave them out or sample them"
        )
    if (c > n).any():
        bad = int(np.argmax(c > n))
        raise AnalysisError(f"a problem has c = {c[bad]} correct of n = {n[bad]} samples; c cannot exceed n")
    return n, c
