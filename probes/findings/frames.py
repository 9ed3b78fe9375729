"""Findings as data frames: one row per number."""

from __future__ import annotations

from typing import Any

import pandas as pd

from probes.findings.types import Comparison, Finding

COLUMNS = [
    *("probe", "kind", "checkpoint", "a", "b", "measure", "label", "unit"),
    *("estimate", "low", "high", "p", "p_holm", "problems", "outcome", "K"),
]


def to_frame(finding: Finding) -> pd.DataFrame:
    """`numbers` of a finding, and of every comparison the curves: pass@k of both and Δpass@k, in rates."""
    rows = numbers(finding) + [
        {"probe": finding.probe} | row for c in finding.comparisons for row in _curves(c)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def numbers(finding: Finding) -> list[dict[str, Any]]:
    """One row per estimate, difference and number of a verdict, as a study keeps them.

    kind: estimate, difference or verdict; outcome: the verdict that stands.
    """
    rows: list[dict[str, Any]] = []
    for kind, items in (("estimate", finding.estimates), ("difference", finding.differences)):
        rows += [
            {"kind": kind, **{k: v for k, v in item.to_dict().items() if k in COLUMNS}} for item in items
        ]
    for c in finding.comparisons:
        for one in c.verdict.numbers:
            place = {"kind": "verdict", "a": c.a, "b": c.b, **_named(c, one.k)}
            ends = {"estimate": one.estimate, "low": one.low, "high": one.high, "p": one.p}
            rows.append(place | ends | {"outcome": c.headline.outcome, "K": c.options.K})
    return [{"probe": finding.probe} | row for row in rows]


def _named(c: Comparison, k: int | None) -> dict[str, Any]:
    return {"measure": f"pass@{k}", "label": f"pass@{k}", "unit": "rate", "problems": c.problems}


def _curves(c: Comparison) -> list[dict[str, Any]]:
    sides = [
        ({"kind": "estimate", "checkpoint": name}, c.passk[side]) for side, name in (("a", c.a), ("b", c.b))
    ]
    sides.append(({"kind": "difference", "a": c.a, "b": c.b}, c.delta))
    return [
        head | _named(c, k) | {end: curve.at(end, i) for end in ("estimate", "low", "high")}
        for head, curve in sides
        for i, k in enumerate(c.k)
    ]
