"""Problems chosen by the counts that are compared: seen in the counts, and done rightly on half of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arguments import Floats, Ints
from analysis.counts import PairedCounts
from analysis.difficulty.npmle import grid, likelihood, mixture_of
from analysis.errors import AnalysisError

GAIN = 8.0  # log-likelihood by which a cut must explain the counts better: honest counts seldom reach 6
UNSURE = 4.0  # gain from which it is not known
POINTS = 120  # atoms of the fits
POOL = 1_000_000  # problems from which a set may have been chosen
REACH = 6  # problems beyond what choosing from such a pool can do, with which a change is no artefact


@dataclass(frozen=True, slots=True)
class Edges:
    """The range of one side's success shares, and how much better a cut at its ends explains them.

    low, high: smallest and largest c/n. gain: log-likelihood of the best mixture of binomials cut to this
    range, less that of the best whole mixture; 0 where nothing is cut. A small gain is what the smallest
    and largest of honest counts give.
    """

    low: float
    high: float
    gain: float

    @property
    def cut(self) -> bool:
        """Whether the counts look chosen."""
        return self.gain > GAIN


def edges(n: Ints, c: Ints) -> Edges:
    """Whether counts (M,) end where no distribution of success rates lets them end.

    Counts of problems drawn without regard to them are a mixture of binomials; kept only where c/n lay in a
    range, they are a mixture of cut binomials (zero-truncated: Sanathanan 1977). Both are fitted without
    assumptions on the distribution of p (NPMLE) and compared.
    """
    low, high = float((c / n).min()), float((c / n).max())
    least, most = (x if _crowded(n, c, x) else end for x, end in ((low, 0.0), (high, 1.0)))
    if (least == 0 and most == 1) or low == high:
        return Edges(low, high, 0.0)
    pairs, count = np.unique(np.stack([n, c]), axis=1, return_counts=True)
    points = grid(int(n.max()), POINTS)
    inside = _inside(pairs[0], points, least, most)
    points, inside = points[(inside > 1e-6).all(0)], inside[:, (inside > 1e-6).all(0)]
    table, share = likelihood(pairs[0], pairs[1], points), count / count.sum()

    def best(rows: Floats) -> float:
        found = mixture_of(rows, share, points)
        mass = rows[:, np.searchsorted(points, found.p)] @ found.weight
        return float(count @ np.log(np.maximum(mass, 1e-300)))

    return Edges(low, high, max(0.0, best(table / inside) - best(table)))


def _crowded(n: Ints, c: Ints, edge: float) -> bool:
    """Whether so many problems stand within 1.5 standard deviations of an edge that a cut could show."""
    width = 1.5 * np.sqrt(np.maximum(edge * (1 - edge), 1 / n) / n)
    return bool((np.abs(c / n - edge) <= width).sum() > UNSURE)


def _inside(n: Ints, p: Floats, low: float, high: float) -> Floats:
    """Chance (U, G) that c/n lies from low to high."""
    from scipy.special import bdtr

    least, most = np.ceil(low * n - 1e-9)[:, None], np.floor(high * n + 1e-9)[:, None]
    below = np.where(least > 0, bdtr(np.maximum(least - 1, 0), n[:, None], p), 0.0)
    return np.maximum(bdtr(most, n[:, None], p) - below, 0.0)


def beyond_reach(pair: PairedCounts) -> int:
    """Problems that differ by more than choosing them from POOL others by either side's counts explains.

    Of t = c_a + c_b successes of one model, the chance that one side has none (or every failure) is that of
    one split; it must lie below 0.05 / POOL.
    """
    from scipy.special import gammaln

    def choose(n: Ints, k: Ints) -> Floats:
        return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)

    N, t = pair.n_a + pair.n_b, pair.c_a + pair.c_b
    chance = choose(pair.n_a, pair.c_a) + choose(pair.n_b, pair.c_b) - choose(N, t)
    return int((chance < np.log(0.05 / POOL)).sum())


def selection(pair: PairedCounts) -> tuple[bool | None, str, list[float]]:
    """Whether the problems look chosen by the counts of either side; passed, detail, and [low, high] of A.

    Fails where a side's counts end at an edge that only choosing explains, or where a side solves nothing (or
    everything) and the other not, unless some problems changed by more than choosing can do.
    """
    ends = {name: edges(n, c) for name, n, c in _sides(pair)}
    first = ends["A"]
    value = [first.low, first.high]
    for name, found in ends.items():
        if found.cut:
            text = f"{name}'s counts end sharply at {found.low:.0%} and {found.high:.0%} of its samples"
            why = "the problems were chosen by them, and its mean drifts by itself, or they are no draws"
            return False, f"{text}: {why}", value
    flat = [name for name, found in ends.items() if found.low == found.high and found.low in (0.0, 1.0)]
    if len(flat) == 1 and beyond_reach(pair) < REACH:
        solved = "none" if ends[flat[0]].low == 0 else "all"
        text = f"{flat[0]} solves {solved} of these problems in any sample; if they were chosen for that, one"
        return False, f"{text} model drawn twice would differ in the same way", value
    if max(found.gain for found in ends.values()) > UNSURE:
        text = "the counts end somewhat sharply; if these problems were chosen by them, use --select instead"
        return None, text, value
    return True, f"no part of A's counts is cut off: they run from {first.low:.0%} to {first.high:.0%}", value


def _sides(pair: PairedCounts) -> tuple[tuple[str, Ints, Ints], ...]:
    return ("A", pair.n_a, pair.c_a), ("B", pair.n_b, pair.c_b)


def select_on_half(pair: PairedCounts, low: float, high: float, seed: int = 0) -> PairedCounts:
    """Problems that A solves in a share from `low` to `high` of half its samples, compared on its other half.

    The half is drawn at random; a problem stays where c/n of it lies in [low, high] (0, 0: never solved).
    What is compared did not take part in the choice, so one model drawn twice shows no change (Barnett et al.
    2005). A keeps n - n//2 samples of each problem. Raises AnalysisError for shares that are none, a single
    sample, and fewer than two problems left.
    """
    if not 0 <= low <= high <= 1:
        raise AnalysisError(f"a selection needs shares 0 ≤ low ≤ high ≤ 1, got {low} and {high}")
    if pair.n_a.min() < 2:
        raise AnalysisError("a selection on half of A's samples needs two of every problem; draw more")
    pair, rng = pair.by_id(), np.random.default_rng([seed, 0x5E1])
    half = pair.n_a // 2
    c = rng.hypergeometric(pair.c_a, pair.n_a - pair.c_a, half)
    kept = np.flatnonzero((c / half >= low - 1e-12) & (c / half <= high + 1e-12))
    if kept.size < 2:
        raise AnalysisError(
            f"{kept.size} of {pair.M} problems are solved in {low:.0%} to {high:.0%} of half of A's samples;"
            " choose a wider range"
        )
    rest = PairedCounts(
        pair.a, pair.b, pair.problems, pair.n_a - half, pair.c_a - c, pair.n_b, pair.c_b,
        pair.cluster, pair.stratum,
    )  # fmt: skip
    return rest.take(kept)
