"""Where it changed: the two numbers in groups of problems, with a test whether the groups differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.arguments import Floats
from analysis.comparison.options import Options, declared_K
from analysis.counts import PairedCounts
from analysis.difficulty.levels import FEWEST, NAMES, level_of
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import ROUNDING
from analysis.inference.bootstrap import unit_sums
from analysis.inference.exact_tests import holm, sign_flip
from analysis.inference.intervals import paired_rates, t_quantile
from analysis.problems.resplit import resplit

_Split = tuple[np.ndarray, PairedCounts]  # the group (M,) of each problem, and the counts that are compared


def by_group(pair: PairedCounts, labels: ArrayLike, options: Options | None = None) -> dict[str, Any]:
    """Δpass@1 and Δpass@K of each group of problems (subject, level, …), with what may be claimed.

    labels: (M,) the group of each problem, in the order of the pair. Returns {"K", "groups",
    "heterogeneity"}: a group has name, problems, claims and numbers (k, estimate, low, high at 1 - level for
    this group alone, p, p_holm over both numbers of all groups, state up, down or open after Holm).
    heterogeneity: per number, the p-value that all groups changed alike (Wald test with F quantiles; a
    cluster is one unit). Groups below FEWEST problems are shown and claim nothing. Raises AnalysisError for
    labels of another length and a single group.
    """
    options = options or Options()
    names = np.asarray(labels).astype(str)
    if names.shape != (pair.M,):
        raise AnalysisError(f"{names.size} labels for {pair.M} problems; give every problem one")
    K = declared_K(pair.n, options.K)
    return _grouped([(names, pair)], np.unique(names).tolist(), K, options)


def by_base_difficulty(pair: PairedCounts, options: Options | None = None) -> dict[str, Any]:
    """As `by_group`, by how often A is right, cross-fitted: one half of A's samples groups, the other counts.

    Both halves take both parts, and the two results are averaged per problem: grouping by the samples that
    are compared would show a gain in the hard group of one model drawn twice (regression to the mean).
    K is at most half of A's samples. Raises AnalysisError where A has a problem with fewer than 4 samples.
    """
    options, pair = options or Options(), pair.by_id()
    if pair.n_a.min() < 4:
        raise AnalysisError("cross-fitting splits A's samples in half; it needs at least 4 of every problem")
    half = pair.n_a // 2
    least = int(min(half.min(), pair.n_b.min()))
    K = min(declared_K(pair.n, options.K), least)
    rng = np.random.default_rng([options.seed, 0xC0F])
    first = rng.hypergeometric(pair.c_a, pair.n_a - pair.c_a, half)
    parts = ((half, first), (pair.n_a - half, pair.c_a - first))
    splits = []
    for (n, c), (m, e) in (parts, parts[::-1]):
        splits.append((np.array(NAMES)[level_of(c / n)], replace(pair, n_a=m, c_a=e)))
    found = [name for name in NAMES if any((s[0] == name).any() for s in splits)]
    return _grouped(splits, found, K, options)


def _differences(pair: PairedCounts, ks: Sequence[int]) -> Floats:
    return pass_at_k(pair.n_b, pair.c_b, ks) - pass_at_k(pair.n_a, pair.c_a, ks)


def _grouped(splits: list[_Split], names: list[str], K: int, options: Options) -> dict[str, Any]:
    if len(names) < 2:
        raise AnalysisError("one group cannot be compared with another; give labels that differ")
    d = [_differences(part, (1, K)) for _, part in splits]
    rows = [_group(splits, d, name, (1, K), options) for name in names]
    kept = [i for i, row in enumerate(rows) if row["units"] >= FEWEST]
    p = np.array([[n["p"] for n in row["numbers"]] for row in rows])
    after = np.ones_like(p)
    if kept:
        after[kept] = holm(p[kept].ravel()).reshape(-1, 2)
    influence = [row.pop("influence") for row in rows]
    for i, row in enumerate(rows):
        row["claims"] = i in kept
        for j, number in enumerate(row["numbers"]):
            number["k"], number["p_holm"] = (1, K)[j], float(after[i, j])
            sure = i in kept and after[i, j] <= options.level
            number["state"] = ("up" if number["estimate"] > 0 else "down") if sure else "open"
    spread = {}
    for j, key in enumerate(("pass@1", "pass@K")):
        middle = np.array([rows[i]["numbers"][j]["estimate"] for i in kept])
        spread[key] = (
            _wald(
                middle, np.stack([influence[i][:, j] for i in kept], 1), min(rows[i]["units"] for i in kept)
            )
            if len(kept) > 1
            else None
        )
    return {"K": K, "groups": rows, "heterogeneity": spread}


def _group(
    splits: list[_Split], changes: list[Floats], name: str, ks: tuple[int, int], options: Options
) -> dict[str, Any]:
    """One group's means with t intervals (of paired rates where all changed alike).

    influence: (U, 2) of every problem (or cluster) on them.
    """
    from scipy.special import stdtr

    pair = splits[0][1]
    member: NDArray[np.bool_] = np.array([labels == name for labels, _ in splits])
    total = member.sum()
    mean: Floats = np.sum([d[m].sum(0) for m, d in zip(member, changes, strict=True)], axis=0) / total
    each: Floats = np.zeros((pair.M, 2))
    for s, d in enumerate(changes):
        each += member[[s]].T * (d - mean) / total
    influence = unit_sums(each, pair.cluster)
    inside = np.asarray(member.any(axis=0), float)[:, None]
    units = int((unit_sums(inside, pair.cluster) > 0).sum())
    error = np.sqrt((influence**2).sum(0) * units / max(units - 1, 1))
    df = max(units - 1, 1)
    p = np.where(error > ROUNDING, 2 * stdtr(df, -np.abs(mean) / np.maximum(error, ROUNDING)), mean == 0)
    inner: Floats = np.sum([m[:, None] * d for m, d in zip(member, changes, strict=True)], axis=0)
    sums = unit_sums(inner, pair.cluster)
    alone = [sign_flip(sums[:, [j]], replicates=2000, seed=options.seed)[0] for j in (0, 1)]
    p = np.maximum(np.maximum(p, alone), _exact(splits, member, ks, options))
    half = t_quantile(1 - options.level / 2, df) * error
    low, high = mean - half, mean + half
    if (certain := error < ROUNDING).any():  # an interval without width would claim what nobody knows
        sure = mean[certain] * units
        ends = paired_rates(sure.clip(0), (-sure).clip(0), units, options.level)
        low[certain], high[certain] = ends
    return {
        "name": name,
        "problems": int(member.any(0).sum()),
        "units": units,
        "numbers": [
            {"estimate": float(m), "low": float(lo), "high": float(hi), "p": float(q)}
            for m, lo, hi, q in zip(mean, low, high, p, strict=True)
        ],
        "influence": influence,
    }


def _exact(splits: list[_Split], member: NDArray[np.bool_], ks: tuple[int, int], options: Options) -> Floats:
    """p-values (2,) of re-splits, which must agree where n differs; of several the least, times them."""
    parts = [
        resplit(part.take(inside), list(ks), seed=options.seed)
        for inside, (_, part) in zip(member, splits, strict=True)
        if inside.sum() >= FEWEST and not part.equal_n
    ]
    return np.minimum(1.0, len(parts) * np.min(parts, axis=0)) if parts else np.zeros(2)


def _wald(mean: Floats, influence: Floats, least: int) -> float:
    """p-value that all means (G,) are equal, from the units' influence (U, G) on them.

    least: units of the smallest group; no more is known of the covariance than of its variance.
    """
    from scipy.special import fdtrc

    groups, units = mean.size, len(influence)
    covariance = influence.T @ influence * units / (units - 1)
    contrast = np.hstack([np.eye(groups - 1), -np.ones((groups - 1, 1))])
    gap, spread = contrast @ mean, contrast @ covariance @ contrast.T
    statistic = float(gap @ np.linalg.pinv(spread) @ gap) / (groups - 1)
    return float(fdtrc(groups - 1, max(least - 1, 1), max(statistic, 0.0)))
