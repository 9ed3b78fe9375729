"""What a ladder of base checkpoints says of training: its gain in tokens, and per tenfold of compute."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.measures.ratios import Interval
from analysis.measures.token_equivalent import token_equivalent
from evals.checkpoints.runs import metrics, run_of
from evals.core.errors import UserError
from probes.inputs.sources import Source

WINDOW = 0.05  # of the steps before a checkpoint over which the pre-training loss is averaged
FEW = 8  # steps below which the log gives no slope


def with_ladder(source: Source, tokens: Sequence[str], trained: Sequence[str], loss: Sequence[str]) -> Source:
    """The source with what its checkpoints' lineage does not say, as NAME=NUMBER.

    tokens: pre-training tokens of a base checkpoint. trained: a checkpoint trained from that of so many
    tokens. loss: pre-training loss. UserError for an unknown name or no number.
    """
    found = {d["name"]: dict(d) for d in source.checkpoints}
    for option, given in (("tokens", tokens), ("trained", trained), ("loss", loss)):
        key = "loss" if option == "loss" else "tokens"
        for text in given:
            name, equals, value = text.rpartition("=")
            if equals and name not in found:
                raise UserError(f"--{option} {text}: no checkpoint {name!r}; choose among {', '.join(found)}")
            try:
                number = float(value if equals else "none")
            except ValueError:
                number = math.nan
            if not math.isfinite(number) or (number <= 0 and option != "loss"):
                raise UserError(
                    f"--{option} {text}: {value!r} is no number{' above 0' * (option != 'loss')}; "
                    "write NAME=NUMBER"
                )
            found[name]["lineage"] = {**(found[name]["lineage"] or {}), key: number}
            if option == "trained":
                found[name]["recipe"] = found[name]["recipe"] or "trained"
    return replace(source, checkpoints=list(found.values()))


def is_trained(described: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is an excursion, not one of the pre-training run."""
    return described["recipe"] not in (None, "base")


def tokens_of(described: Mapping[str, Any]) -> float | None:
    """Pre-training tokens that a checkpoint has seen, as far as known."""
    return (described["lineage"] or {}).get("tokens")


def pretraining_loss(described: Mapping[str, Any]) -> float | None:
    """Mean training loss just before a base checkpoint, by its lineage or its run's log; None if unknown."""
    lineage = described["lineage"] or {}
    run = run_of(Path(described["path"])) if described["path"] else None
    if "loss" in lineage or run is None or lineage.get("step") is None:
        return lineage.get("loss")
    frame = metrics(run)
    if not {"step", "loss"} <= set(frame.columns):
        return None
    before = frame[frame["step"] <= lineage["step"]]["loss"].tail(max(1, round(WINDOW * lineage["step"])))
    return float(before.mean()) if len(before) else None


def reward_per_decade(run: Path) -> float | None:
    """Slope of a run's training reward on log10 of its FLOPs so far; None where its log has not both."""
    frame = metrics(run)
    if not {"reward", "flops"} <= set(frame.columns) or len(frame) < FEW or not (frame["flops"] > 0).all():
        return None
    return float(np.polyfit(np.log10(frame["flops"]), frame["reward"], 1)[0])


