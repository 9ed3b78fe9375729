"""k*: the smallest k at which the earlier checkpoint's curve has caught up, with its interval."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.arguments import Floats
from analysis.counts import PairedCounts
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import Curve, few_differ, widened
from analysis.inference.bootstrap import Replicates

TIE = 1e-7  # replicates are single precision


def crossover(
    pair: PairedCounts, ks: list[int], delta: Replicates, values: Floats, found: Curve, level: float
) -> dict[str, int | None]:
    """k*, the smallest k where A's curve is at or above B's (2504.13837); None where there is none up to n.

    ks: the reported values of k, from 1 to n. delta: bootstrap of B - A at these k; values: (M, K) what was
    resampled; found: its `difference`. The estimate is refined between grid points by bisection; low and high
    are the percentile interval, widened to whole gaps of the grid (None = beyond n). Where few problems
    differ at some k, it also covers every k* that the band allows.
    """
    estimate = _first(delta.estimate[None] <= TIE, ks)[0]
    if np.isinf(estimate):
        exact: int | None = None
    else:
        exact = _refined(pair, ks, int(estimate))
    drawn = _first(delta.estimate + delta.deviation <= TIE, ks)
    low, high = np.quantile(drawn, [level / 2, 1 - level / 2], method="inverted_cdf")
    if few_differ(values, delta.cluster).any():
        least, most = _first(np.stack([found.band_low, found.band_high]) <= TIE, ks)
        low, high = min(low, least), max(high, most)
    low = low if np.isinf(low) or low == ks[0] else ks[ks.index(int(low)) - 1] + 1  # somewhere in this gap
    if exact is not None:
        low, high = min(low, exact), max(high, exact)
    return {"k": exact, "low": _whole(low), "high": _whole(high)}


def slope(ks: list[int], delta: Replicates, values: Floats, level: float) -> dict[str, float]:
    """Slope of Δpass@k on ln k by least squares, with its interval; below 0, B's advantage shrinks.

    Rates per factor e of k. ks: (K,); delta: bootstrap of the differences; values: (M, K) what was resampled.
    The interval comes from the bootstrap because points of one curve are correlated. Where few problems
    differ, it also covers that of `paired_rates`, of slopes as shares of the largest that a problem can have.
    """
    x = np.log(ks) - np.log(ks).mean()
    if len(ks) < 2:
        return {"estimate": 0.0, "low": 0.0, "high": 0.0}
    weights = x / (x @ x)
    estimate = float(delta.estimate @ weights)
    ends = np.quantile(delta.deviation @ weights.astype(np.float32), [level / 2, 1 - level / 2])
    largest = weights.clip(0).sum()  # one curve at 0, the other rising from 0 to 1 where the weight turns
    share = (values @ weights / largest)[:, None].clip(-1, 1)
    low, high = ((estimate + ends) / largest)[:, None]
    low, high = widened(low, high, share, delta.units, level, delta.cluster)
    return {"estimate": estimate, "low": float(low[0] * largest), "high": float(high[0] * largest)}


def over_k(
    ks: list[int], found: Curve, margin: float, sure: NDArray[np.bool_] | None = None
) -> list[dict[str, Any]]:
    """From which k to which k B is above, below or equal to A, by the simultaneous band: for any k chosen.

    found: the difference B - A with its band over ks. sure: (K,) where an exact test over ks agrees that
    there is one (default: everywhere). Segments {low, high, state}: "above" and "below" where the band
    excludes 0, "equal" where it lies within the margin, else "open". All of them hold together with
    probability 1 - level.
    """
    told = np.ones(len(ks), bool) if sure is None else sure
    states = np.select(
        [
            (found.band_low > 0) & told,
            (found.band_high < 0) & told,
            (found.band_low > -margin) & (found.band_high < margin),
        ],
        ["above", "below", "equal"],
        "open",
    ).tolist()
    out: list[dict[str, Any]] = []
    for k, state in zip(ks, states, strict=True):
        if out and out[-1]["state"] == state:
            out[-1]["high"] = k
        else:
            out.append({"low": k, "high": k, "state": state})
    return out


def _first(caught_up: np.ndarray, ks: list[int]) -> np.ndarray:
    """The smallest k of each row where A has caught up; infinite where nowhere."""
    found = np.asarray(ks, float)[caught_up.argmax(1)]
    return np.where(caught_up.any(1), found, np.inf)


def _refined(pair: PairedCounts, ks: list[int], upper: int) -> int:
    """The smallest k in the gap below `upper` where A is at or above B."""
    i = ks.index(upper)
    below = ks[i - 1] if i else upper
    while upper - below > 1:
        middle = (upper + below) // 2
        gap = (pass_at_k(pair.n_b, pair.c_b, middle) - pass_at_k(pair.n_a, pair.c_a, middle)).mean()
        upper, below = (middle, below) if gap <= TIE else (upper, middle)
    return upper


def _whole(k: float) -> int | None:
    return None if np.isinf(k) else int(k)
