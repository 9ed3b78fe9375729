"""Lines over an axis of training (tokens, rollouts, stages): what the paper's figures share.

Frame: metric, series, x_axis, x, y, and where they are known low, high (an interval of y) and seed. Rates
are in percent. A row without seed is the estimate that the line goes through; a row with a seed is drawn as
a dot behind it. A row whose y is missing is a planned cell that is not there: a gap, and named.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from evals.core.errors import UserError
from reports.figures.style import RECIPES, Look, looks, plain

AXES = {
    "pretrain_tokens_B": "pre-training tokens (billions)",
    "pretrain_tokens_M": "pre-training tokens (millions)",
    "pretrain_tokens_K": "pre-training tokens (thousands)",
    "rl_examples_seen": "RL prompts seen",
    "rollouts_total": "rollouts (prompts seen × n)",
}
FEW, ASIDE = 3, 0.02  # values of x, and part of their span between neighbouring series
COLUMNS = ("metric", "series", "x_axis", "x", "y")


def prepared(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with every optional column there and the seeds' mean as the line where none is given."""
    if missing := [c for c in COLUMNS if c not in frame.columns]:
        raise UserError(f"the frame has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
    if frame.empty:
        raise UserError("the frame has no rows; there is nothing to draw")
    full = frame.assign(**{c: float("nan") for c in ("low", "high", "seed") if c not in frame.columns})
    keys = [c for c in ("benchmark", "metric", "series", "x_axis", "x") if c in full.columns]
    lines, seeds = full[full["seed"].isna()], full[full["seed"].notna()]
    have = set(map(tuple, lines[keys].to_numpy()))
    means: pd.DataFrame = seeds.groupby(keys, sort=False)["y"].mean().reset_index()
    wanted = [tuple(row) not in have for row in means[keys].to_numpy()]
    return full if not any(wanted) else pd.concat([full, means.loc[wanted]], ignore_index=True)


def draw_lines(
    axes: Any, rows: pd.DataFrame, drawn: dict[str, Look], places: dict[Any, float] | None = None
) -> None:
    """Every series of one panel: line, interval, seeds. places: where a value of x stands (default: at x).

    Where the intervals of several series would lie over one another, each stands a little beside x.
    """
    aside = _aside(rows, list(drawn), places)
    for name, look in drawn.items():
        one = rows[rows["series"] == name]
        line = one[one["seed"].isna()]
        if line.empty:
            continue
        x = _at(line["x"], places, aside[name])
        axes.plot(x, line["y"], color=look.colour, marker=look.marker, linestyle=look.line, label=look.label)
        known = line["low"].notna() & line["high"].notna()
        if known.any():
            below, above = line["y"] - line["low"], line["high"] - line["y"]
            axes.errorbar(
                x,
                line["y"],
                yerr=[below.clip(lower=0), above.clip(lower=0)],
                fmt="none",
                ecolor=look.colour,
                elinewidth=0.9,
                capsize=1.8,
            )
        dots = one[one["seed"].notna()]
        axes.scatter(
            _at(dots["x"], places, aside[name]),
            dots["y"],
            s=7,
            color=look.colour,
            marker=look.marker,
            alpha=0.45,
            linewidths=0,
        )


def _aside(rows: pd.DataFrame, names: list[str], places: dict[Any, float] | None) -> dict[str, float]:
    """How far from its x each series stands: nothing with many x, one series of intervals, another axis."""
    bars = rows[rows["low"].notna() & rows["high"].notna()]
    tokens = rows["x_axis"].astype(str).str.startswith("pretrain_tokens").all()
    if places is not None or not tokens or bars["series"].nunique() < 2 or bars["x"].nunique() > FEW:
        return dict.fromkeys(names, 0.0)
    x = pd.to_numeric(rows["x"])
    step = ASIDE * float(x.max() - x.min())
    return {name: (i - (len(names) - 1) / 2) * step for i, name in enumerate(names)}


def _at(x: pd.Series, places: dict[Any, float] | None, aside: float) -> pd.Series:
    at = pd.to_numeric(x) if places is None else x.map(places)
    return at + aside if aside else at


def legend(fig: Any, axes: Any, columns: int | None = None) -> None:
    """One legend above all panels, in the order of the series."""
    handles: dict[str, Any] = {}
    for one in axes:
        for handle, label in zip(*one.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    fig.legend(
        list(handles.values()), list(handles), loc="outside upper center", ncols=columns or len(handles)
    )


def notes(frame: pd.DataFrame) -> list[str]:
    """What the reader of a figure must be told: missing cells, no intervals, one seed only."""
    out = []
    absent = frame[frame["y"].isna()]
    if not absent.empty:
        cells = [f"{r.series} at {_short(r.x)}" for r in absent.drop_duplicates(["series", "x"]).itertuples()]
        more = f" and {len(cells) - 4} more" if len(cells) > 4 else ""
        out.append("missing: " + ", ".join(cells[:4]) + more)
    names = dict.fromkeys(str(s) for s in frame["series"])
    strange = [plain(n) for n in names if n not in RECIPES]
    if strange and len(strange) < len(names):
        out.append("not a known recipe: " + ", ".join(strange))
    seeds = frame["seed"].dropna().nunique()
    if seeds == 1:
        out.append("one seed only: no spread between seeds is known")
    if not frame[["low", "high"]].notna().any().any():
        out.append("no intervals available")
    return out


def counting(axis: Any) -> None:
    """Ticks of a large count as 5k, 2M; written out, since no text of a figure is read as a formula."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: counted(value)))
    axis.set_minor_formatter(NullFormatter())


def counted(value: float) -> str:
    """5000 → 5k, 2500000 → 2.5M."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def footnote(fig: Any, lines: list[str]) -> None:
    """Notes below the panels."""
    if lines:
        fig.supxlabel("; ".join(lines), fontsize=6.5, style="italic", x=0.01, ha="left")


def _short(x: Any) -> str:
    number = pd.to_numeric(x, errors="coerce")
    return str(x) if pd.isna(number) else f"{number:g}"


def label_of(x_axis: str) -> str:
    """The axis label of an x_axis name; the name itself where it is not one of ours."""
    return AXES.get(x_axis, x_axis.replace("_", " "))


def series_looks(frame: pd.DataFrame) -> dict[str, Look]:
    """One look per series, in the order of the frame."""
    return looks(list(dict.fromkeys(frame["series"])))
