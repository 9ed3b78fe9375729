"""Which problems' rates changed: an exact test of each, with the false discovery rate controlled over all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import Floats, Ints
from analysis.counts import PairedCounts
from analysis.errors import AnalysisError

EXACT, WIDE = 4096, 40  # splits up to which all are summed; standard deviations that count of more
FDR = 0.1  # expected share of false ones among the problems that are listed


@dataclass(frozen=True, eq=False)
class Changes:
    """Per problem, in the order of the pair: p (M,), q (M,) its adjusted value, rate_a, rate_b (M,) rates.

    problems: ids, (M,). fdr: the false discovery rate at which changes are told. first_solved: (M,) whether B
    alone solved it among as many samples of each side, which one model drawn twice does too.
    """

    problems: NDArray[Any]
    p: Floats
    q: Floats
    rate_a: Floats
    rate_b: Floats
    fdr: float
    first_solved: NDArray[np.bool_]

    @property
    def improved(self) -> NDArray[np.bool_]:
        """(M,) whether B's rate is above A's, at the false discovery rate `fdr`."""
        return np.asarray((self.q <= self.fdr) & (self.rate_b > self.rate_a))

    @property
    def worsened(self) -> NDArray[np.bool_]:
        """(M,) whether B's rate is below A's, at the false discovery rate `fdr`."""
        return np.asarray((self.q <= self.fdr) & (self.rate_b < self.rate_a))

    def listed(self, which: NDArray[np.bool_]) -> list[dict[str, Any]]:
        """Records {problem, rate_a, rate_b, p, q} of some problems, largest change first."""
        rows = np.flatnonzero(which)
        rows = rows[np.argsort(-np.abs(self.rate_b - self.rate_a)[rows], kind="stable")]
        names = ("rate_a", "rate_b", "p", "q")
        return [
            {"problem": self.problems[i]} | {name: float(getattr(self, name)[i]) for name in names}
            for i in rows
        ]

    def to_dict(self) -> dict[str, Any]:
        """Numbers of problems improved, worsened and first solved, and the rate of false ones."""
        counted = {x: int(getattr(self, x).sum()) for x in ("improved", "worsened", "first_solved")}
        return {"fdr": self.fdr, **counted}


def changes(pair: PairedCounts, fdr: float = FDR, equal: PairedCounts | None = None) -> Changes:
    """Fisher's exact test (1935) of every problem's two counts, Benjamini-Hochberg (1995) over all.

    Conditional on c_a + c_b, so exact at any n_a, n_b and p; of two draws of one model the list is empty
    except with probability at most `fdr`. equal: the same problems with equal numbers of samples, where they
    are known (default: drawn here). Raises AnalysisError for a rate outside (0, 1).
    """
    if not 0 < fdr < 1:
        raise AnalysisError(f"a false discovery rate lies between 0 and 1, got {fdr}; 0.1 is usual")
    p = conditional_p(pair.n_a, pair.c_a, pair.n_b, pair.c_b)
    equal = equal or (pair if pair.equal_n else pair.thinned(pair.n))
    first = (equal.c_a == 0) & (equal.c_b > 0)
    rates = pair.c_a / pair.n_a, pair.c_b / pair.n_b
    return Changes(pair.problems, p, benjamini_hochberg(p), *rates, fdr, first)


def conditional_p(n_a: Ints, c_a: Ints, n_b: Ints, c_b: Ints) -> Floats:
    """Two-sided p-values (M,) of Fisher's test: splits of the successes no likelier than the one seen."""
    from scipy.special import gammaln

    logs = gammaln(np.arange(int((n_a + n_b).max()) + 2.0) + 0.0)  # log (i - 1)!
    p = np.ones(c_a.size)
    groups, code = np.unique(np.stack([n_a, n_b, c_a + c_b]), axis=1, return_inverse=True)
    rows = np.argsort(code.ravel(), kind="stable")
    ends = np.searchsorted(code.ravel()[rows], np.arange(groups.shape[1] + 1))
    for j, (n, m, t) in enumerate(groups.T.tolist()):
        held = rows[ends[j] : ends[j + 1]]
        x = _splits(n, m, t, c_a[held])
        log = -(logs[x + 1] + logs[n - x + 1] + logs[t - x + 1] + logs[m - t + x + 1])
        mass = np.exp(log - log.max())
        order = np.sort(mass)
        total = np.cumsum(order)
        seen = mass[c_a[held] - x[0]] * (1 + 1e-7)
        p[held] = total[np.searchsorted(order, seen, side="right") - 1] / total[-1]
    return p


def _splits(n: int, m: int, t: int, seen: Ints) -> Ints:
    """The splits of t successes with a chance that counts: all, or of many those near the middle and seen."""
    low, high = max(0, t - m), min(n, t)
    if high - low > EXACT:
        middle = n * t / (n + m)
        far = WIDE * (np.sqrt(middle * (1 - t / (n + m)) * m / (n + m)) + 1)
        low = max(low, int(min(middle, seen.min()) - far))
        high = min(high, int(max(middle, seen.max(), 2 * middle - seen.min()) + far))
    return np.arange(low, high + 1)


def benjamini_hochberg(p: ArrayLike) -> Floats:
    """Adjusted p-values that control the false discovery rate (1995), in the order given; (M,)."""
    given = np.asarray(p, float)
    order = np.argsort(-given, kind="stable")
    steps = given[order] * given.size / np.arange(given.size, 0, -1)
    out = np.empty_like(given)
    out[order] = np.minimum.accumulate(np.minimum(steps, 1))
    return out
