"""Counts of two checkpoints on the same problems, checked once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.errors import AnalysisError

if TYPE_CHECKING:
    import pandas as pd

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LARGEST = 100_000_000  # samples of one problem; far above what anyone draws, far below overflow


def whole_numbers(values: ArrayLike, name: str) -> Ints:
    """`values` as int64; AnalysisError where one is missing, not whole, negative or absurdly large."""
    try:
        given = np.asarray(values)
        floats = np.atleast_1d(given.astype(np.float64))
    except (TypeError, ValueError):
        raise AnalysisError(f"{name} must be whole numbers; mend the counts") from None
    if not np.isfinite(floats).all():
        raise AnalysisError(f"{name} must be finite, and some are missing or infinite; mend the counts")
    if (floats != np.floor(floats)).any():
        raise AnalysisError(f"{name} must be whole numbers, got {floats[floats != np.floor(floats)][0]}")
    if (floats < 0).any() or (floats > LARGEST).any():
        raise AnalysisError(f"{name} must lie between 0 and {LARGEST:,}; mend the counts")
    return floats.astype(np.int64)


def finite(values: ArrayLike, name: str) -> Floats:
    """`values` as floats of the same shape; AnalysisError where one is missing, infinite or no number."""
    try:
        given = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise AnalysisError(f"{name} must be numbers; mend what is given") from None
    if not np.isfinite(given).all():
        raise AnalysisError(f"{name} must be finite, and some are missing or infinite; mend what is given")
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


@dataclass(frozen=True, eq=False)
class PairedCounts:
    """Counts of two checkpoints, paired by problem.

    a, b: names of the earlier and the later checkpoint. problems: ids, (M,). n_a, c_a, n_b, c_b: samples and
    correct samples, int64 (M,). cluster, stratum: group codes (M,), or None; clusters are resampled whole,
    and problems are resampled within their stratum.
    Raises AnalysisError on n = 0, c > n, values that are no whole numbers, and fewer than two problems.
    """

    a: str
    b: str
    problems: NDArray[Any]
    n_a: Ints
    c_a: Ints
    n_b: Ints
    c_b: Ints
    cluster: Ints | None = None
    stratum: Ints | None = None

    def __post_init__(self) -> None:
        for side in "ab":
            n, c = checked(getattr(self, f"n_{side}"), getattr(self, f"c_{side}"))
            object.__setattr__(self, f"n_{side}", n)
            object.__setattr__(self, f"c_{side}", c)
        sizes = {len(self.problems), self.c_a.size, self.c_b.size}
        groups = [g for g in (self.cluster, self.stratum) if g is not None]
        if len(sizes | {len(g) for g in groups}) > 1:
            raise AnalysisError("problems, n, c, clusters and strata must have one entry per problem")
        if self.M < 2:
            raise AnalysisError(
                "one problem shows nothing about a model; give at least two, better 30 or more"
            )

    @property
    def M(self) -> int:
        """Number of problems."""
        return int(self.c_a.size)

    @property
    def n(self) -> int:
        """The smallest number of samples of any problem under either checkpoint: no larger k exists."""
        return int(min(self.n_a.min(), self.n_b.min()))

    @property
    def equal_n(self) -> bool:
        """Whether every problem has the same number of samples under both checkpoints."""
        return bool((self.n_a == self.n).all() and (self.n_b == self.n).all())

    @classmethod
    def from_arrays(
        cls, n_a: ArrayLike, c_a: ArrayLike, n_b: ArrayLike, c_b: ArrayLike, *, a: str = "A", b: str = "B"
    ) -> PairedCounts:
        """Counts in the same order of problems; n may be one number for all."""
        (n_a, c_a), (n_b, c_b) = checked(n_a, c_a), checked(n_b, c_b)
        return cls(a, b, np.arange(c_a.size), n_a, c_a, n_b, c_b)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, a: str, b: str) -> PairedCounts:
        """The counts of checkpoints `a` and `b` in a frame with columns problem, checkpoint, n, c.

        Optional columns `cluster` and `stratum` group the problems. Raises AnalysisError where a column, a
        checkpoint or one side of a problem is missing, a problem stands twice, or a count makes no sense.
        """
        if missing := [c for c in ("problem", "checkpoint", "n", "c") if c not in frame.columns]:
            raise AnalysisError(
                f"the counts have no column {missing[0]!r}; they need problem, checkpoint, n, c"
            )
        if a == b:
            raise AnalysisError(f"both checkpoints are named {a!r}; give two different names")
        one, other = _side(frame, a), _side(frame, b)
        shared = one.index.intersection(other.index)
        if shared.empty:
            raise AnalysisError(f"{a} and {b} have no problem in common; sample both on the same problems")
        alone = one.index.symmetric_difference(other.index)
        if len(alone):
            raise AnalysisError(
                f"{len(alone)} problems have counts of only one of {a} and {b} (for example {alone[0]});"
                " give both the same problems"
            )
        other = other.reindex(one.index)
        groups = [_codes(one, other, name) for name in ("cluster", "stratum")]
        ids = one.index.to_numpy(dtype=object)
        return cls(a, b, ids, *(s[x].to_numpy() for s in (one, other) for x in "nc"), *groups)

    def take(self, rows: ArrayLike) -> PairedCounts:
        """The problems at these positions, in this order."""
        rows = np.asarray(rows)
        arrays = (self.problems, self.n_a, self.c_a, self.n_b, self.c_b)
        groups = (g if g is None else g[rows] for g in (self.cluster, self.stratum))
        return PairedCounts(self.a, self.b, *(x[rows] for x in arrays), *groups)

    def in_order(self) -> PairedCounts:
        """The problems sorted by their counts, so that nothing random depends on the order of the input."""
        groups = [g for g in (self.cluster, self.stratum) if g is not None]
        keys: Sequence[Any] = [self.c_b, self.n_b, self.c_a, self.n_a, *groups]
        return self.take(np.lexsort(keys))

    @property
    def alike(self) -> Ints:
        """Codes (M,) that are equal where all four counts are."""
        rows = np.stack([self.n_a, self.c_a, self.n_b, self.c_b])
        return np.unique(rows, axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)

    def thinned(self, n: int, seed: int = 0) -> PairedCounts:
        """Counts among n samples of each problem, drawn without replacement; n ≤ every n_i.

        Raises AnalysisError where a problem has fewer samples.
        """
        if not 1 <= n <= self.n:
            raise AnalysisError(f"{n} samples cannot be drawn from problems that have {self.n}; lower n")
        rng = np.random.default_rng([seed, 0x7417])
        c_a = rng.hypergeometric(self.c_a, self.n_a - self.c_a, n)
        c_b = rng.hypergeometric(self.c_b, self.n_b - self.c_b, n)
        full = np.full(self.M, n)
        return PairedCounts(self.a, self.b, self.problems, full, c_a, full, c_b, self.cluster, self.stratum)


def _side(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The rows of one checkpoint, indexed by problem."""
    rows = frame[frame["checkpoint"] == name]
    if rows.empty:
        raise AnalysisError(f"there are no counts of checkpoint {name!r}; check its name")
    if rows["problem"].isna().any():
        raise AnalysisError(f"{name} has counts without a problem id; name every problem")
    if rows["problem"].duplicated().any():
        twice = rows["problem"][rows["problem"].duplicated()].iloc[0]
        raise AnalysisError(f"{name} has problem {twice!r} twice; add up its samples or drop one")
    return rows.set_index("problem")


def _codes(one: pd.DataFrame, other: pd.DataFrame, column: str) -> Ints | None:
    """Integer codes of a grouping column, or None where the frame has none."""
    if column not in one.columns:
        return None
    if one[column].isna().any() or (one[column] != other[column]).any():
        raise AnalysisError(f"column {column!r} must be filled and agree between the two checkpoints")
    _, codes = np.unique(one[column].astype(str).to_numpy(dtype=str), return_inverse=True)
    return codes.astype(np.int64)
