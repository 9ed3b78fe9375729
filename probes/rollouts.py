"""The rollouts finding: learning per sample against learning per unit of compute, over RL runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.comparison.words import percent
from evals.checkpoints.runs import metrics, resolved, rollouts
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from probes.findings.checks import check
from probes.findings.finding import finding
from probes.findings.rows import value_cell
from probes.findings.types import Check, Finding
from probes.inputs.sources import labels_of

POINTS = 8  # budgets at which runs are compared
WINDOW = 5  # steps over which a run's accuracy is averaged
REPLICATES = 1000
Runs = dict[str, tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]]  # groups, curve, configuration
FREE = {"n", "seed", "steps", "parent", "save_every", "checkpoint_every"}  # what runs may differ in


def curve(run: Path) -> pd.DataFrame:
    """A run step by step: step, rollouts and flops so far, and its groups' accuracy.

    flops are those that the run counted for sampling and training, NaN where it did not.
    """
    groups = rollouts(run)
    by_step = groups.groupby("step").agg(n=("n", "sum"), correct=("correct", "sum")).sort_index()
    out = pd.DataFrame({"rollouts": by_step["n"].cumsum(), "correct": by_step["correct"] / by_step["n"]})
    logged = metrics(run)
    out["flops"] = logged.set_index("step")["flops"].reindex(out.index) if "flops" in logged else np.nan
    return out.reset_index()


def at_budget(
    groups: pd.DataFrame,
    run: pd.DataFrame,
    axis: str,
    budget: float,
    seed: int,
    level: float,
    name: str = "",
) -> dict[str, Any]:
    """Accuracy of the WINDOW steps that end at a budget, with a percentile interval over their groups.

    Accuracy: correct rollouts over all rollouts of those steps, a rate. axis: "rollouts" or "flops". name:
    keys the draws, so that two runs are resampled apart. None where the run has not reached the budget.
    """
    found = _resampled(groups, run, axis, budget, seed, name)
    if found is None:
        return {"estimate": None, "low": None, "high": None, "groups": 0}
    estimate, values, count = found
    return {"estimate": estimate, **_ends(values, level), "groups": count}


def _ends(values: np.ndarray, level: float) -> dict[str, float | None]:
    """A percentile interval of replicates; None where all groups are alike and they show no error."""
    low, high = np.quantile(values, [level / 2, 1 - level / 2])
    return {"low": float(low), "high": float(high)} if low < high else {"low": None, "high": None}


def _resampled(
    groups: pd.DataFrame, run: pd.DataFrame, axis: str, budget: float, seed: int, name: str
) -> tuple[float, np.ndarray, int] | None:
    """(accuracy, its replicates (R,), number of groups) of the steps that end at a budget."""
    inside = run[run[axis] <= budget * (1 + 1e-9)]
    if inside.empty or run[axis].max() < budget * (1 - 1e-9):
        return None
    last = int(inside["step"].max())
    part = groups[(groups["step"] > last - WINDOW) & (groups["step"] <= last)]
    correct, n = part["correct"].to_numpy(float), part["n"].to_numpy(float)
    rng = np.random.default_rng(derive_seed("rollouts", seed, axis, last, name))
    drawn = rng.integers(0, len(part), (REPLICATES, len(part)))
    return float(correct.sum() / n.sum()), correct[drawn].sum(1) / n[drawn].sum(1), len(part)


def _changes(runs: Runs, axis: str, budget: float, seed: int, level: float) -> list[dict[str, Any]]:
    """Accuracy of every run less that of the first at one budget; groups of each run resampled apart."""
    found = {
        label: _resampled(groups, run, axis, budget, seed, label) for label, (groups, run, _) in runs.items()
    }
    (a, first), *others = found.items()
    rows = []
    for b, other in others:
        if first is None or other is None:
            continue
        rows.append(
            {"a": a, "b": b, "measure": f"accuracy_at_{axis}", "label": f"accuracy at {budget:.3g} {axis}",
             "unit": "rate", "digits": 4, "estimate": other[0] - first[0],
             **_ends(other[1] - first[1], level), "problems": None}
        )  # fmt: skip
    return rows


def efficiency(
    runs: Sequence[Path], *, level: float = 0.05, seed: int = 0, command: Sequence[str] = ()
) -> Finding:
    """The rollouts finding of two or more RL runs that differ in rollouts per prompt.

    At equal total rollouts (prompts times n) and at equal FLOPs (sampling and training), the accuracy of
    the last WINDOW steps, recomputed from the saved rollouts, with intervals over prompt groups; at the
    largest budget that all have reached, each run less the first. One seed of training each: a check says so.
    """
    if len(runs) < 2:
        raise UserError("efficiency compares runs, got one; give two or more run folders")
    labels = labels_of([str(r) for r in runs])
    measured = {
        label: (rollouts(run), curve(run), resolved(run)) for label, run in zip(labels, runs, strict=True)
    }
    rows, differences = [], []
    for axis in ("rollouts", "flops"):
        if any(c[axis].isna().any() for _, c, _ in measured.values()):
            continue
        top = min(float(c[axis].max()) for _, c, _ in measured.values())
        start = max(float(c[axis].min()) for _, c, _ in measured.values())
        if start >= top:
            continue
        for budget in np.geomspace(start, top, POINTS):
            for label, (groups, run, config) in measured.items():
                found = at_budget(groups, run, axis, float(budget), seed, level, label)
                rows.append(
                    {"axis": axis, "budget": float(budget), "run": label, "n": config.get("n"), **found}
                )
        differences += _changes(measured, axis, top, seed, level)
    curves = [
        {"run": label, **{str(k): None if pd.isna(v) else v for k, v in row.items()}}
        for label, (_, c, _) in measured.items()
        for row in c.to_dict("records")
    ]
    return finding(
        "rollouts",
        checkpoints=[{"name": label, "path": str(run), "fingerprint": None, "recipe": "rl", "lineage": None,
                      "cell": None, "report": None} for label, run in zip(labels, runs, strict=True)],
        problems=None,
        command=command,
        checks=_checks(measured),
        options={"level": level, "seed": seed, "window": WINDOW},
        estimates=[],
        differences=differences,
        budgets=rows,
        curves=curves,
        tables=[*_tables(rows), *_difference_table(differences, level)],
    )  # fmt: skip


def _checks(runs: Runs) -> list[Check]:
    different = []
    configs = [c for _, _, c in runs.values()]
    for key in sorted({k for c in configs for k in c} - FREE):
        if len({str(c.get(key)) for c in configs}) > 1:
            different.append(key)
    sizes = sorted({str(c.get("n")) for c in configs})
    parents = {str(c.get("parent")) for c in configs}
    text = f"n = {', '.join(sizes)}" + (f"; also differ in {', '.join(different)}" if different else "")
    return [
        check("only n differs", not different, different, text),
        check("one parent", len(parents) == 1, sorted(parents), "all start from one checkpoint"
              if len(parents) == 1 else "the runs start from different checkpoints"),
        check("training seeds", None, len(runs), "one training run of each: other seeds are not covered"),
    ]  # fmt: skip


def _tables(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """For each axis: the last three budgets, run by run."""
    out = []
    for axis, title in (("rollouts", "At equal rollouts"), ("flops", "At equal FLOPs")):
        chosen = [r for r in rows if r["axis"] == axis]
        budgets = sorted({r["budget"] for r in chosen})[-3:]
        lines = [
            [f"{r['budget']:.3g}", r["run"], r["n"], r["estimate"],
             "-" if r["low"] is None else f"[{r['low']:.3f}, {r['high']:.3f}]"]
            for r in chosen if r["budget"] in budgets
        ]  # fmt: skip
        if lines:
            out.append({"title": title, "columns": [axis, "run", "n", "accuracy", "interval"], "rows": lines})
    return out


def _difference_table(differences: Sequence[dict[str, Any]], level: float) -> list[dict[str, Any]]:
    rows = [
        [d["label"], f"{d['b']} - {d['a']}", value_cell((d["estimate"], d["low"], d["high"]), 4, "+").text]
        for d in differences
    ]
    columns = ["at the largest common budget", "runs", f"difference, {percent(level)}"]
    return [{"title": None, "columns": columns, "rows": rows}] if rows else []
