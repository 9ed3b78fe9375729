"""Inference on per-problem values: every measure is a ratio of sums over problems, resampled by problem.

A mean over problems is the ratio of the values' sum to the number of problems that have one; a mean over
tokens is the ratio of a sum over tokens to their number. Both checkpoints of a pair take the same
resampled problems. Intervals are expanded percentiles (Hesterberg 2015, arXiv 1411.5279): plain ones are
too short by the factor sqrt((M - 1) / M) and by the normal in place of the t distribution.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evals.errors import UserError
from evals.records import derive_seed

REPLICATES = 2000
SMALL = 10  # fewer problems than this carry no interval


@dataclass(frozen=True, slots=True)
class Measure:
    """One measured quantity: sum of column `value` over sum of column `over` (None: per problem).

    label: for people. unit: of the estimate. digits: after the point in tables.
    """

    value: str
    label: str
    unit: str
    over: str | None = None
    digits: int = 3


def resample(problems: int, seed: int, replicates: int = REPLICATES) -> np.ndarray:
    """(replicates, problems) how often each problem is drawn; float32, keyed by seed."""
    rng = np.random.default_rng(derive_seed("paired", seed, problems))
    draws = rng.integers(0, problems, (replicates, problems))
    draws += np.arange(replicates)[:, None] * problems
    return (
        np.bincount(draws.ravel(), minlength=replicates * problems).reshape(replicates, problems).astype("f4")
    )


def infer(
    tables: Mapping[str, pd.DataFrame],
    measures: Sequence[Measure],
    pairs: Sequence[tuple[str, str]],
    *,
    level: float = 0.05,
    seed: int = 0,
) -> dict[str, Any]:
    """Estimates of every checkpoint and paired differences B - A, with intervals at 1 - level.

    tables: one frame per checkpoint, index = problem, numeric columns; NaN = this problem has no value.
    Returns {"estimates": rows, "differences": rows} as plain records; low and high are None where fewer
    than SMALL problems have a value or none varies. Differences carry a two-sided p (t distribution on the
    bootstrap error) and, with several pairs, Holm's adjustment over the pairs of a measure.
    """
    names = list(tables)
    common = tables[names[0]].index
    for name in names[1:]:
        if not common.equals(tables[name].index):
            common = common.intersection(tables[name].index)
    if not len(common):
        raise UserError("the checkpoints have no problem in common; sample them on the same problems")
    held = {n: t.loc[common] for n, t in tables.items()}
    draws = resample(len(common), seed)
    estimates, differences = [], []
    for measure in measures:
        columns = {n: _columns(t, measure) for n, t in held.items()}
        for name in names:
            found = _ratio([columns[name]], draws, level)
            estimates.append({"checkpoint": name, **_named(measure), **found})
        rows = [
            {"a": a, "b": b, **_named(measure), **_ratio([columns[b], columns[a]], draws, level)}
            for a, b in pairs
        ]
        differences += _holm(rows)
    return {"estimates": estimates, "differences": differences}


def _named(measure: Measure) -> dict[str, Any]:
    return {
        "measure": measure.value if measure.over is None else f"{measure.value}_per_{measure.over}",
        "label": measure.label,
        "unit": measure.unit,
        "digits": measure.digits,
    }


def _columns(table: pd.DataFrame, measure: Measure) -> tuple[np.ndarray, np.ndarray]:
    """(numerator, denominator), both 0 where the problem has no value."""
    value = table[measure.value].to_numpy(float)
    over = table[measure.over].to_numpy(float) if measure.over else np.ones(len(value))
    known = np.isfinite(value) & np.isfinite(over)
    return np.where(known, value, 0.0), np.where(known, over, 0.0)


def _ratio(
    columns: Sequence[tuple[np.ndarray, np.ndarray]], draws: np.ndarray, level: float
) -> dict[str, Any]:
    """Ratio of sums of the first, less that of the second where there is one, over problems that all have."""
    known = np.all([den > 0 for _, den in columns], axis=0)
    count = int(known.sum())
    none = {"estimate": None, "low": None, "high": None, "p": None, "problems": count}
    if count == 0:
        return none
    total, resampled = 0.0, np.zeros(len(draws))
    for sign, (num, den) in zip((1.0, -1.0), columns, strict=False):
        x, y = np.where(known, num, 0.0), np.where(known, den, 0.0)
        total += sign * x.sum() / y.sum()
        stacked = draws @ np.stack([x, y], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            resampled += sign * stacked[:, 0] / stacked[:, 1]
    resampled = resampled[np.isfinite(resampled)]
    error = float(resampled.std())
    if count < SMALL or error <= 1e-12 * max(1.0, abs(total)):
        return none | {"estimate": float(total)}
    low, high = np.quantile(resampled, expanded(count, level))
    from scipy.stats import t

    p = float(2 * t.sf(abs(total) / error, count - 1)) if len(columns) == 2 else None
    return {"estimate": float(total), "low": float(low), "high": float(high), "p": p, "problems": count}


def expanded(problems: int, level: float) -> tuple[float, float]:
    """The two quantiles of an expanded percentile interval (Hesterberg 2015, section 3.4)."""
    from scipy.stats import norm, t

    tail = float(norm.cdf(np.sqrt(problems / (problems - 1)) * t.ppf(level / 2, problems - 1)))
    return tail, 1 - tail


def _holm(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add p_holm over rows that have a p; alone, a row keeps its own."""
    known = [r for r in rows if r["p"] is not None]
    adjusted = holm([r["p"] for r in known])
    for row, p in zip(known, adjusted, strict=True):
        row["p_holm"] = p
    return [{**row, "p_holm": row.get("p_holm")} for row in rows]


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (1979) of p-values, in their order."""
    order = np.argsort(p, kind="stable")
    out, worst = [0.0] * len(p), 0.0
    for rank, i in enumerate(order):
        worst = max(worst, min(1.0, (len(p) - rank) * p[int(i)]))
        out[int(i)] = worst
    return out
