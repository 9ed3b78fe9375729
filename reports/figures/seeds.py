"""Training seeds: every one shown, never the best alone; and whether training reward predicts the test."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures.panels import counted, footnote
from reports.figures.style import COLUMN, PAGE, figure, looks, styled


@styled
def seed_panels(frame: pd.DataFrame) -> Any:
    """One panel per metric: every seed as a dot at its starting checkpoint, their mean as a line.

    frame: metric, series (recipe), x (pre-training tokens), seed, y (percent).
    """
    metrics = list(dict.fromkeys(frame["metric"]))
    fig = figure(PAGE if len(metrics) > 1 else COLUMN, 2.5)
    all_axes = fig.subplots(1, len(metrics), squeeze=False)[0]
    drawn = looks([str(s) for s in dict.fromkeys(frame["series"])])
    places = {x: i for i, x in enumerate(sorted(set(frame["x"])))}
    for axes, metric in zip(all_axes, metrics, strict=True):
        for number, (name, look) in enumerate(drawn.items()):
            rows = frame[(frame["metric"] == metric) & (frame["series"] == name)]
            shift = 0.12 * (number - (len(drawn) - 1) / 2)
            means = rows.groupby("x")["y"].mean()
            axes.plot(
                [places[x] + shift for x in means.index],
                means,
                color=look.colour,
                linestyle=look.line,
                linewidth=1,
                label=look.label,
            )
            axes.scatter(
                rows["x"].map(places) + shift,
                rows["y"],
                s=16,
                color=look.colour,
                marker=look.marker,
                alpha=0.8,
                linewidths=0,
            )
        axes.set_title(metric)
        axes.set_xticks(list(places.values()), [counted(float(str(x))) for x in places])
        axes.set_xlabel("pre-training tokens")
    all_axes[0].set_ylabel("%")
    fig.legend(*all_axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(drawn))
    footnote(fig, seed_notes(frame))
    return fig


@styled
def reward_against_test(frame: pd.DataFrame) -> Any:
    """Training reward against test accuracy, one point per run: like rewards may hide unlike tests.

    frame: series (recipe), x (pre-training tokens), seed, reward (mean training reward, 0 … 1), y (percent).
    """
    fig = figure(COLUMN, 2.6)
    axes = fig.subplots()
    drawn = looks([str(s) for s in dict.fromkeys(frame["series"])])
    starts: list[float] = sorted(frame["x"].unique().tolist())
    for name, look in drawn.items():
        rows = frame[frame["series"] == name]
        shown = rows["x"] == starts[-1] if len(starts) == 2 else rows["x"].notna()
        how: dict[str, Any] = {"s": 20, "color": look.colour, "marker": look.marker}
        axes.scatter(rows.loc[shown, "reward"], rows.loc[shown, "y"], label=look.label, **how)
        axes.scatter(rows.loc[~shown, "reward"], rows.loc[~shown, "y"], **how | {"facecolors": "none"})
        for start in starts if len(starts) > 2 else ():
            if (group := rows[rows["x"] == start]).empty:
                continue
            place = (group["reward"].max(), group["y"].mean())
            axes.annotate(_tokens(start), place, xytext=(4, 2), textcoords="offset points", fontsize=6)
    axes.set_xlabel("training reward")
    axes.set_ylabel("test accuracy (%)")
    fig.legend(loc="outside upper center", ncols=len(drawn))
    many = "the number beside those of one recipe and start is its pre-training tokens"
    said = {
        1: f"from {_tokens(starts[-1])} pre-training tokens",
        2: f"hollow: from {_tokens(starts[0])} pre-training tokens, full: from {_tokens(starts[-1])}",
    }
    footnote(fig, [f"a point is a run; {said.get(len(starts), many)}"])
    return fig


def _tokens(x: float) -> str:
    return counted(float(f"{x:.2g}"))


def seed_notes(frame: pd.DataFrame) -> list[str]:
    """How many seeds there are, and where there is only one."""
    count = frame.groupby(["series", "x"])["seed"].nunique()
    if count.max() == 1:
        return ["one seed only: no spread between seeds is known"]
    if count.min() == 1:
        alone = ", ".join(f"{series} at {x}" for series, x in count[count == 1].index.to_list()[:4])
        return [f"{count.max()} seeds, but only one of {alone}"]
    return [
        f"{count.min()} to {count.max()} seeds"
        if count.min() < count.max()
        else f"{count.max()} seeds, all shown"
    ]
