"""Problems solved at least once: the 2 × 2 table and the bars, beside the same-model expectation."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures.style import COLUMN, figure, plain, styled

SHADES = {"both": "#d9e5ee", "gained": "#cfe8d5", "lost": "#f3d5cb", "neither": "#e8e8e8"}


@styled
def solve_table(frame: pd.DataFrame, a: str, b: str, n: int) -> Any:
    """The 2 × 2 solve table: solved by a (columns), by b (rows), each beside its same-model expectation.

    frame: kind (both, gained, lost, neither), observed, mean, low, high (counts; NaN where unknown).
    """
    fig = figure(COLUMN, 2.3)
    axes = fig.subplots()
    for row in frame.itertuples():
        # columns: solved by a (left), not (right); rows: solved by b (top), not (bottom)
        x = 0 if row.kind in ("both", "lost") else 1
        y = 1 if row.kind in ("both", "gained") else 0
        axes.add_patch(_cell(x, y, SHADES[str(row.kind)]))
        axes.text(x + 0.5, y + 0.66, f"{row.observed:,}", ha="center", va="center", fontsize=13)
        axes.text(x + 0.04, y + 0.94, str(row.kind), ha="left", va="top", fontsize=7, color="#333333")
        axes.text(x + 0.5, y + 0.27, _expected(row), ha="center", va="center", fontsize=6.5, color="#333333")
    axes.set(xlim=(0, 2), ylim=(0, 2))
    axes.set_xticks([0.5, 1.5], ["solved", "not solved"])
    axes.set_yticks([0.5, 1.5], ["not\nsolved", "solved"])
    axes.set_xlabel(f"A: {plain(a, 30)}")
    axes.set_ylabel(f"B: {plain(b, 22)}")
    axes.set_title(f"Problems solved at least once in {n}", fontweight="normal")
    axes.grid(False)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    return fig


@styled
def support_bars(frame: pd.DataFrame) -> Any:
    """Support counts as bars with the same-model expectation as a mark and interval beside each.

    frame: comparison, kind, observed, mean, low, high (counts). Only gained and lost are drawn as bars:
    they are what a claim rests on; both and neither stand in the table.
    """
    shown = frame[frame["kind"].isin(["gained", "lost"])]
    names = list(dict.fromkeys(shown["comparison"]))
    fig = figure(COLUMN, 0.9 + 0.55 * len(names))
    axes = fig.subplots()
    for position, name in enumerate(names):
        for offset, kind, hatch in ((-0.2, "gained", ""), (0.2, "lost", "///")):
            row = shown[(shown["comparison"] == name) & (shown["kind"] == kind)].iloc[0]
            y = position + offset
            label = kind if position == 0 else None
            axes.barh(
                y, row["observed"], 0.36, color=SHADES[kind], edgecolor="#444444", hatch=hatch, label=label
            )
            _expectation(axes, y, row, label="same model twice" if (position, kind) == (0, "lost") else None)
    axes.set_yticks(range(len(names)), [plain(n, 28) for n in names])
    axes.invert_yaxis()
    axes.set_xlabel("problems")
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def _expectation(axes: Any, y: float, row: pd.Series, label: str | None) -> None:
    if pd.isna(row["mean"]):
        return
    reach = [[max(0.0, row["mean"] - row["low"])], [max(0.0, row["high"] - row["mean"])]]
    axes.errorbar(
        row["mean"], y, xerr=reach, fmt="|", color="black", capsize=2, markersize=8, linewidth=1, label=label
    )


def _cell(x: float, y: float, colour: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 1, 1, facecolor=colour, edgecolor="white", linewidth=2)


def _expected(row: Any) -> str:
    if pd.isna(row.mean):
        return "no expectation available"
    return f"same model twice: {row.mean:,.0f}\n({row.low:,.0f} to {row.high:,.0f})"
