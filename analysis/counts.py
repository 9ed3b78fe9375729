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

from analysis.arguments import Ints, checked

SHORT = 0.5  # of the median n: below it, one problem must not lower the K of all
FEW_SHORT = 0.05  # share of problems up to which short ones are set aside


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

    def by_id(self) -> PairedCounts:
        """The problems sorted by their ids: what is drawn of each depends on no order and no counts."""
        return self.take(np.argsort(self.problems.astype(str), kind="stable"))

    def without_short(self) -> tuple[PairedCounts, list[Any]]:
        """The pair without problems of far fewer samples than the rest, and the ids that were set aside.

        Short: fewer than SHORT of the median n under either checkpoint. They are kept where they are more
        than FEW_SHORT of all: then they are no accident, and set the n of the comparison.
        """
        n = np.minimum(self.n_a, self.n_b)
        short = n < SHORT * np.median(n)
        if not short.any() or short.mean() > FEW_SHORT or (~short).sum() < 2:
            return self, []
        return self.take(np.flatnonzero(~short)), self.problems[short].tolist()

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
