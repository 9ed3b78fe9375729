"""The figures of the page of published runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from reports.figures.style import OTHERS, PAGE, RECIPES, figure, styled
from reports.published import general, octothinker
from reports.published.data import load
from reports.published.parts import Run

READ = {
    "lost": "#b3261e",
    "down": "#b3261e",
    "gained": "#1a7f4b",
    "up": "#1a7f4b",
    "equivalent": "#2b5ea7",
    "undetermined": "#888888",
}
MIXES = {
    "llama.3b": "Llama base",
    "llama.3b_decay_short.20B": "short mix",
    "qwen.3b": "Qwen base",
    "llama.3b_decay_long.short.mix.20B": "mixed",
    "llama.3b_decay_long.20B": "long mix",
}


def drawn(runs: Sequence[Run], data: Path | None = None) -> Iterator[tuple[str, Any]]:
    """(name, figure) of every section that has one."""
    by = {run.figure[0]: run.record for run in runs if run.figure}
    yield "general", _general(by["general"]["changes"])
    for run in runs:
        if run.figure and run.draw:
            yield run.figure[0], run.draw()
    yield "chess", _chess(by["chess"]["pairs"])
    yield "octothinker", _octothinker(load("octothinker.csv.gz", data))


@styled
def _general(changes: list[dict[str, Any]]) -> Any:
    fig = figure(PAGE, 2.6)
    axes = fig.subplots()
    axes.axhspan(-100 * general.MARGIN, 100 * general.MARGIN, color="#eeeeee", linewidth=0)
    axes.axhline(0, color="black", linewidth=0.8)
    for place, recipe in enumerate(("rl", "sft", "sft-gold", "sft-rl", "parallel")):
        look, rows = RECIPES[recipe], [c for c in changes if c["recipe"].split(" ")[0] == recipe]
        x = [c["tokens"] * (0.95 + 0.025 * place) for c in rows]
        y = [100 * c["difference"] for c in rows]
        axes.errorbar(
            x,
            y,
            yerr=[100 * (c["high"] - c["difference"]) for c in rows],
            fmt=look.marker,
            color=look.colour,
            label=look.label,
            linewidth=0.8,
            markersize=4,
        )
    axes.set_xscale("log")
    ticks = [2.1, 4.2, 6.3, 10.5, 14.7, 21, 29.4, 46.1]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_xlabel("pre-training tokens (B); grey: within ±2 points")
    axes.set_ylabel("six-task mean − base (points)")
    fig.legend(loc="outside upper center", ncols=5)
    return fig


@styled
def _chess(pairs: list[dict[str, Any]]) -> Any:
    fig = figure(PAGE, 2.6)
    panels = fig.subplots(1, 2, sharex=True, sharey=True)
    for axes, task in zip(panels, ("worst move", "best move"), strict=True):
        rows = [p for p in pairs if p["task"] == task]
        for y, p in enumerate(rows):
            axes.plot([100 * p["low"], 100 * p["high"]], [y, y], color=READ[p["reading"]], linewidth=1)
            axes.plot(100 * p["difference"], y, "o", color=READ[p["reading"]])
        axes.axvline(0, color="black", linewidth=0.8)
        axes.set_yticks(range(len(rows)), [p["arm"] for p in rows])
        axes.set_title(task)
        axes.set_xlabel("RL − SFT, pass@1 (points); grey: undetermined")
    panels[0].invert_yaxis()
    return fig


@styled
def _octothinker(frame: pd.DataFrame) -> Any:
    fig = figure(PAGE * 0.6, 2.4)
    axes = fig.subplots()
    here = frame[frame["benchmark"] == "math500"].assign(name=lambda f: f["run"].map(octothinker.short))
    for other, (name, label) in zip(OTHERS, MIXES.items(), strict=False):
        run = here[here["name"] == name].sort_values("step")
        axes.plot(run["step"], 100 * run["accuracy"], color=other.colour, linewidth=1, label=label)
    axes.set_xlabel("step of RL")
    axes.set_ylabel("MATH500 (%)")
    fig.legend(loc="outside right center")
    return fig
