"""The capability finding: general benchmarks item by item, kept or not, and the loss on plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.comparison.words import percent
from analysis.inference.exact_tests import holm, mcnemar
from analysis.inference.intervals import exact_rates, normal_quantile, paired_rates, wilson
from analysis.measures.retention import read
from evals.core.errors import UserError
from probes.findings.checks import check
from probes.findings.finding import finding
from probes.findings.types import Check, Finding
from probes.inputs.sources import pairs_of
from probes.measures.paired import Measure, infer

NOTHING: dict[str, list[dict[str, Any]]] = {"estimates": [], "differences": []}
METRIC = {"lambada": "acc", "world_facts": "acc", "world_stories": "acc"}  # of the others: acc_norm


def capability(
    items: pd.DataFrame | None,
    checkpoints: Sequence[dict[str, Any]],
    *,
    against: str = "first",
    level: float = 0.05,
    margin: float = 0.02,
    text: pd.DataFrame | None = None,
    command: Sequence[str] = (),
) -> Finding:
    """The capability finding of two or more checkpoints.

    items: one row per weights, task, metric and item with correct (see `evals.capability`), None
    for text alone. text: bits and bytes of documents (`evals.capability.text_loss`); their bits per byte are
    compared document by document. Every change is read as lost, gained, equivalent within the margin (two
    one-sided tests), or undetermined.
    Per task the accuracy (Wilson) and the paired change (Bonett and Price 2012, exact McNemar p, Holm over
    the tasks of a pair); the mean over tasks weighs tasks equally, and its error is that of independent
    tasks, problems resampled within each. UserError where two checkpoints share no items.
    """
    names = [c["name"] for c in checkpoints]
    pairs = [(a["name"], b["name"]) for a, b in pairs_of(checkpoints, against)]
    changes: dict[tuple[str, str], list[dict[str, Any]]] = {}
    rates: list[dict[str, Any]] = []
    tasks: list[str] = []
    if items is not None:
        wanted = items["task"].map(lambda task: METRIC.get(task, "acc_norm"))
        known = by_name(items[items["metric"] == wanted], checkpoints)
        missing = [n for n in names if n not in set(known["checkpoint"])]
        if missing:
            raise UserError(f"there are no capability results of {missing[0]}; run evals capability on it")
        tasks = sorted(known["task"].unique())
        changes = {pair: _changes(known, *pair, tasks, level, margin) for pair in pairs}
        rates = [row for name in names for row in _rates(known, name, tasks, level)]
    by_text = _bits(text, checkpoints, pairs, level) if text is not None else NOTHING
    differences = [row for rows in changes.values() for row in rows]
    return finding(
        "capability",
        checkpoints=list(checkpoints),
        problems=None,
        command=command,
        checks=_checks(tasks, changes, level),
        options={"level": level, "against": against, "margin": margin},
        estimates=rates + by_text["estimates"],
        differences=differences + by_text["differences"],
        tables=[_readings(differences, len(pairs) > 1, level, margin)] if differences else [],
    )


def _bits(
    text: pd.DataFrame,
    checkpoints: Sequence[dict[str, Any]],
    pairs: Sequence[tuple[str, str]],
    level: float,
) -> dict[str, list[dict[str, Any]]]:
    """Bits per byte of every checkpoint and the paired changes: lower is better."""
    tables = {
        c["name"]: text[text["weights"] == c["fingerprint"]].set_index("document")[["bits", "bytes"]]
        for c in checkpoints
    }
    measure = Measure("bits", "loss on plain text", "bits/byte", over="bytes", digits=4)
    return infer(tables, [measure], pairs, level=level)


def _readings(rows: Sequence[dict[str, Any]], several: bool, level: float, margin: float) -> dict[str, Any]:
    """What became of each task, and of the mean."""
    lines = [
        [f"{r['b']} - {r['a']}: {r['label']}" if several else r["label"], f"{r['estimate']:+.4f}",
         f"[{r['inner'][0]:+.4f}, {r['inner'][1]:+.4f}]", r["reading"]]
        for r in rows
    ]  # fmt: skip
    title = f"Kept within {100 * margin:g} points? (lost or gained: Holm over the tasks at {level:.2g})"
    return {"title": title, "columns": ["", "change", percent(2 * level), "reading"], "rows": lines}


def by_name(items: pd.DataFrame, checkpoints: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """The items of each checkpoint, found by its weights, under its own name.

    Two checkpoints with the same weights share one measurement and each get it. UserError where their
    results differ: then their tokenizers do, of which the items say nothing.
    """
    parts = []
    for c in checkpoints:
        own = items[items["weights"] == c["fingerprint"]].drop_duplicates(
            ["task", "metric", "item", "correct"]
        )
        if own.duplicated(["task", "metric", "item"]).any():
            raise UserError(
                f"there are two results of the weights of {c['name']}, as of two tokenizers; measure these "
                "checkpoints one at a time"
            )
        parts.append(own.assign(checkpoint=c["name"]))
    return pd.concat(parts, ignore_index=True)


def _named(task: str) -> dict[str, Any]:
    return {"measure": task, "label": task.replace("_", " "), "unit": "rate", "digits": 4}


def _rates(known: pd.DataFrame, name: str, tasks: Sequence[str], level: float) -> list[dict[str, Any]]:
    own = known[known["checkpoint"] == name]
    rows, means = [], []
    for task in tasks:
        right = own[own["task"] == task]["correct"]
        if not len(right):
            continue
        rate = float(right.mean())
        low, high = (float(end) for end in wilson(rate, len(right), level))
        held_rate = (rate * len(right) + 1) / (len(right) + 2)  # never without spread
        means.append((rate, held_rate * (1 - held_rate) / len(right)))
        rows.append({"checkpoint": name, **_named(task), "estimate": rate, "low": low,
                     "high": high, "problems": len(right)})  # fmt: skip
    if len(means) > 1:
        mean, low, high = _mean(means, level)
        rows.append({"checkpoint": name, **_named("mean"), "estimate": mean, "low": low, "high": high,
                     "problems": int(sum(r["problems"] for r in rows))})  # fmt: skip
    return rows


def _mean(parts: Sequence[tuple[float, float]], level: float) -> tuple[float, float, float]:
    """Unweighted mean of independent rates or changes (value, variance), with a normal interval."""
    mean = float(np.mean([value for value, _ in parts]))
    error = float(np.sqrt(sum(variance for _, variance in parts)) / len(parts))
    half = normal_quantile(1 - level / 2) * error
    return mean, mean - half, mean + half


def _changes(
    known: pd.DataFrame, a: str, b: str, tasks: Sequence[str], level: float, margin: float
) -> list[dict[str, Any]]:
    rows, means = [], []
    for task in tasks:
        part = known[(known["task"] == task) & known["checkpoint"].isin([a, b])]
        wide = part.pivot(index="item", columns="checkpoint", values="correct")
        if not {a, b} <= set(wide.columns):
            continue
        both = wide[[a, b]].dropna().astype(bool)
        if len(both) < 2:
            continue
        d = both[b].astype(int) - both[a].astype(int)
        gained, lost = int((d > 0).sum()), int((d < 0).sum())
        low, high = paired_rates(gained, lost, len(both), level)
        up, down = (gained + 1) / (len(d) + 2), (lost + 1) / (len(d) + 2)
        means.append((float(d.mean()), (up + down - (up - down) ** 2) / (len(d) + 2)))
        rows.append({"a": a, "b": b, **_named(task), "estimate": float(d.mean()), "low": float(low),
                     "high": float(high), "p": mcnemar(gained, lost), "gained": gained, "lost": lost,
                     "inner": _inner(gained, lost, len(both), level),
                     "problems": len(both)})  # fmt: skip
    if not rows:
        raise UserError(f"{a} and {b} were measured on no common items; run the same tasks for both")
    for row, p in zip(rows, holm([r["p"] for r in rows]), strict=True):
        row["p_holm"] = float(p)
        row["reading"] = read(row["estimate"], float(p) <= level, (row["inner"][0], row["inner"][1]), margin)
    if len(means) > 1:
        mean, low_, high_ = _mean(means, level)
        inner = _mean(means, 2 * level)[1:]
        rows.append({"a": a, "b": b, **_named("mean"), "estimate": mean, "low": low_, "high": high_,
                     "p": None, "p_holm": None, "problems": sum(r["problems"] for r in rows),
                     "inner": list(inner),
                     "reading": read(mean, low_ > 0 or high_ < 0, inner, margin)})  # fmt: skip
    return rows


def _inner(gained: int, lost: int, items: int, level: float) -> list[float]:
    """The interval that is held against the margin: it holds where few items changed, all one way, too."""
    ends = [rates(gained, lost, items, 2 * level) for rates in (paired_rates, exact_rates)]
    return [min(float(low) for low, _ in ends), max(float(high) for _, high in ends)]


def _checks(
    tasks: Sequence[str], changes: dict[tuple[str, str], list[dict[str, Any]]], level: float
) -> list[Check]:
    told = [
        r for rows in changes.values() for r in rows if r.get("p_holm") is not None and r["p_holm"] <= level
    ]
    names = ", ".join(sorted({r["measure"] for r in told}))
    return [
        check("tasks", len(tasks) > 1 or None, len(tasks), f"{len(tasks)} tasks: {', '.join(tasks)}"),
        check("tasks that changed", None, names, f"{names or 'none'}, Holm over tasks at {level:.2g}"),
    ]
