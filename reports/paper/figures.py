"""The paper's figures, one function each, from its numbers or from a study's.

Every function takes a frame as in `reports.figures.panels` (benchmark, metric, series, x_axis, x, y, and
where they are known low, high, seed; rates in percent) and returns a matplotlib figure. The paper is cited in
`reports.paper.data`; its own numbers have no intervals.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from evals.core.errors import UserError
from reports.figures import panels
from reports.figures.style import PAGE, figure, looks, styled

GENERAL = ("lambada", "hellaswag", "arc_easy", "arc_challenge", "piqa", "openbookqa")
METRIC_LINES = (("-", None), ((0, (5, 2)), "white"), ((0, (1, 1)), "white"))  # line and marker face
NAMES = {
    "gsm8k": "GSM8K",
    "math": "MATH",
    "gsm8k-easy": "easy problems",
    "gsm8k-hard": "hard problems",
    "general": "general benchmarks",
    "lambada": "LAMBADA",
    "hellaswag": "HellaSwag",
    "arc_easy": "ARC-Easy",
    "arc_challenge": "ARC-Challenge",
    "piqa": "PIQA",
    "openbookqa": "OpenBookQA",
}


@styled
def over_tokens(frame: pd.DataFrame) -> Any:
    """Rates over pre-training tokens, a panel per metric: lines of recipes, or of numbers of exemplars."""
    return _over_tokens(frame)


@styled
def gains(frame: pd.DataFrame) -> Any:
    """The same of differences in points, such as from the base it started from, with a zero line."""
    return _over_tokens(frame, zero=True)


@styled
def dynamics(frame: pd.DataFrame) -> Any:
    """pass@1 and the largest pass@k through the stages of SFT→RL (left) and of direct RL (right).

    x is "base", "sft" or a number of RL steps; x_axis is "stage_or_rl_step". The stages are shaded.
    """
    from matplotlib.lines import Line2D

    frame = panels.prepared(frame)
    fig = figure(PAGE, 2.5)
    series = [s for s in ("sft-rl", "rl") if s in set(frame["series"])] or list(
        dict.fromkeys(frame["series"])
    )
    all_axes = fig.subplots(1, len(series), sharey=True, squeeze=False)[0]
    recipes = looks(series)
    for axes, name in zip(all_axes, series, strict=True):
        rows = frame[frame["series"] == name]
        order = _stages(rows["x"])
        places = {x: float(i) for i, x in enumerate(order)}
        _shade(axes, order)
        for metric, (line, face) in zip(_metrics(frame), METRIC_LINES, strict=False):
            shown = {name: replace(recipes[name], line=line, label=metric)}
            panels.draw_lines(axes, rows[rows["metric"] == metric], shown, places)
            if face and axes.lines:
                axes.lines[-1].set_markerfacecolor(face)
        axes.set_xticks(range(len(order)), [_stage(x) for x in order])
        axes.set_title(recipes[name].label)
        axes.set_xlabel("stage, then RL steps")
    all_axes[0].set_ylabel("pass@k (%)")
    handles = [
        Line2D([], [], color="#555555", linestyle=m[0], marker="o", markerfacecolor=m[1])
        for m in METRIC_LINES[: len(_metrics(frame))]
    ]
    fig.legend(handles, _metrics(frame), loc="outside upper center", ncols=3)
    panels.footnote(fig, panels.notes(frame))
    return fig


@styled
def general_mean(frame: pd.DataFrame) -> Any:
    """Mean accuracy on the general benchmarks over pre-training tokens."""
    frame = panels.prepared(frame)
    fig = figure(PAGE / 2, 2.6)
    axes = fig.subplots()
    panels.draw_lines(axes, frame, panels.series_looks(frame))
    axes.set_ylabel("mean accuracy (%)")
    axes.set_xlabel(panels.label_of(frame["x_axis"].iloc[0]))
    panels.legend(fig, [axes])
    panels.footnote(fig, panels.notes(frame))
    return fig


@styled
def general_grid(frame: pd.DataFrame) -> Any:
    """Accuracy on each of the general benchmarks over pre-training tokens, 3 rows of 2."""
    frame = panels.prepared(frame)
    names = [n for n in GENERAL if n in set(frame["benchmark"])]
    names += [n for n in dict.fromkeys(frame["benchmark"]) if n not in names]
    rows = (len(names) + 1) // 2
    fig = figure(PAGE, 0.6 + 1.75 * rows)
    grid = fig.subplots(rows, 2, sharex=True, squeeze=False)
    drawn = panels.series_looks(frame)
    for axes, name in zip(grid.flat, names, strict=False):
        panels.draw_lines(axes, frame[frame["benchmark"] == name], drawn)
        axes.set_title(NAMES.get(name, name))
        axes.set_ylabel("accuracy (%)")
    for axes in grid.flat[len(names) :]:
        axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel(panels.label_of(frame["x_axis"].iloc[0]))
    panels.legend(fig, grid.flat[: len(names)])
    panels.footnote(fig, panels.notes(frame))
    return fig


@styled
def parallel(frame: pd.DataFrame) -> Any:
    """pass@1, 8, 32 and general capability of parallel averaging beside the other recipes, 2 × 2."""
    frame = panels.prepared(frame)
    metrics = _metrics(frame)
    fig = figure(PAGE, 4.2)
    grid = fig.subplots((len(metrics) + 1) // 2, 2, sharex=True, squeeze=False)
    drawn = panels.series_looks(frame)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        rows = frame[frame["metric"] == metric]
        panels.draw_lines(axes, rows, drawn)
        axes.set_title(_title(rows))
        axes.set_ylabel("%")
    for axes in grid.flat[len(metrics) :]:
        axes.set_visible(False)
    for axes in grid[-1]:
        axes.set_xlabel(panels.label_of(frame["x_axis"].iloc[0]))
    panels.legend(fig, grid.flat[: len(metrics)])
    panels.footnote(fig, panels.notes(frame))
    return fig


@styled
def rollout_budget(frame: pd.DataFrame) -> Any:
    """Few against many rollouts per prompt: against prompts seen (left) and against all rollouts (right).

    Rows: each benchmark and metric. The right axis stands for compute and is logarithmic.
    """
    frame = panels.prepared(frame)
    rows = list(dict.fromkeys(zip(frame["benchmark"], frame["metric"], strict=True)))
    rows.sort(key=lambda r: (r[0], _k(r[1])))
    columns = [c for c in ("rl_examples_seen", "rollouts_total") if c in set(frame["x_axis"])]
    fig = figure(PAGE, 0.6 + 1.6 * len(rows))
    grid = fig.subplots(len(rows), len(columns), squeeze=False, sharex="col", sharey="row")
    drawn = panels.series_looks(frame)
    for line, (benchmark, metric) in zip(grid, rows, strict=True):
        for axes, column in zip(line, columns, strict=True):
            chosen = frame.query("benchmark == @benchmark and metric == @metric and x_axis == @column")
            panels.draw_lines(axes, chosen, drawn)
            for drawn_line in axes.lines:
                drawn_line.set(markersize=2.5, linewidth=1.0)
            if column == "rollouts_total":
                axes.set_xscale("log")
                axes.grid(True, axis="x")
            panels.counting(axes.xaxis)
        line[0].set_title(f"{NAMES.get(benchmark, benchmark)}, {metric}")
        line[0].set_ylabel("%")
    for axes, column in zip(grid[-1], columns, strict=True):
        axes.set_xlabel(panels.label_of(column))
    panels.legend(fig, grid.flat)
    panels.footnote(fig, panels.notes(frame))
    return fig


def _over_tokens(frame: pd.DataFrame, *, zero: bool = False) -> Any:
    """One row of panels, one per metric, over pre-training tokens."""
    frame = panels.prepared(frame)
    metrics = _metrics(frame)
    fig = figure(PAGE, 2.5)
    all_axes = fig.subplots(1, len(metrics), squeeze=False)[0]
    drawn = panels.series_looks(frame)
    for axes, metric in zip(all_axes, metrics, strict=True):
        rows = frame[frame["metric"] == metric]
        if zero:
            axes.axhline(0, color="black", linewidth=0.8)
        panels.draw_lines(axes, rows, drawn)
        axes.set_title(_title(rows))
        axes.set_xlabel(panels.label_of(rows["x_axis"].iloc[0]))
    all_axes[0].set_ylabel("difference (points)" if zero else "%")
    panels.legend(fig, all_axes)
    panels.footnote(fig, panels.notes(frame))
    return fig


def _metrics(frame: pd.DataFrame) -> list[str]:
    """Metrics in the order of k, others after them as they come."""
    found = list(dict.fromkeys(frame["metric"]))
    return sorted(found, key=lambda m: (_k(m) == 0, _k(m)))


def _k(metric: str) -> int:
    number = metric.rpartition("@")[2]
    return int(number) if number.isdigit() else 0


def _title(rows: pd.DataFrame) -> str:
    metric = rows["metric"].iloc[0]
    name = rows["benchmark"].iloc[0]
    if metric == "delta_general":
        return "world, Δ general" if name == "world" else "Δ mean of general benchmarks"
    shown = {"general_5bench": "mean of 5", "accuracy_avg6": "mean of 6", "accuracy_mean": "mean"}.get(
        metric, metric
    )
    return f"{NAMES.get(name, name)}, {shown.replace('delta_', 'Δ')}"


def _stages(x: pd.Series) -> list[Any]:
    """base, sft, then RL steps in order."""
    found = list(dict.fromkeys(x))
    steps = [s for s in found if str(s) not in ("base", "sft")]
    try:
        steps.sort(key=float)
    except ValueError:
        raise UserError("a stage must be base, sft or a number of RL steps, got " + str(steps)) from None
    return [s for s in ("base", "sft") if s in found] + steps


def _stage(x: Any) -> str:
    return {"base": "base", "sft": "SFT"}.get(str(x), str(x))


def _shade(axes: Any, order: list[Any]) -> None:
    """The SFT stage and the RL stage behind the lines."""
    ends = {"sft": order.index("sft") if "sft" in order else 0, "rl": len(order) - 1}
    for start, end, colour, text in (
        (0, ends["sft"], "#dbe7f1", "SFT"),
        (ends["sft"], ends["rl"], "#f6e3d9", "RL"),
    ):
        if end > start:
            axes.axvspan(start, end, color=colour, linewidth=0, zorder=0)
            axes.annotate(
                text, ((start + end) / 2, 0.02), xycoords=("data", "axes fraction"), ha="center", fontsize=7
            )
