"""pass@k curves and Δpass@k, with their bands."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures.style import COLUMN, checkpoint_looks, figure, look, plain, styled

NO_INTERVALS = "no intervals available"


@styled
def passk_curves(frame: pd.DataFrame, K: int | None = None) -> Any:
    """pass@k against k (log2) of one or more checkpoints.

    frame: checkpoint, recipe, k, estimate, low, high, band_low, band_high, in rates 0 … 1; recipe may be
    None; NaN where there is no interval. Light: all k at once; dark: each k by itself. K: the declared K.
    """
    fig = figure(COLUMN, 2.6)
    axes = fig.subplots()
    drawn = checkpoint_looks(frame)
    for name, rows in frame.groupby("checkpoint", sort=False):
        rows, one = rows.sort_values("k"), drawn[str(name)]
        band(axes, rows, "band_low", "band_high", one.colour, 0.13)
        band(axes, rows, "low", "high", one.colour, 0.22)
        axes.plot(
            rows["k"],
            100 * rows["estimate"],
            color=one.colour,
            marker=one.marker,
            linestyle=one.line,
            label=drawn[str(name)].label,
            markevery=_powers(rows["k"]),
        )
    log2_axis(axes, frame["k"], K)
    axes.set_ylabel("pass@k (%)")
    axes.set_ylim(bottom=max(0, axes.get_ylim()[0]), top=min(102, axes.get_ylim()[1]))
    axes.legend(loc="best")
    if not frame[["low", "high"]].notna().any().any():
        note(axes, NO_INTERVALS)
    return fig


@styled
def delta_curve(frame: pd.DataFrame, a: str, b: str, K: int | None = None, level: float = 0.05) -> Any:
    """Δpass@k = pass@k of b minus that of a, in points, with its simultaneous band.

    frame: k, estimate, low, high, band_low, band_high, null_low, null_high (rates; NaN where unknown). The
    grey null band is where the difference of two draws of one model would lie.
    """
    fig = figure(COLUMN, 2.6)
    axes = fig.subplots()
    rows = frame.sort_values("k")
    colour = look("", 0).colour
    share = f"{100 * (1 - level):g}%"
    band(axes, rows, "null_low", "null_high", "#777777", 0.28, label="same model twice")
    band(axes, rows, "band_low", "band_high", colour, 0.15, label=f"{share}, all k at once")
    band(axes, rows, "low", "high", colour, 0.30, label=f"{share}, each k")
    axes.axhline(0, color="black", linewidth=0.8)
    axes.plot(rows["k"], 100 * rows["estimate"], color=colour, marker="o", markevery=_powers(rows["k"]))
    log2_axis(axes, rows["k"], K)
    axes.set_ylabel("Δpass@k (points)")
    axes.set_title(f"{plain(b, 24)} − {plain(a, 24)}", fontweight="normal")
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best")
    else:
        note(axes, NO_INTERVALS)
    return fig


def band(
    axes: Any,
    rows: pd.DataFrame,
    low: str,
    high: str,
    colour: str,
    alpha: float,
    label: str | None = None,
    scale: float = 100,
) -> None:
    """Fill between two columns over k (rates in percent, by the scale); nothing where one is missing."""
    if rows[[low, high]].notna().all(axis=1).any():
        axes.fill_between(
            rows["k"],
            scale * rows[low],
            scale * rows[high],
            color=colour,
            alpha=alpha,
            linewidth=0,
            label=label,
        )


def _powers(k: pd.Series) -> list[int]:
    """Where the powers of two stand (and the ends): a dense curve stays a line there between."""
    ends = {0, len(k) - 1}
    return sorted(ends | {i for i, one in enumerate(k) if one & (one - 1) == 0})


def log2_axis(axes: Any, k: pd.Series, K: int | None) -> None:
    """k on a log2 axis with ticks at the powers of two (at most nine of them), and the declared K marked."""
    top = int(k.max())
    powers = [2**i for i in range(top.bit_length())]
    while len(powers) > 9:
        powers = powers[::2]
    ticks = sorted({*powers, K} if K is not None else powers)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"K={t}" if t == K else str(t) for t in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("k (samples per problem)")
    if K is not None:
        axes.axvline(K, color="#888888", linewidth=0.8, linestyle=(0, (1, 2)))


def note(axes: Any, text: str) -> None:
    """A note inside the axes that the reader must not miss."""
    axes.annotate(
        text, (0.02, 0.98), xycoords="axes fraction", ha="left", va="top", fontsize=7, style="italic"
    )
