"""Frames out of findings for the measures that others report: tax, votes, answers, work, tokens."""

from __future__ import annotations

from typing import Any

import pandas as pd

from probes.findings.types import Finding
from reports.inputs import number

WORK = ("no_work_per_right", "work_pass_1", "work_pass_k")
SHOWN = (*WORK, "guess_floor", "judged_no_work_per_judged_right", *(f"judged_{m}" for m in WORK[1:]))
PREDICTORS = {"first": "pass@1", "large": "pass@K", "mixed": "mixed groups", "loss": "pre-training loss"}


def tax(finding: Finding) -> pd.DataFrame:
    """Curves with their share S: checkpoint, recipe, k, estimate, share; empty without any S."""
    shares = {e.checkpoint: e.estimate for e in finding.estimates if e.measure == "area_share"}
    frame = _over_k(finding, "pass")
    return frame.assign(share=frame["checkpoint"].map(shares)).dropna(subset=["share"])


def tax_title(finding: Finding) -> str:
    """The tax of the only pair, with its interval and what A drawn twice gives."""
    rows = finding.extra("taxes") or []
    if len(rows) != 1:
        return ""
    r = rows[0]
    ends = "" if r["low"] is None else f" [{r['low']:+.3f}, {r['high']:+.3f}]"
    return f"tax {r['estimate']:+.3f}{ends}; A drawn twice {r['null_low']:+.3f} to {r['null_high']:+.3f}"


def votes(finding: Finding) -> pd.DataFrame:
    """pass@k and maj@k: checkpoint, recipe, kind, k, estimate, low, high; empty where nothing votes."""
    maj = _over_k(finding, "maj")
    if maj.empty:
        return maj
    whole = pd.concat([_over_k(finding, "pass"), maj], ignore_index=True)
    return whole[whole["k"] <= maj["k"].max()]


def _over_k(finding: Finding, kind: str) -> pd.DataFrame:
    rows = []
    for e in finding.estimates:
        name = e.label if e.measure == "majority" else e.measure
        if name.startswith(f"{kind}@"):
            ends = {end: number(getattr(e, end)) for end in ("estimate", "low", "high")}
            place = {"checkpoint": e.checkpoint, "recipe": finding.recipes.get(e.checkpoint), "kind": kind}
            rows.append(place | {"k": int(name.partition("@")[2])} | ends)
    return pd.DataFrame(rows, columns=["checkpoint", "recipe", "kind", "k", "estimate", "low", "high"])


def policy(finding: Finding) -> pd.DataFrame:
    """The answer policy of a support finding: a, b, group, problems, measure, estimate, low, high."""
    columns = ["a", "b", "group", "problems", "measure", "estimate", "low", "high"]
    frame = pd.DataFrame(finding.extra("policy") or [], columns=columns)
    return frame.astype(dict.fromkeys(("estimate", "low", "high"), float))


def work(finding: Finding) -> pd.DataFrame:
    """Work shown by checkpoint: checkpoint, measure, label, estimate, low, high; empty where not measured."""
    rows = [
        {"checkpoint": e.checkpoint, "measure": e.measure, "label": e.label}
        | {end: number(getattr(e, end)) for end in ("estimate", "low", "high")}
        for e in finding.estimates
        if e.measure in SHOWN and e.estimate is not None
    ]
    frame = pd.DataFrame(rows, columns=["checkpoint", "measure", "label", "estimate", "low", "high"])
    return frame if frame["measure"].isin(WORK[:1]).any() else frame.iloc[:0]


def reached(finding: Finding) -> tuple[pd.DataFrame, dict[str, str]]:
    """Points of a readiness finding, and the predictors that are known of two or more, with their rho."""
    frame = pd.DataFrame(
        finding.extra("points") or [], columns=["checkpoint", "tokens", "reached", *PREDICTORS]
    )
    frame = frame.astype(dict.fromkeys(("tokens", "reached", *PREDICTORS), float))
    frame = frame[frame["reached"].notna()]
    correlation = finding.extra("correlation") or {}
    names = {}
    for column, title in PREDICTORS.items():
        if frame[column].notna().sum() > 1:
            rho = (correlation.get(column) or {}).get("estimate")
            title = title.replace("@K", f"@{finding.options['K']}")
            names[column] = title if rho is None else f"{title} (rank correlation {rho:+.2f})"
    return frame, names


def in_tokens(finding: Finding) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The ladder (tokens, k, estimate) and the trained (checkpoint, recipe, k, start, value, tokens, …)."""
    ks = {"first": 1, "large": finding.options.get("K")}
    value = {(e.checkpoint, ks[e.measure]): e.estimate for e in finding.estimates if e.measure in ks}
    ladder = [
        {"tokens": p["tokens"], "k": k, "estimate": p[measure]}
        for p in finding.extra("points") or []
        if p["tokens"]
        for measure, k in ks.items()
    ]
    trained: list[dict[str, Any]] = []
    for r in finding.extra("equivalents") or []:
        ends = dict(zip(("tokens", "low", "high"), map(number, r["tokens"]), strict=True))
        place = {key: r[key] for key in ("checkpoint", "k", "start", "last")}
        known = {"recipe": finding.recipes.get(r["checkpoint"]), "value": value[r["checkpoint"], r["k"]]}
        trained.append(place | known | ends)
    return pd.DataFrame(ladder), pd.DataFrame(trained)