def gains(
    checkpoints: Sequence[Mapping[str, Any]], rates: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Per problem, what a tenfold of RL compute adds to pass@1 and pass@K: {last checkpoint of a run: frame}.

    Least squares on log10 FLOPs (by lineage) over a run's checkpoints, where there are two or more. rates:
    columns first, large. Columns gain_first, gain_large.
    """
    runs: dict[tuple[Any, ...], dict[float, str]] = {}
    for d in checkpoints:
        lineage = d["lineage"] or {}
        if is_trained(d) and (lineage.get("flops") or 0) > 0:
            run = Path(d["path"]).parent if d["path"] else None
            by_flops = runs.setdefault((lineage.get("parent"), d["recipe"], lineage.get("seed"), run), {})
            if (other := by_flops.setdefault(float(lineage["flops"]), d["name"])) != d["name"]:
                raise UserError(
                    f"{other} and {d['name']} have one parent, recipe, seed and compute: as of two runs that "
                    "cannot be told apart; give the checkpoints of one"
                )
    out = {}
    for by_flops in runs.values():
        x = np.log10(sorted(by_flops))
        if len(x) < 2:
            continue
        names = [by_flops[flops] for flops in sorted(by_flops)]
        weight = (x - x.mean()) / ((x - x.mean()) ** 2).sum()
        parts = [w * rates[n][["first", "large"]] for w, n in zip(weight, names, strict=True)]
        out[names[-1]] = reduce(pd.DataFrame.add, parts).add_prefix("gain_")
    return out


def token_equivalents(
    checkpoints: Sequence[Mapping[str, Any]],
    rates: Mapping[str, pd.DataFrame],
    ks: tuple[int, int],
    cluster: np.ndarray | None,
    level: float,
    seed: int,
) -> list[dict[str, Any]]:
    """The pre-training tokens that give the base what each trained checkpoint reaches, at pass@1 and pass@K.

    One row per trained checkpoint and k, where the ladder has two checkpoints or more and its start is one of
    them: checkpoint, start, k, last (tokens of the last of the ladder), tokens and multiple as
    (estimate, low, high), None beyond the last; below (whether it lies below the first). None at all of two
    bases at once (`two_at_once`).
    """
    if two_at_once(checkpoints):
        return []
    ladder = {t: d["name"] for d in checkpoints if not is_trained(d) and (t := tokens_of(d))}
    at, out = sorted(ladder), []
    for d in checkpoints:
        start = tokens_of(d)
        if not is_trained(d) or start not in ladder or len(at) < 2:
            continue
        for k, column in zip(ks, ("first", "large"), strict=True):
            base = np.stack([rates[ladder[t]][column].to_numpy() for t in at])
            found = token_equivalent(
                at, base, rates[d["name"]][column], float(start), level=level, seed=seed, cluster=cluster
            )
            out.append(
                {"checkpoint": d["name"], "start": start, "k": k, "last": at[-1], "below": found.below,
                 "tokens": _ends(found.tokens), "multiple": _ends(found.multiple)}
            )  # fmt: skip
    return out


def two_at_once(checkpoints: Sequence[Mapping[str, Any]]) -> str | None:
    """A sentence where two bases have seen as many tokens, as those of two seeds: then there is no ladder."""
    known: dict[float, str] = {}
    for d in checkpoints:
        tokens = None if is_trained(d) else tokens_of(d)
        other = known.setdefault(tokens, d["name"]) if tokens else d["name"]
        if tokens and other != d["name"]:
            return f"{other} and {d['name']} both saw {tokens:,.0f} tokens: give one base's at a time"
    return None


def _ends(found: Interval) -> list[float | None]:
    return [x if np.isfinite(x) else None for x in (found.estimate, found.low, found.high)]


def equivalent_estimates(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The multiples as estimates of a finding; None where the ladder ends first."""
    return [
        {"checkpoint": r["checkpoint"], "measure": f"token_multiple@{r['k']}", "unit": "times its tokens",
         "label": f"pre-training that gives its pass@{r['k']}", "digits": 2,
         **dict(zip(("estimate", "low", "high"), r["multiple"], strict=True))}
        for r in rows
    ]  # fmt: skip


def equivalent_tables(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The equivalents as a table of a finding; none without a row."""
    if not rows:
        return []

    def text(r: Mapping[str, Any]) -> str:
        if r["tokens"][1] is None:
            return f"more than {counted(r['last'])}, where the ladder ends"
        ends = [f"beyond {counted(r['last'])}" if x is None else counted(x) for x in r["tokens"]]
        times = "" if r["multiple"][0] is None else f" ({r['multiple'][0]:.2f}x)"
        return f"{ends[0]}{times} [{ends[1]}, {ends[2]}]" + (", below the first" if r["below"] else "")

    by = {(r["checkpoint"], r["k"]): r for r in rows}
    ks = list(dict.fromkeys(r["k"] for r in rows))
    lines = [
        [name, counted(by[name, ks[0]]["start"]), *(text(by[name, k]) for k in ks)]
        for name in dict.fromkeys(r["checkpoint"] for r in rows)
    ]
    title = "Token equivalent: pre-training tokens that give the base the same"
    return [{"title": title, "columns": ["", "its tokens", *(f"pass@{k}" for k in ks)], "rows": lines}]


def counted(tokens: float) -> str:
    """2500000 -> 2.5M."""
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if tokens >= size:
            return f"{tokens / size:.3g}{letter}"
    return f"{tokens:.3g}"


def told_in_tokens(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """One sentence per trained checkpoint whose first try is worth more tokens, told apart, than its K."""
    out = []
    for name in dict.fromkeys(r["checkpoint"] for r in rows):
        first, large = (r for r in rows if r["checkpoint"] == name)
        low, high = first["tokens"][1], large["tokens"][2]
        if high is not None and (low is None or low > high):
            out.append(
                f"{name}: its first try is worth more pre-training than its {large['k']} tries are: "
                "sharpening, said in tokens."
            )
    return out
