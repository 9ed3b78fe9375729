"""The paper's figures from a study of one's own: the same functions, its rows, with intervals and gaps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.errors import UserError
from evals.core.progress import Report, over
from probes.findings.types import Finding
from reports.figures import seeds, training
from reports.figures.export import save
from reports.figures.style import RECIPES
from reports.frames import probed
from reports.frames.study import lines_and_dots, study_findings, study_numbers, with_gaps
from reports.paper import figures
from reports.paper.select import DRAWINGS

Made = tuple[str, Callable[[pd.DataFrame], Any], pd.DataFrame]
TOKENS = ("pretrain_tokens_B", "pretrain_tokens_M", "pretrain_tokens_K")


def draw_study(run: Path, out: Path, progress: Report | None = None) -> tuple[list[str], list[str]]:
    """Write SVG, PNG and CSV of every figure that the study has numbers for; (drawn, not drawn).

    progress(done, total).
    """
    findings = study_findings(run)
    drawn = []
    wanted = (*study_figures(study_numbers(run, findings)), *_runs(findings))
    for name, draw, rows in over(wanted, progress):
        save(draw(rows), rows, out, name)
        drawn.append(name)
    if not drawn:
        raise UserError(
            f"the findings of {run} give none of the paper's figures; probe excursions (RL, SFT, …) beside "
            "the base checkpoints that they started from"
        )
    kinds = {d.rpartition(".")[2] for d in drawn}
    return drawn, [n for n in NEEDS if n not in kinds]


NEEDS = {
    "overview": "excursions beside their base",
    "sft": "SFT or SFT→RL",
    "sft_gold": "SFT-Gold or SFT-Gold→RL",
    "parallel": "parallel averaging",
    "dynamics": "several checkpoints of one excursion",
    "general_mean": "findings of general benchmarks",
    "general_grid": "findings of general benchmarks",
    "base_shots": "base checkpoints under several prompts",
    "rollout_budget": "excursions with different numbers of rollouts",
    "data_against_scale": "several pre-training runs",
    "seeds": "findings of several seeds",
    "training": "findings of the dynamics of a run",
}


def _runs(findings: Sequence[Finding]) -> Iterator[Made]:
    """Figures of the runs themselves: all seeds, training reward against test, metrics along training."""
    every = probed.seeds(findings)
    if len(every):
        yield "seeds", seeds.seed_panels, every
    first = every[(every["metric"] == "pass@1") & every["reward"].notna()]
    if len(first):
        yield "reward_against_test", seeds.reward_against_test, first
    logged = probed.training(findings)
    if len(logged):
        yield "training", training.along_training, logged


def study_figures(numbers: pd.DataFrame) -> Iterator[Made]:
    """Every figure that the numbers give: file name (benchmark.figure), function, rows."""
    if "figure" in numbers.columns:
        for drawing in DRAWINGS:
            rows = numbers[numbers["figure"].isin([drawing.name, drawing.figure])]
            rows = rows.query(drawing.where) if drawing.where and len(rows) else rows
            if len(rows):
                yield drawing.name, drawing.draw, rows
        numbers = numbers[numbers["figure"].isna()]
    tokens = numbers[numbers["x_axis"].isin(TOKENS)]
    general = tokens[tokens["metric"].isin(probed.GENERAL.values())]
    for benchmark, rows in tokens[~tokens.index.isin(general.index)].groupby("benchmark", sort=False):
        yield from _of_benchmark(_slug(str(benchmark)), rows, general)
    if len(general):
        cells = ordered(with_gaps(lines_and_dots(general)), tuple(RECIPES))
        mean = cells["metric"] == probed.GENERAL[True]
        if mean.any():
            yield "general_mean", figures.general_mean, cells[mean]
        yield "general_grid", figures.general_grid, cells[~mean]


def _of_benchmark(slug: str, rows: pd.DataFrame, general: pd.DataFrame) -> Iterator[Made]:
    cells = with_gaps(lines_and_dots(rows))
    passk, delta = (cells[cells["metric"].str.startswith(p)] for p in ("pass@", "delta_"))
    if len(delta):
        yield f"{slug}.overview", figures.gains, delta
    for name, draw, series in (
        ("sft", figures.over_tokens, ("base", "sft", "sft-rl", "rl")),
        ("sft_gold", figures.over_tokens, ("base", "sft-gold", "sft-gold-rl", "rl")),
        ("parallel", figures.parallel, ("base", "sft", "sft-rl", "rl", "parallel")),
    ):
        chosen = passk[passk["series"].isin(series)]
        if name == "parallel" and len(general):
            mean = general[(general["metric"] == probed.GENERAL[True]) & general["series"].isin(series)]
            chosen = pd.concat([chosen, with_gaps(lines_and_dots(mean))], ignore_index=True)
        if set(series[1:-1] if name != "parallel" else series[-1:]) & set(chosen["series"]):
            yield f"{slug}.{name}", draw, ordered(chosen, series)
    strange = set(passk["series"]) - set(RECIPES)
    if strange:
        yield f"{slug}.other", figures.over_tokens, passk[passk["series"].isin(strange | {"base"})]
    stages = dynamics_rows(rows)
    if len(stages):
        yield f"{slug}.dynamics", figures.dynamics, stages


def ordered(rows: pd.DataFrame, series: tuple[str, ...]) -> pd.DataFrame:
    """Rows in the order of their series, then of x."""
    place = rows["series"].map({s: i for i, s in enumerate(series)})
    return rows.assign(place=place).sort_values(["place", "x"], kind="stable").drop(columns="place")


def dynamics_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """pass@1 and the largest pass@k along the excursions from one base: that with the most steps.

    x becomes the stage: "base", "sft" or the step of RL; x_axis "stage_or_rl_step".
    """
    if "step" not in rows.columns:
        return rows.iloc[:0]
    passk = rows[rows["metric"].str.startswith("pass@")]
    metrics = sorted(set(passk["metric"]), key=lambda m: int(m[5:]))
    passk = passk[passk["metric"].isin([metrics[0], metrics[-1]] if metrics else [])]
    along = passk[passk["series"].isin(["rl", "sft-rl"])]
    steps = along.groupby("x")["step"].nunique()
    if steps.empty or steps.max() < 2:
        return rows.iloc[:0]
    here = passk[passk["x"] == steps.idxmax()]
    seed = here.loc[here["series"].isin(["rl", "sft-rl"]), "seed"].iloc[0]
    parts = []
    for series, before in (("sft-rl", ("base", "sft")), ("rl", ("base",))):
        own = here[(here["series"] == series) & (here["seed"].isna() | (here["seed"] == seed))]
        if own.empty:
            continue
        for stage in before:
            start = here[here["series"] == stage].sort_values("step").drop_duplicates("metric", keep="last")
            parts.append(start.assign(x=stage, series=series))
        parts.append(own.sort_values("step").assign(x=lambda d: d["step"].astype(int).astype(str)))
    return pd.concat(parts, ignore_index=True).assign(x_axis="stage_or_rl_step", seed=float("nan"))


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] or "problems"
