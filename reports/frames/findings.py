"""Tidy frames out of findings: one row per drawn point, the columns that the plotting functions document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from probes.findings.types import Comparison, Curve, Finding, Grouping, Tries
from reports.inputs import Pair, number

CLASSES = {"P": "both", "E": "gained", "S": "lost", "O": "neither"}


INTERVAL = ("estimate", "low", "high", "band_low", "band_high")


def curves(finding: Finding, comparison: Comparison) -> pd.DataFrame:
    """pass@k of both: checkpoint, recipe, k, estimate, low, high, band_low, band_high (rates)."""
    rows = []
    for side, name in (("a", comparison.a), ("b", comparison.b)):
        place = {"checkpoint": name, "recipe": finding.recipes.get(name)}
        rows += [place | row for row in _points(comparison, comparison.passk[side], INTERVAL)]
    return pd.DataFrame(rows)


def delta(comparison: Comparison) -> pd.DataFrame:
    """Δpass@k: k, estimate, low, high, band_low, band_high, null_low, null_high (rates)."""
    return pd.DataFrame(_points(comparison, comparison.delta, (*INTERVAL, "null_low", "null_high")))


def _points(comparison: Comparison, curve: Curve, columns: Sequence[str]) -> list[dict[str, float]]:
    return [{"k": k} | {c: number(curve.at(c, i)) for c in columns} for i, k in enumerate(comparison.k)]


def support(comparison: Comparison) -> pd.DataFrame:
    """Problems solved by both, gained, lost, neither: kind, observed, mean, low, high (counts).

    mean, low, high: what two draws of the same model would give.
    """
    rows = []
    for kind, name in CLASSES.items():
        expected = comparison.support.expect(kind)
        ends = {end: number(getattr(expected, end)) for end in ("mean", "low", "high")}
        rows.append({"kind": name, "observed": getattr(comparison.support, kind)} | ends)
    return pd.DataFrame(rows)


def tries(found: Tries) -> pd.DataFrame:
    """The try multiplier m(k): k, estimate, low, high, band_low, band_high, beyond."""
    ends = ("estimate", "low", "high", "band_low", "band_high")
    columns = {end: [number(v) for v in getattr(found, end)] or float("nan") for end in ends}
    return pd.DataFrame({"k": found.k, **columns, "beyond": list(found.beyond) or False})


def groups(grouping: Grouping) -> pd.DataFrame:
    """A comparison by groups of problems: group, problems, claims, k, estimate, low, high, state."""
    return pd.DataFrame(
        [
            {"group": group.name, "problems": group.problems, "claims": group.claims, "k": one.k}
            | {end: number(getattr(one, end)) for end in ("estimate", "low", "high")}
            | {"state": one.state}
            for group in grouping.groups
            for one in group.numbers
        ]
    )


def robustness(comparison: Comparison) -> pd.DataFrame | None:
    """The verdict as declared and under other readings: name, outcome, first, large and their intervals.

    None where the finding carries no robustness table.
    """
    if not comparison.robustness:
        return None
    rows = [ends(comparison) | {"name": "as declared", "outcome": comparison.verdict.outcome}]
    rows += [
        {k: getattr(row, k) for k in ("name", "outcome", "first", "large")}
        for row in comparison.robustness.rows
    ]
    return pd.DataFrame(rows)


def ends(comparison: Comparison) -> dict[str, Any]:
    """Δpass@1 and Δpass@K with their intervals: outcome (that stands), K, first, first_low, … large_high."""
    K = comparison.options.K
    row: dict[str, Any] = {"outcome": comparison.headline.outcome, "K": K}
    for name, i in (("first", 0), ("large", comparison.at(K))):
        for end, column in zip(("", "_low", "_high"), ("estimate", *comparison.ends), strict=True):
            row[f"{name}{end}"] = number(comparison.delta.at(column, i))
    return row


def overview(pairs: Sequence[Pair]) -> pd.DataFrame:
    """Every comparison in one row: label and what `ends` returns."""
    return pd.DataFrame([{"label": f"{c.a} → {c.b}"} | ends(c) for _, c in pairs])


def distribution(
    pair: Any, a: str, b: str, known: dict[str, str | None]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deconvolved histograms and flow of `analysis.PairedCounts`, as the plotting functions take them.

    known: recipe by checkpoint. Returns the frames

    (checkpoint, recipe, low, high, share), (from_low, from_high, to_low, to_high, share, raw, same_model).
    """
    from analysis.difficulty.flow import flow

    found = flow(pair)
    bins = list(zip(found.edges[:-1], found.edges[1:], strict=True))
    shares = ((a, found.deconvolved.sum(1)), (b, found.deconvolved.sum(0)))
    bars = [
        {"checkpoint": name, "recipe": known.get(name), "low": low, "high": high, "share": share}
        for name, values in shares
        for (low, high), share in zip(bins, values, strict=True)
    ]
    moves = [
        {
            "from_low": bins[i][0],
            "from_high": bins[i][1],
            "to_low": bins[j][0],
            "to_high": bins[j][1],
            "share": found.deconvolved[i, j],
            "raw": found.raw[i, j],
            "same_model": found.same_model[i, j],
        }
        for i in range(len(bins))
        for j in range(len(bins))
    ]
    return pd.DataFrame(bars), pd.DataFrame(moves)


def histogram(finding: Finding) -> pd.DataFrame:
    """The deconvolved histograms of a passk finding: checkpoint, recipe, low, high, share."""
    frame = pd.DataFrame(finding.extra("histogram") or [], columns=["checkpoint", "low", "high", "share"])
    return frame.assign(recipe=frame["checkpoint"].map(finding.recipes))


def perplexity(finding: Finding) -> pd.DataFrame:
    """Perplexity by group of a likelihood finding: samples, group, estimate, low, high, problems."""
    frame = pd.DataFrame(finding.extra("perplexity") or [])
    return frame.astype({c: float for c in ("estimate", "low", "high") if c in frame.columns})


def changes(finding: Finding, unit: str = "rate") -> pd.DataFrame:
    """Paired differences of one unit: label (with B where there are several pairs), estimate, low, high,
    reading (of a capability, else None)."""
    several = len({(d.a, d.b) for d in finding.differences}) > 1
    rows = [
        {"label": f"{d.b}: {d.label}" if several else d.label}
        | {end: number(getattr(d, end)) for end in ("estimate", "low", "high")}
        | {"reading": d.extra("reading")}
        for d in finding.differences
        if d.unit == unit
    ]
    return pd.DataFrame(rows, columns=["label", "estimate", "low", "high", "reading"])
