"""How many of A's tries one of B's is worth, over k: rising is new, flat is only cheaper."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures.curves import band, log2_axis, note
from reports.figures.style import COLUMN, figure, look, plain, styled


@styled
def try_multiplier(frame: pd.DataFrame, a: str, b: str, K: int | None = None, reading: str = "") -> Any:
    """m(k) against k: pass@(m k) of a equals pass@k of b; 1 is no gain.

    frame: k, estimate, low, high, band_low, band_high (NaN where a's tries end first), beyond (whether m is
    at least the estimate, drawn as an open mark). reading: what the rise or its absence says, in words.
    """
    fig = figure(COLUMN, 2.6)
    axes = fig.subplots()
    rows, colour = frame.sort_values("k"), look("", 0).colour
    top = 1.15 * max(float(rows[["estimate", "low", "high"]].max().max()), 1.2)
    shown = rows.assign(high=rows["high"].fillna(top), band_high=rows["band_high"].fillna(top))
    band(axes, shown, "band_low", "band_high", colour, 0.15, label="all k at once", scale=1)
    band(axes, shown, "low", "high", colour, 0.30, label="each k", scale=1)
    axes.axhline(1, color="black", linewidth=0.8)
    known = rows[~rows["beyond"].astype(bool)]
    axes.plot(known["k"], known["estimate"], color=colour)
    for beyond, face in ((False, colour), (True, "white")):
        some = rows[rows["beyond"] == beyond]
        label = "at least" if beyond and len(some) else None
        axes.scatter(
            some["k"], some["estimate"], s=18, facecolors=face, edgecolors=colour, zorder=3, label=label
        )
    log2_axis(axes, rows["k"], K)
    axes.set_ylim(0, top)
    axes.set_ylabel("tries of A for one of B")
    one, other = plain(b, 24), plain(a, 24)
    between = "\n" if len(one) + len(other) > 24 else " "  # a column is too narrow for two long names
    axes.set_title(f"{one}{between}in tries of {other}", fontweight="normal")
    axes.legend(loc="lower left")
    if reading:
        note(axes, reading)
    return fig
