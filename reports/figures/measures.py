"""Measures that others report, drawn: tax and vote over k, answers, work shown, tokens, readiness."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures.curves import log2_axis
from reports.figures.panels import counted, footnote
from reports.figures.style import COLUMN, PAGE, checkpoint_looks, figure, looks, plain, styled


@styled
def tax_areas(frame: pd.DataFrame, K: int, title: str = "") -> Any:
    """What further tries add: each curve of pass@k up to K, and the area to its end, of which S is a share.

    frame: checkpoint, recipe, k, estimate (rates), share (S). title: the tax in words.
    """
    fig = figure(COLUMN, 2.6)
    axes = fig.subplots()
    rows = frame[frame["k"] <= K]
    for name, look in checkpoint_looks(rows).items():
        one = rows[rows["checkpoint"] == name].sort_values("k")
        y, label = 100 * one["estimate"], f"{look.label}, S = {one['share'].iloc[0]:.3f}"
        axes.fill_between(one["k"], y, y.iloc[-1], color=look.colour, alpha=0.18, linewidth=0)
        axes.plot(one["k"], y, color=look.colour, marker=look.marker, linestyle=look.line, label=label)
    log2_axis(axes, rows["k"], K)
    axes.set_ylabel("pass@k (%)")
    axes.set_title(title, fontweight="normal", fontsize=7)
    axes.legend(loc="lower right")
    return fig


@styled
def votes(frame: pd.DataFrame) -> Any:
    """pass@k (filled, solid) and maj@k (open, dashed): what k tries reach, and what a vote over them makes.

    frame: checkpoint, recipe, kind (pass or maj), k, estimate, low, high (rates).
    """
    fig = figure(COLUMN, 2.6)
    axes = fig.subplots()
    for name, look in checkpoint_looks(frame).items():
        for kind, line, face in (("pass", "-", look.colour), ("maj", (0, (3, 2)), "white")):
            one = frame[(frame["checkpoint"] == name) & (frame["kind"] == kind)].sort_values("k")
            axes.plot(
                one["k"], 100 * one["estimate"], color=look.colour, marker=look.marker, linestyle=line,
                markerfacecolor=face, label=f"{kind}@k, {look.label}",
            )  # fmt: skip
            if one[["low", "high"]].notna().all(axis=None):
                ends = 100 * one["low"], 100 * one["high"]
                axes.fill_between(one["k"], *ends, color=look.colour, alpha=0.10, linewidth=0)
    log2_axis(axes, frame["k"], None)
    axes.set_ylabel("%")
    fig.legend(loc="outside upper center", ncols=2)
    return fig


@styled
def answers(frame: pd.DataFrame, names: dict[str, str]) -> Any:
    """Answer policy beyond two halves of A: one panel per measure, a row per group of problems.

    frame: group, problems, measure, estimate, low, high (rates). names: the measures and their titles.
    """
    groups = list(dict.fromkeys(frame["group"]))
    sizes = frame.drop_duplicates("group").set_index("group")["problems"]
    fig = figure(PAGE, 0.9 + 0.28 * len(groups))
    panels = fig.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, (measure, title) in zip(panels, names.items(), strict=True):
        for _, row in frame[frame["measure"] == measure].iterrows():
            _point(axes, row, groups.index(row["group"]), "#4b3f8f", "o", scale=100)
        axes.set_title(title)
        _rows(axes, [f"{plain(g, 24)} ({sizes[g]:,})" for g in groups])
        axes.set_xlabel("points")
    footnote(fig, ["change from A to B less that between two halves of A; 0: as one model drawn twice"])
    return fig


@styled
def work(frame: pd.DataFrame) -> Any:
    """Right answers without work shown, and passes with work, beside the guess floor, by checkpoint.

    frame: checkpoint, measure (no_work_per_right, work_pass_1, work_pass_k, guess_floor; judged_… too),
    label, estimate, low, high (rates).
    """
    names = list(dict.fromkeys(frame["checkpoint"]))
    fig = figure(PAGE, 1.0 + 0.3 * len(names))
    left, right = fig.subplots(1, 2, sharey=True)
    shares = frame["measure"].str.endswith("no_work_per_right")
    for axes, rows in ((left, frame[shares]), (right, frame[~shares])):
        kinds = looks([f"{m}\0" for m in dict.fromkeys(rows["measure"])])
        for number, (measure, look) in enumerate(kinds.items()):
            own = rows[rows["measure"] == measure.rstrip("\0")]
            shift = 0.18 * (number - (len(kinds) - 1) / 2)
            for _, row in own.iterrows():
                _point(axes, row, names.index(row["checkpoint"]) + shift, look.colour, look.marker, 100)
            axes.plot([], [], look.marker, color=look.colour, label=plain(own["label"].iloc[0], 44))
        _rows(axes, [plain(n, 28) for n in names])
        axes.set_xlabel("%")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0))
    return fig


@styled
def in_tokens(ladder: pd.DataFrame, trained: pd.DataFrame) -> Any:
    """The base along its tokens, and where along it each trained checkpoint would stand.

    ladder: tokens, k, estimate. trained: checkpoint, recipe, k, start, value (rates), tokens, low, high (NaN:
    beyond the last), last.
    """
    ks = list(dict.fromkeys(ladder["k"]))
    fig = figure(PAGE, 2.7)
    panels = fig.subplots(1, len(ks), squeeze=False)[0]
    edge = 1.6 * ladder["tokens"].max()
    for axes, k in zip(panels, ks, strict=True):
        base = ladder[ladder["k"] == k].sort_values("tokens")
        axes.plot(base["tokens"], 100 * base["estimate"], color="#3a3a3a", marker="o", label="base")
        for name, look in checkpoint_looks(trained).items():
            row = trained[(trained["checkpoint"] == name) & (trained["k"] == k)].iloc[0]
            y, at = 100 * row["value"], row["tokens"] if pd.notna(row["tokens"]) else edge
            low, high = (edge if pd.isna(row[end]) else row[end] for end in ("low", "high"))
            axes.plot([low, high], [y, y], color=look.colour, linewidth=4, alpha=0.3, solid_capstyle="butt")
            axes.annotate(
                "", (at, y), (row["start"], y), arrowprops={"arrowstyle": "->", "color": look.colour}
            )
            times = f"{at / row['start']:.2f}x" if pd.notna(row["tokens"]) else "beyond the ladder"
            axes.plot(row["start"], y, look.marker, color=look.colour, label=f"{look.label}: {times}")
        axes.set_xscale("log")
        axes.set_xticks(list(base["tokens"]), [counted(float(f"{x:.3g}")) for x in base["tokens"]])
        axes.set_xticks([], minor=True)
        axes.set_title(f"pass@{k}")
        axes.set_xlabel("pre-training tokens")
        axes.legend(loc="best")
    panels[0].set_ylabel("%")
    return fig


@styled
def against_reached(frame: pd.DataFrame, names: dict[str, str]) -> Any:
    """What base checkpoints show before RL against what RL reached from them: one panel per predictor.

    frame: checkpoint, tokens, reached (mean training reward), a column per predictor (NaN: unknown). names:
    the predictors and their titles, each with its rank correlation.
    """
    fig = figure(PAGE, 2.4)
    panels = fig.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, (column, title) in zip(panels, names.items(), strict=True):
        known = frame[frame[column].notna()]
        axes.plot(known[column], known["reached"], "o", color="#3a3a3a")
        for _, row in known.iterrows():
            if pd.notna(row["tokens"]):
                text = counted(float(f"{row['tokens']:.3g}"))
                axes.annotate(text, (row[column], row["reached"]), xytext=(4, 2), textcoords="offset points",
                              fontsize=6)  # fmt: skip
        axes.set_xlabel(title)
    panels[0].set_ylabel("training reward that RL reached")
    return fig


def _point(axes: Any, row: pd.Series, y: float, colour: str, marker: str, scale: float) -> None:
    at, low, high = (row[end] for end in ("estimate", "low", "high"))
    reach = None
    if pd.notna(low) and pd.notna(high):
        reach = [[max(0.0, scale * (at - low))], [max(0.0, scale * (high - at))]]
    axes.errorbar(scale * at, y, xerr=reach, fmt=marker, color=colour, capsize=2, linewidth=1)


def _rows(axes: Any, names: list[str]) -> None:
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(True, axis="x")
    axes.grid(False, axis="y")
