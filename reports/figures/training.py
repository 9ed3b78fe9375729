"""What happens along a training run: reward, entropy, length and whatever else was logged, over steps."""

from __future__ import annotations

from typing import Any

import pandas as pd

from evals.core.errors import UserError
from reports.figures.panels import counting
from reports.figures.style import COLUMN, PAGE, figure, looks, plain, styled

UNITS = {
    "reward": "mean reward",
    "entropy": "token entropy (nats)",
    "length": "response length (tokens)",
    "kl": "KL to the reference (nats/token)",
}
SMOOTH = 0.02  # the running mean spans this share of the steps


@styled
def along_training(frame: pd.DataFrame) -> Any:
    """One panel per metric over training steps, every run a line: thin as logged, thick as a running mean.

    frame: run, recipe (may be None), step, metric (reward, entropy, …), value.
    """
    if frame.empty:
        raise UserError("the run has logged nothing yet; there is nothing to draw")
    metrics = list(dict.fromkeys(frame["metric"]))
    wide = min(3, len(metrics))
    high = -(-len(metrics) // wide)
    fig = figure(COLUMN if len(metrics) == 1 else PAGE, 0.5 + 2.0 * high)
    grid = fig.subplots(high, wide, squeeze=False, sharex=True)
    recipes = frame.drop_duplicates("run").set_index("run")["recipe"]
    alone = recipes.value_counts()
    keys = {r: str(c) if isinstance(c, str) and alone[c] == 1 else f"{r}\0" for r, c in recipes.items()}
    drawn = looks(list(keys.values()))
    for axes, metric in zip(grid.flat, metrics, strict=False):
        for run, key in keys.items():
            rows = frame[(frame["run"] == run) & (frame["metric"] == metric)].sort_values("step")
            _line(axes, rows, drawn[key], plain(str(run)))
        axes.set_ylabel(UNITS.get(metric, metric.replace("_", " ")))
        counting(axes.xaxis)
    for axes in grid.flat[len(metrics) :]:
        axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel("step")
    handles, labels = grid.flat[0].get_legend_handles_labels()
    if len(labels) > 1:
        fig.legend(handles, labels, loc="outside upper center", ncols=min(4, len(labels)))
    return fig


def _line(axes: Any, rows: pd.DataFrame, look: Any, label: str) -> None:
    window = max(1, round(SMOOTH * len(rows)))
    if window > 1:
        axes.plot(rows["step"], rows["value"], color=look.colour, linewidth=0.5, alpha=0.35)
    smooth = rows["value"].rolling(window, center=True, min_periods=1).mean()
    axes.plot(rows["step"], smooth, color=look.colour, linestyle=look.line, label=label)
