"""How many of A's tries one of B's is worth, over k: only cheaper, or new?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.arguments import Floats
from analysis.comparison.planning import FEWEST
from analysis.counts import PairedCounts
from analysis.estimators.passk import pass_at_k
from analysis.inference.bootstrap import Replicates

REPLICATES = 2000
FINE = 160  # points on which a replicate of A's curve is searched
EXACT, DENSE = 4096, 256  # tries up to which every k is worked out; else every k below this
FLAT = 1.5  # factor by which the multiplier may rise over k and still be called flat


@dataclass(frozen=True, eq=False)
class Tries:
    """The try multiplier m(k): pass@(m k) of A equals pass@k of B; each array (K,).

    k: powers of two up to n, and K. estimate: m(k); where A's n tries do not reach B's k, it is n/k and
    `beyond` is True (m is at least that). low, high: percentile interval; band_low, band_high: simultaneous
    over these k; infinite where A's tries end first. slope: log m at `upto` less log m at 1, with its
    interval; upto: the largest of these k up to K that A's tries reach in nearly every replicate.
    enough: whether there are problems enough to say anything and, where n differs, an exact test agrees that
    the first tries differ.
    """

    k: list[int]
    estimate: Floats
    low: Floats
    high: Floats
    band_low: Floats
    band_high: Floats
    beyond: np.ndarray
    upto: int
    slope: tuple[float, float, float]
    enough: bool

    @property
    def reading(self) -> str:
        """ "new" (rising), "cheaper, not new" (flat or falling), "beyond A's tries", or "open".

        Open, too, where one try of B is not shown to be worth more than one of A.

        Flat or falling m means that B solves in k tries what A solves in m k of them: the same problems for
        fewer tries (Yue et al. 2504.13837 see this as a curve of A that catches up).
        """
        _, low, high = self.slope
        if self.low[0] <= 1 or not self.enough:
            return "open"
        if self.upto == 1:
            return "beyond A's tries" if bool(self.beyond[1:].all()) else "open"
        if low > 0:
            return "new"
        return "cheaper, not new" if high < np.log(FLAT) else "open"

    def to_dict(self) -> dict[str, Any]:
        """Lists of plain numbers, with the reading."""
        arrays = ("estimate", "low", "high", "band_low", "band_high", "beyond")
        listed = {name: getattr(self, name).tolist() for name in arrays}
        return {"k": self.k, **listed, "upto": self.upto, "slope": list(self.slope), "reading": self.reading}

    def sentence(self) -> str:
        """The multiplier at 1 and at the largest k that A's tries reach, in words."""
        first, last = (self._at(k) for k in (1, self.upto))
        text = f"One try of B is worth {first} of A's at k = 1"
        if self.upto > 1:
            text += f", {last} at k = {self.upto}"
        says = {
            "new": "the multiplier rises: B solves what more of A's tries do not",
            "cheaper, not new": "the multiplier does not rise: cheaper, not new",
            "beyond A's tries": "A's samples are too few to say whether it is new or only cheaper",
            "open": "whether anything is new, or only cheaper, is open",
        }
        return f"{text}; {says[self.reading]}."

    def _at(self, k: int) -> str:
        i = self.k.index(k)
        more = "at least " if self.beyond[i] else ""
        high = f"{self.high[i]:.2f}" if np.isfinite(self.high[i]) else "beyond A's samples"
        return f"{more}{self.estimate[i]:.2f} [{self.low[i]:.2f}, {high}]"


