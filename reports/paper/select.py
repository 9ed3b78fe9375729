"""Which rows belong to which figure: of the paper's numbers by their figure, of a study by what is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.paper import figures


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure of the paper: the name of its files, its function, its rows in the paper's numbers, and
    the series and metrics that a study's own version shows."""

    name: str
    draw: Callable[[pd.DataFrame], Any]
    figure: str
    where: str = ""
    series: tuple[str, ...] = ()


DRAWINGS: tuple[Drawing, ...] = (
    Drawing("overview", figures.gains, "overview"),
    Drawing("gsm8k_sft", figures.over_tokens, "fig2_gsm8k_single_sft", "", ("base", "sft", "sft-rl", "rl")),
    Drawing(
        "gsm8k_sft_gold",
        figures.over_tokens,
        "fig3_gsm8k_sft_gold",
        "",
        ("base", "sft-gold", "sft-gold-rl", "rl"),
    ),
    Drawing("math", figures.over_tokens, "math_passatk", "", ("base", "sft-gold", "sft-gold-rl", "rl")),
    Drawing("data_against_scale", figures.gains, "math_data_vs_scale"),
    Drawing("dynamics", figures.dynamics, "fig4_dynamics_14B"),
    Drawing("general_mean", figures.general_mean, "fig5_general", "metric == 'accuracy_avg6'"),
    Drawing("general_grid", figures.general_grid, "fig5_general", "metric == 'accuracy'"),
    Drawing("parallel", figures.parallel, "fig6_parallel", "", ("base", "sft", "sft-rl", "rl", "parallel")),
    Drawing("rollout_budget", figures.rollout_budget, "rollout_budget"),
    Drawing("base_shots", figures.over_tokens, "a4_base_shots"),
)


def rows_of(drawing: Drawing, numbers: pd.DataFrame) -> pd.DataFrame:
    """The rows of one figure in the paper's numbers."""
    if drawing.figure == "overview":
        return overview(numbers)
    rows = numbers[numbers["figure"] == drawing.figure]
    return rows.query(drawing.where) if drawing.where else rows


def overview(numbers: pd.DataFrame) -> pd.DataFrame:
    """Every recipe minus its base on GSM8K (pass@1, pass@32) and on the general benchmarks."""
    sources = (
        ("fig2_gsm8k_single_sft", ("sft", "sft-rl", "rl"), ("pass@1", "pass@32")),
        ("fig3_gsm8k_sft_gold", ("sft-gold", "sft-gold-rl"), ("pass@1", "pass@32")),
        ("fig6_parallel", ("parallel",), ("pass@1", "pass@32", "general_5bench")),
        ("fig5_general", ("sft", "sft-gold", "rl"), ("accuracy_avg6",)),
    )
    parts = []
    for name, series, metrics in sources:
        rows = numbers[(numbers["figure"] == name) & numbers["metric"].isin(metrics)]
        parts.append(differences(rows)[lambda d, s=series: d["series"].isin(s)])
    out = pd.concat(parts, ignore_index=True) if parts else numbers.iloc[:0]
    merged = {"accuracy_avg6": "delta_general", "general_5bench": "delta_general"}
    return out.assign(
        metric=out["metric"].str.removeprefix("delta_").map(lambda m: merged.get(m, f"delta_{m}"))
    )


def differences(rows: pd.DataFrame, base: str = "base") -> pd.DataFrame:
    """y minus the base's y at the same benchmark, metric and x; metric becomes delta_…; the base is left out.

    Where a series has intervals they are not carried over: the interval of a difference is not theirs.
    """
    keys = ["benchmark", "metric", "x_axis", "x"]
    start = rows[rows["series"] == base].set_index(keys)["y"].rename("start")
    joined = rows[rows["series"] != base].join(start, on=keys, how="inner")
    out = joined.assign(y=(joined["y"] - joined["start"]).round(6), metric="delta_" + joined["metric"])
    return out.drop(columns=[c for c in ("start", "low", "high") if c in out.columns])
