"""Forest plots: many differences one below the other, with their intervals."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures.panels import footnote
from reports.figures.style import COLUMN, PAGE, figure, plain, styled

OUTCOMES = {
    "expansion": "#1a7f4b",
    "sharpening": "#a86400",
    "coverage-only": "#0b7285",
    "regression": "#b3261e",
    "no-change": "#2b5ea7",
    "undetermined": "#7b3fa0",
}
UNKNOWN = "#555555"


@styled
def robustness(frame: pd.DataFrame) -> Any:
    """The same question asked in other ways: Δpass@1 (filled) and Δpass@K (open) of every row, its verdict.

    frame: name, outcome (None where the reading is not possible), first, large (Δpass@1 and Δpass@K, rates)
    and, where they are known, first_low, first_high, large_low, large_high. The first row is the verdict as
    declared.
    """
    rows = frame.reset_index(drop=True)
    fig = figure(PAGE, 0.8 + 0.3 * len(rows))
    axes = fig.subplots()
    for y, (_, row) in enumerate(rows.iterrows()):
        colour = OUTCOMES.get(str(row["outcome"]), UNKNOWN)
        for key, offset, face in (("first", -0.13, colour), ("large", 0.13, "white")):
            _point(axes, row, key, y + offset, colour, face)
        _outcome(axes, y, row["outcome"], bold=y == 0)
    _names(axes, [str(n) for n in rows["name"]])
    axes.set_xlabel("difference (points): filled pass@1, open pass@K")
    return fig


@styled
def comparisons(frame: pd.DataFrame) -> Any:
    """Δpass@1 and Δpass@K of every comparison, side by side, coloured by verdict.

    frame: label, outcome, K, first, first_low, first_high, large, large_low, large_high (rates; NaN where
    unknown).
    """
    rows = frame.reset_index(drop=True)
    fig = figure(PAGE, 0.9 + 0.22 * len(rows))
    left, right = fig.subplots(1, 2, sharey=True)
    for axes, key, title in ((left, "first", "Δpass@1"), (right, "large", "Δpass@K")):
        for y, (_, row) in enumerate(rows.iterrows()):
            colour = OUTCOMES.get(str(row["outcome"]), UNKNOWN)
            _point(axes, row, key, y, colour, colour)
        axes.set_title(title)
        axes.set_xlabel("points")
        _names(axes, [str(n) for n in rows["label"]])
    for y, outcome in enumerate(rows["outcome"]):
        _outcome(right, y, outcome)
    K = sorted(set(rows["K"].dropna()))
    footnote(fig, [f"K = {', '.join(f'{k:g}' for k in K)}"] if K else [])
    return fig


@styled
def by_group(frame: pd.DataFrame, by: str) -> Any:
    """Δpass@1 and Δpass@K of every group of problems, side by side; a filled mark is up or down after Holm.

    frame: group, problems, claims, k, estimate, low, high (rates), state (up, down, open). by: what groups.
    """
    ks, names = list(dict.fromkeys(frame["k"])), list(dict.fromkeys(frame["group"]))
    fig = figure(PAGE, 0.9 + 0.26 * len(names))
    panels = fig.subplots(1, len(ks), sharey=True, squeeze=False)[0]
    sizes = frame.drop_duplicates("group").set_index("group")["problems"]
    for axes, k in zip(panels, ks, strict=True):
        for _, row in frame[frame["k"] == k].iterrows():
            sure = row["state"] in ("up", "down")
            colour = OUTCOMES["expansion" if row["state"] == "up" else "regression"] if sure else UNKNOWN
            drawn = pd.Series({"first": row["estimate"], "first_low": row["low"], "first_high": row["high"]})
            _point(axes, drawn, "first", names.index(row["group"]), colour, colour if sure else "white")
        axes.set_title(f"Δpass@{k}")
        axes.set_xlabel("points")
        _names(axes, [f"{n} ({sizes[n]:,})" for n in names])
    panels[0].set_ylabel(plain(by))
    footnote(fig, ["filled: told from 0 after Holm over all groups"])
    return fig


@styled
def differences(frame: pd.DataFrame, unit: str, margin: float | None = None) -> Any:
    """Paired differences of one unit, one row per measure.

    frame: label, estimate, low, high (in `unit`; NaN where there is no interval), and reading, which stands
    beside the row. margin: of equivalence, shaded.
    """
    rows = frame.reset_index(drop=True)
    fig = figure(COLUMN, 0.8 + 0.25 * len(rows))
    axes = fig.subplots()
    for y, (_, row) in enumerate(rows.iterrows()):
        reach = _reach(row["estimate"], row["low"], row["high"], 1)
        axes.errorbar(row["estimate"], y, xerr=reach, fmt="o", color=UNKNOWN, capsize=2, linewidth=1)
    _names(axes, [str(n) for n in rows["label"]])
    if margin:
        axes.axvspan(-margin, margin, color="#2b5ea7", alpha=0.12, linewidth=0)
    for y, reading in enumerate(rows.get("reading", [])):
        if isinstance(reading, str):
            axes.annotate(reading, (1.02, y), xycoords=("axes fraction", "data"), va="center", fontsize=7,
                          annotation_clip=False)  # fmt: skip
    axes.set_xlabel(f"B − A ({unit})")
    return fig


def _outcome(axes: Any, y: float, outcome: Any, bold: bool = False) -> None:
    """The verdict of a row, beside the axes."""
    axes.annotate(
        outcome if isinstance(outcome, str) else "not possible here",
        (1.02, y),
        xycoords=("axes fraction", "data"),
        va="center",
        color=OUTCOMES.get(str(outcome), UNKNOWN),
        fontweight="bold" if bold else "normal",
        annotation_clip=False,
    )


def _point(axes: Any, row: pd.Series, key: str, y: float, colour: str, face: str) -> None:
    if pd.isna(row[key]):
        return
    reach = _reach(row[key], row.get(f"{key}_low"), row.get(f"{key}_high"), 100)
    axes.errorbar(
        100 * row[key],
        y,
        xerr=reach,
        fmt="o" if key == "first" else "s",
        color=colour,
        markerfacecolor=face,
        capsize=2,
        linewidth=1,
    )


def _reach(at: float, low: Any, high: Any, scale: float) -> list[list[float]] | None:
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return None
    return [[max(0.0, scale * (at - low))], [max(0.0, scale * (high - at))]]


def _names(axes: Any, names: list[str]) -> None:
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), [plain(n, 44) for n in names])
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