def tries(
    pair: PairedCounts, ks: list[int], K: int, rep_a: Replicates, rep_b: Replicates, level: float
) -> Tries:
    """The try multiplier with interval and band, from the bootstrap of both curves.

    ks: the k (from 1 to n) of the columns of both. A's curve is exact at whole k (`_whole`) and linear
    between them; its deviation in a replicate is linear in log k between the ks. Below A's pass@1 it runs to
    0 at k = 0.
    """
    n = ks[-1]
    whole = _whole(n)
    points = np.concatenate([[0.0], whole])
    exact = np.concatenate([[0.0], _mean(pair, whole)])
    at = sorted({1 << j for j in range(n.bit_length()) if 1 << j <= n} | {K})
    columns = [ks.index(k) for k in at if k in ks]
    at = [ks[j] for j in columns]
    estimate, beyond = _solved(exact, points, rep_b.estimate[columns])

    fine = np.unique(np.concatenate([whole[:40], np.geomspace(1, n, FINE)]))
    many = min(REPLICATES, len(rep_a.deviation))
    curve = np.interp(fine, points, exact) + rep_a.deviation[:many] @ _weights(ks, fine)
    curve = np.concatenate([np.zeros((many, 1)), np.maximum.accumulate(curve, axis=1)], axis=1)
    reached = rep_b.estimate[columns] + rep_b.deviation[:many][:, columns]
    drawn = np.empty((many, len(at)))
    grid = np.concatenate([[0.0], fine])
    for j in range(len(at)):
        drawn[:, j] = _solved_rows(curve, grid, reached[:, j]) / at[j]
    ends = _ends(drawn, np.array([level / 2, 1 - level / 2]))
    tail = _joint_tail(drawn, level)
    band = _ends(drawn, np.array([tail, 1 - tail]))
    multiplier = estimate / at
    free = (drawn < n / np.array(at) * (1 - 1e-9)).mean(0) >= 1 - level / 2
    upto = max([1, *(k for k, ok in zip(at, free, strict=True) if ok and k <= K)])
    rise = np.log(np.maximum(drawn[:, at.index(upto)], 1e-9) / np.maximum(drawn[:, 0], 1e-9))
    with np.errstate(divide="ignore", invalid="ignore"):
        middle = float(np.log(multiplier[at.index(upto)] / multiplier[0])) if multiplier[0] > 0 else 0.0
    low, high = np.quantile(rise, [level / 2, 1 - level / 2])
    lows, highs = np.minimum(ends[0], multiplier), np.maximum(ends[1], multiplier)
    band_low, band_high = np.minimum(band[0], lows), np.maximum(band[1], highs)
    cap = n / np.array(at) * (1 - 1e-9)  # A's tries end here: nothing bounds m from above
    highs, band_high = (np.where(x >= cap, np.inf, x) for x in (highs, band_high))
    slope = middle, float(low), float(high)
    return Tries(at, multiplier, lows, highs, band_low, band_high, beyond, upto, slope, rep_a.units >= FEWEST)


def _whole(n: int) -> np.ndarray:
    """The k at which A's curve is worked out: all, or of many those below DENSE and steps of 1% beyond."""
    if n <= EXACT:
        return np.arange(1, n + 1)
    spread = np.rint(np.geomspace(DENSE, n, int(100 * np.log(n / DENSE))))
    return np.unique(np.concatenate([np.arange(1, DENSE), spread])).astype(np.int64)


def _mean(pair: PairedCounts, ks: np.ndarray) -> Floats:
    """A's pass@k at these k, from its distinct counts."""
    rows, times = np.unique(np.stack([pair.n_a, pair.c_a]), axis=1, return_counts=True)
    return np.asarray(times @ pass_at_k(rows[0], rows[1], ks) / times.sum())


def _solved(curve: Floats, k: Floats, wanted: Floats) -> tuple[Floats, np.ndarray]:
    """The k (J,) at which a curve reaches each wanted value, its end where it does not, and where so."""
    found = _solved_rows(np.broadcast_to(curve, (wanted.size, curve.size)), k, wanted)
    return found, wanted > curve[-1] + 1e-12


def _solved_rows(curves: Floats, k: Floats, wanted: Floats) -> Floats:
    """The k (R,) at which each curve (R, F) reaches its wanted value (R,), or its end; linear between."""
    i = np.clip((curves < wanted[:, None] - 1e-9).sum(1), 1, k.size - 1)
    rows = np.arange(len(curves))
    below, above = curves[rows, i - 1], curves[rows, i]
    share = (wanted - below) / np.maximum(above - below, 1e-12)
    return np.asarray(k[i - 1] + np.clip(share, 0, 1) * (k[i] - k[i - 1]))


def _weights(ks: list[int], fine: Floats) -> Floats:
    """Weights (K, F) that carry values at ks to the fine points, linear in log k."""
    return np.stack([np.interp(np.log(fine), np.log(ks), row) for row in np.eye(len(ks))])


def _ends(drawn: Floats, at: Floats) -> tuple[Floats, Floats]:
    low, high = np.quantile(drawn, at, axis=0)
    return low, high


def _joint_tail(drawn: Floats, level: float) -> float:
    """The pointwise tail at which intervals hold whole rows of `drawn` with probability 1 - level."""
    rank = np.argsort(np.argsort(drawn, axis=0, kind="stable"), axis=0, kind="stable") + 0.5
    depth = np.minimum(rank, len(drawn) - rank).min(1) / len(drawn)
    return float(np.clip(np.quantile(depth, level), 0.5 / len(drawn), level / 2))
