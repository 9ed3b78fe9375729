"""How success rates are distributed over problems, before and after, and how problems move between bins.

The shares are those of the estimated distribution of the success rate p, not of raw c/n, which smears it
(see `reports.frames.findings.distribution`).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.figures.style import COLUMN, checkpoint_looks, figure, plain, styled


@styled
def accuracy_histogram(frame: pd.DataFrame) -> Any:
    """Share of problems in each bin of the success rate, of one or more checkpoints side by side.

    frame: checkpoint, recipe (may be None), low, high (edges of the bin in p), share (of problems, 0 … 1).
    """
    fig = figure(COLUMN, 2.4)
    axes = fig.subplots()
    names = list(dict.fromkeys(frame["checkpoint"]))
    drawn = checkpoint_looks(frame)
    bins = frame[["low", "high"]].drop_duplicates().sort_values("low").reset_index(drop=True)
    width = 0.8 / len(names)
    for number, name in enumerate(names):
        rows = bins.merge(frame[frame["checkpoint"] == name], on=["low", "high"], how="left")
        x = np.arange(len(bins)) + (number - (len(names) - 1) / 2) * width
        look = drawn[str(name)]
        axes.bar(
            x,
            100 * rows["share"],
            width,
            color=look.colour,
            hatch="" if number == 0 else "///",
            edgecolor="white",
            linewidth=0.4,
            label=look.label,
        )
    labels = [bin_label(low, high) for low, high in bins.itertuples(index=False)]
    axes.set_xticks(range(len(bins)), labels, rotation=35, ha="right")
    axes.set_xlabel("success rate of a problem")
    axes.set_ylabel("problems (%)")
    long = sum(len(drawn[str(name)].label) for name in names) > 40
    fig.legend(loc="outside upper center", ncols=1 if long else len(names))
    return fig


@styled
def flow(frame: pd.DataFrame, a: str, b: str) -> Any:
    """How problems move between bins of difficulty: rows the bin under a, columns the bin under b.

    frame: from_low, from_high, to_low, to_high (edges in p), share (of all problems, 0 … 1).
    """
    import seaborn

    fig = figure(COLUMN, 3.0)
    axes = fig.subplots()
    labelled = frame.assign(
        start=[bin_label(x, y) for x, y in zip(frame["from_low"], frame["from_high"], strict=True)],
        end=[bin_label(x, y) for x, y in zip(frame["to_low"], frame["to_high"], strict=True)],
    )
    order = list(dict.fromkeys(labelled.sort_values("from_low")["start"]))
    table = 100 * labelled.pivot(index="start", columns="end", values="share").reindex(
        index=order, columns=order
    )
    seaborn.heatmap(
        table.iloc[::-1],
        ax=axes,
        cmap="Greys",
        vmin=0,
        annot=table.iloc[::-1].map(lambda share: f"{share:.1f}" if share >= 0.05 else ""),
        fmt="",
        annot_kws={"fontsize": 6.5},
        linewidths=0.5,
        linecolor="#eeeeee",
        cbar=False,
        square=True,
    )
    axes.set_xlabel(f"success rate under {plain(b, 28)}")
    axes.set_ylabel(f"under {plain(a, 28)}")
    axes.set_title("problems (%)", fontweight="normal")
    axes.tick_params(length=0)
    axes.set_xticklabels(axes.get_xticklabels(), rotation=35, ha="right")
    axes.set_yticklabels(axes.get_yticklabels(), rotation=0)
    return fig


def bin_label(low: float, high: float) -> str:
    """A bin in percent: "0", "0-5", "95-100"; a bin without width is its value."""
    return f"{100 * low:g}" if low == high else f"{100 * low:g}-{100 * high:g}"
