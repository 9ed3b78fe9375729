"""Tidy frames out of findings: one row per drawn point, the columns that the plotting functions document."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.inputs import number

CLASSES = {"P": "both", "E": "gained", "S": "lost", "O": "neither"}


def recipes(finding: dict[str, Any]) -> dict[str, str | None]:
    """The recipe of each checkpoint by name, None where it is not known."""
    return {c["name"]: c.get("recipe") for c in finding["checkpoints"]}


def curves(finding: dict[str, Any], comparison: dict[str, Any]) -> pd.DataFrame:
    """pass@k of both: checkpoint, recipe, k, estimate, low, high, band_low, band_high (rates)."""
    known = recipes(finding)
    rows = []
    for side in ("a", "b"):
        values = comparison["passk"][side]
        for i, k in enumerate(comparison["k"]):
            row = {"checkpoint": comparison[side], "recipe": known.get(comparison[side]), "k": k}
            rows.append(row | {c: _at(values, c, i) for c in INTERVAL})
    return pd.DataFrame(rows)


INTERVAL = ("estimate", "low", "high", "band_low", "band_high")


def delta(comparison: dict[str, Any]) -> pd.DataFrame:
    """Δpass@k: k, estimate, low, high, band_low, band_high, null_low, null_high (rates)."""
    values = comparison["delta"]
    columns = (*INTERVAL, "null_low", "null_high")
    return pd.DataFrame(
        [{"k": k} | {c: _at(values, c, i) for c in columns} for i, k in enumerate(comparison["k"])]
    )


def support(comparison: dict[str, Any]) -> pd.DataFrame:
    """Problems solved by both, gained, lost, neither: kind, observed, mean, low, high (counts).

    mean, low, high: what two draws of the same model would give.
    """
    table = comparison["support"]
    return pd.DataFrame(
        {
            "kind": list(CLASSES.values()),
            "observed": [table[c] for c in CLASSES],
            **{
                column: [number(table["expected"][c][column]) for c in CLASSES]
                for column in ("mean", "low", "high")
            },
        }
    )


def robustness(comparison: dict[str, Any]) -> pd.DataFrame | None:
    """The verdict as declared and under other readings: name, outcome, first, large and their intervals.

    None where the finding carries no robustness table.
    """
    held = comparison.get("robustness")
    if not held:
        return None
    rows = [ends(comparison) | {"name": "as declared"}]
    rows += [{k: row.get(k) for k in ("name", "outcome", "first", "large")} for row in held["rows"]]
    return pd.DataFrame(rows)


def ends(comparison: dict[str, Any]) -> dict[str, Any]:
    """Δpass@1 and Δpass@K with their intervals: outcome, K, first, first_low, …, large_high (rates)."""
    k, K, values = comparison["k"], comparison["options"]["K"], comparison["delta"]
    row: dict[str, Any] = {"outcome": comparison["verdict"]["outcome"], "K": K}
    for name, i in (("first", 0), ("large", k.index(K) if K in k else len(k) - 1)):
        row |= {name: _at(values, "estimate", i)}
        row |= {f"{name}_{end}": _at(values, end, i) for end in ("low", "high")}
    return row


def overview(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> pd.DataFrame:
    """Every comparison in one row: label and what `ends` returns."""
    return pd.DataFrame([{"label": f"{c['a']} → {c['b']}"} | ends(c) for _, c in pairs])


def distribution(
    pair: Any, a: str, b: str, known: dict[str, str | None]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Deconvolved histograms and flow of `analysis.PairedCounts`, as the plotting functions take them.

    known: recipe by checkpoint (see `recipes`). Returns the frames

    (checkpoint, recipe, low, high, share), (from_low, from_high, to_low, to_high, share, raw, same_model).
    """
    from analysis.difficulty.flow import flow

    found = flow(pair)
    bins = list(zip(found.edges[:-1], found.edges[1:], strict=True))
    shares = ((a, found.deconvolved.sum(1)), (b, found.deconvolved.sum(0)))
    bars = [
        {"checkpoint": name, "recipe": known.get(name), "low": low, "high": high, "share": share}
        for name, held in shares
        for (low, high), share in zip(bins, held, strict=True)
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


def histogram(finding: dict[str, Any]) -> pd.DataFrame:
    """The deconvolved histograms of a passk finding: checkpoint, recipe, low, high, share."""
    frame = pd.DataFrame(finding.get("histogram") or [], columns=["checkpoint", "low", "high", "share"])
    return frame.assign(recipe=frame["checkpoint"].map(recipes(finding)))


def perplexity(finding: dict[str, Any]) -> pd.DataFrame:
    """Perplexity by group of a likelihood finding: samples, group, estimate, low, high, problems."""
    frame = pd.DataFrame(finding.get("perplexity") or [])
    return frame.astype({c: float for c in ("estimate", "low", "high") if c in frame.columns})


def _at(values: dict[str, Any], column: str, i: int) -> float:
    """Entry i of a column, NaN where the column or the entry is missing."""
    held = values.get(column)
    return number(held[i]) if held is not None else float("nan")
