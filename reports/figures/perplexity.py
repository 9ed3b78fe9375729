"""Perplexity by group of problems: is what the later model gained strange to the earlier one?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.figures.curves import NO_INTERVALS, note
from reports.figures.style import COLUMN, OTHERS, figure, plain, styled

NAMES = {"P": "both", "E": "gained", "S": "lost", "O": "neither", "all": "all"}
ORDER = ("all", "P", "E", "S", "O")


@styled
def perplexity_by_group(frame: pd.DataFrame) -> Any:
    """Perplexity per token of each set of samples, by what became of the problem.

    frame: samples (whose samples, under which model), group (P, E, S, O or all), estimate, low, high
    (perplexity per token, at temperature 1; NaN where there is no interval).
    """
    fig = figure(COLUMN, 2.4)
    axes = fig.subplots()
    groups = [g for g in ORDER if g in set(frame["group"])]
    names = list(dict.fromkeys(frame["samples"]))
    for number, name in enumerate(names):
        rows = frame[frame["samples"] == name].set_index("group").reindex(groups)
        x = np.arange(len(groups)) + 0.16 * (number - (len(names) - 1) / 2)
        look = OTHERS[number % len(OTHERS)]
        reach = [rows["estimate"] - rows["low"], rows["high"] - rows["estimate"]]
        axes.errorbar(
            x,
            rows["estimate"],
            yerr=[side.clip(lower=0) for side in reach],
            fmt=look.marker,
            color=look.colour,
            capsize=2,
            linewidth=1,
            label=plain(str(name), 48),
        )
    axes.set_xticks(range(len(groups)), [NAMES[g] for g in groups])
    axes.set_xlim(-0.5, len(groups) - 0.5)
    axes.set_xlabel("problems solved by")
    axes.set_ylabel("perplexity per token")
    fig.legend(loc="outside upper center")
    if not frame[["low", "high"]].notna().any().any():
        note(axes, NO_INTERVALS)
    return fig
