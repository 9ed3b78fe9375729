"""Inference on per-problem values: every measure is a ratio of sums over problems, resampled by problem.

A mean over problems is the ratio of the values' sum to the number of problems that have one; a mean over
tokens is the ratio of a sum over tokens to their number. Both checkpoints of a pair take the same
resampled problems. Intervals are expanded percentiles (Hesterberg 2015, arXiv 1411.5279).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.inference.bootstrap import bootstrap
from analysis.inference.exact_tests import holm
from analysis.measures.ratios import expanded
from evals.core.errors import UserError

REPLICATES = 2000
SMALL = 10  # fewer problems than this carry no interval

Column = tuple[np.ndarray, np.ndarray]  # numerator and denominator (M,), both 0 where there is no value


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

    def named(self) -> dict[str, Any]:
        """The fields that a row of a finding carries."""
        name = self.value if self.over is None else f"{self.value}_per_{self.over}"
        return {"measure": name, "label": self.label, "unit": self.unit, "digits": self.digits}


def infer(
    tables: Mapping[str, pd.DataFrame],
    measures: Sequence[Measure],
    pairs: Sequence[tuple[str, str]],
    *,
    level: float = 0.05,
    seed: int = 0,
    groups: pd.DataFrame | None = None,
) -> dict[str, list[dict[str, Any]]]:
    """Estimates of every checkpoint and paired differences B - A, with intervals at 1 - level.

    tables: one frame per checkpoint, index = problem, numeric columns; NaN = this problem has no value.
    Returns {"estimates": rows, "differences": rows} as plain records; low and high are None where fewer
    than SMALL problems have a value or none varies. Differences carry a two-sided p (t distribution on the
    bootstrap error) and, over the pairs of a measure, Holm's adjustment p_holm. groups: index = problem;
    those of one entry of its column `cluster`, where it has one, are resampled together, and count as one.
    """
    in_order = aligned(tables)
    index = next(iter(in_order.values())).index
    named = None if groups is None or "cluster" not in groups else groups["cluster"].reindex(index)
    cluster = None if named is None else pd.factorize(named)[0]
    jobs: list[tuple[dict[str, Any], list[Column]]] = []
    for measure in measures:
        columns = {n: _columns(t, measure) for n, t in in_order.items() if measure.value in t}
        jobs += [({"checkpoint": n, **measure.named()}, [c]) for n, c in columns.items()]
        jobs += [
            ({"a": a, "b": b, **measure.named()}, [columns[b], columns[a]])
            for a, b in pairs
            if a in columns and b in columns
        ]
    rows = [head | found for (head, _), found in zip(jobs, _ratios(jobs, level, seed, cluster), strict=True)]
    estimates = [{k: v for k, v in row.items() if k != "p"} for row in rows if "checkpoint" in row]
    differences = _on_shared(estimates, [r for r in rows if "a" in r])
    return {"estimates": estimates, "differences": _with_holm(differences)}


def _on_shared(estimates: Sequence[dict[str, Any]], rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The differences; where a side is known of more problems than both are, the label says of how many."""
    known = {(e["checkpoint"], e["measure"]): e["problems"] for e in estimates}
    for row in rows:
        if any(known[row[side], row["measure"]] > row["problems"] for side in "ab"):
            row["label"] += f" (of the {row['problems']} problems with both)"
    return rows


def aligned(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The tables with their problems in one order; UserError where the problems are not the same."""
    names = list(tables)
    first = tables[names[0]].index
    if not len(first):
        raise UserError(f"{names[0]} has no problems; give samples of at least one")
    for name in names[1:]:
        if len(odd := first.symmetric_difference(tables[name].index)):
            raise UserError(
                f"{len(odd)} problems (such as {odd[0]!r}) are known of only one of {names[0]} and {name}; "
                "give both the same problems"
            )
    return {name: table.loc[first] for name, table in tables.items()}


def _columns(table: pd.DataFrame, measure: Measure) -> Column:
    value = table[measure.value].to_numpy(float)
    over = table[measure.over].to_numpy(float) if measure.over else np.ones(len(value))
    known = np.isfinite(value) & np.isfinite(over)
    return np.where(known, value, 0.0), np.where(known, over, 0.0)


def _ratios(
    jobs: Sequence[tuple[dict[str, Any], list[Column]]],
    level: float,
    seed: int,
    cluster: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """Ratio of sums of the first column of each job, less that of the second where there is one."""
    masked: list[np.ndarray] = []
    counts: list[tuple[int, int]] = []  # problems with a value, and clusters of them
    for _, columns in jobs:
        known = np.all([den > 0 for _, den in columns], axis=0)
        many = int(known.sum())
        counts.append((many, many if cluster is None else np.unique(cluster[known]).size))
        masked += [np.where(known, x, 0.0) for column in columns for x in column]
    if not masked:
        return []
    values = np.stack(masked, axis=1)
    if len(values) < 2 or (cluster is not None and np.unique(cluster).size < 2):
        sums, drawn = values.mean(0), np.zeros((0, values.shape[1]))
    else:
        rep = bootstrap(values, replicates=REPLICATES, seed=seed, cluster=cluster)
        sums, drawn = rep.estimate, rep.estimate + rep.deviation.astype(float)
    out, at = [], 0
    for (_, columns), units in zip(jobs, counts, strict=True):
        width = 2 * len(columns)
        out.append(_ratio(sums[at : at + width], drawn[:, at : at + width], *units, level))
        at += width
    return out


def _ratio(sums: np.ndarray, drawn: np.ndarray, count: int, units: int, level: float) -> dict[str, Any]:
    """sums (2 or 4,): numerator and denominator, of B and then of A; drawn (R, same): their replicates.

    count, units: problems with a value, and how many of those are independent.
    """
    none = {"estimate": None, "low": None, "high": None, "p": None, "problems": count}
    if count == 0:
        return none
    with np.errstate(invalid="ignore", divide="ignore"):
        total = sums[0] / sums[1] - (sums[2] / sums[3] if len(sums) == 4 else 0.0)
        values = drawn[:, 0] / drawn[:, 1] - (drawn[:, 2] / drawn[:, 3] if len(sums) == 4 else 0.0)
    values = values[np.isfinite(values)]
    error = float(values.std()) if len(values) else 0.0
    if units < SMALL or error <= 1e-7 * max(abs(sums).max() / abs(sums[1]), 1e-12):
        return none | {"estimate": float(total)}
    low, high = np.quantile(values, expanded(units, level))
    from scipy.stats import t

    p = float(2 * t.sf(abs(total) / error, units - 1))
    return {"estimate": float(total), "low": float(low), "high": float(high), "p": p, "problems": count}


def _with_holm(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add p_holm, adjusted over the pairs of each measure; None where there is no p."""
    by_measure: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        row["p_holm"] = None
        if row["p"] is not None:
            by_measure.setdefault(row["measure"], []).append(row)
    for group in by_measure.values():
        for row, p in zip(group, holm([r["p"] for r in group]), strict=True):
            row["p_holm"] = float(p)
    return rows
