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


def _at(values: dict[str, Any], column: str, i: int) -> float:
    """Entry i of a column, NaN where the column or the entry is missing."""
    held = values.get(column)
    return number(held[i]) if held is not None else float("nan")
