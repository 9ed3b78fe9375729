"""Sharpening tax and the majority's curve: what further tries add, and what a vote makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import PairedCounts, pass_at_k
from analysis.estimators.answers import majority_curve
from analysis.measures.ratios import Interval
from analysis.measures.sharpening_tax import area_share, few_rollouts, sharpening_tax, unpaired_tax
from evals.core.bounds import csv_rows
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from probes.findings.checks import check
from probes.findings.finding import finding
from probes.findings.rows import DASH
from probes.findings.types import Finding
from probes.measures.paired import Measure

ABOVE = {"always": "at every k", "with compute": "at K, not at every k", "never": "not at K"}
FEW = 2  # S is also read from so many times fewer samples than there are: the back-test


def majority_table(samples: pd.DataFrame, ks: Sequence[int], seed: int = 0) -> pd.DataFrame:
    """maj@k of each problem (columns maj@k). samples: problem, answer (null = none), correct; n ≥ every k."""
    rows = {}
    for problem, part in samples.groupby("problem", sort=True):
        labels, given = pd.factorize(part["answer"], sort=True)
        right = part["correct"].to_numpy(bool)
        correct = np.zeros(len(given), bool)
        correct[labels[right & (labels >= 0)]] = True
        rng = np.random.default_rng(derive_seed("majority", seed, str(problem)))
        rows[problem] = majority_curve(labels, correct, list(ks), rng)
    return pd.DataFrame.from_dict(rows, "index", columns=[f"maj@{k}" for k in ks]).rename_axis("problem")


def majority_measures(ks: Sequence[int]) -> list[Measure]:
    """The measures of `majority_table`."""
    return [Measure(f"maj@{k}", f"maj@{k}", "rate", digits=4) for k in ks]


def shares(sides: Mapping[str, pd.DataFrame], K: int, level: float, seed: int) -> list[dict[str, Any]]:
    """S(K) of every checkpoint with its interval, as estimates of a finding. sides: n, c, cluster."""
    rows = []
    for name, side in sides.items():
        cluster = pd.factorize(side["cluster"])[0] if "cluster" in side else None
        found = area_share(side["n"], side["c"], K, level=level, seed=seed, cluster=cluster)
        ends = {"estimate": found.estimate, **_width(found), "problems": len(side)}
        label = f"S: room above pass@1 that {K} tries reach"
        rows.append({"checkpoint": name, "measure": "area_share", "label": label, "digits": 4, **ends})
    return rows


def taxes(pairs: Sequence[PairedCounts], K: int, level: float, seed: int) -> list[dict[str, Any]]:
    """The sharpening tax of each pair, with A drawn twice and a back-test on half of A's samples."""
    rows = []
    for pair in pairs:
        found = sharpening_tax(pair, K, level=level, seed=seed)
        few = max(K, int(pair.n_a.min()) // FEW)
        back = few_rollouts(pair.n_a, pair.c_a, K, few, seed=seed) if few < pair.n_a.min() else None
        rows.append(
            {"a": pair.a, "b": pair.b, "K": K, "estimate": found.tax.estimate,
             **_width(found.tax),
             "null_low": found.null[0], "null_high": found.null[1], "overtaking": found.overtaking,
             "few": few, "bias": back and back["bias"], "bias_over_error": back and back["bias_over_error"]}
        )  # fmt: skip
    return rows


def _width(found: Interval) -> dict[str, float | None]:
    """Its ends; None where no problem differs from another and the bootstrap has no interval to give."""
    varies = found.low < found.high
    return {"low": found.low if varies else None, "high": found.high if varies else None}


def tax_differences(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The taxes as differences of a finding: S of A less S of B, positive where further tries gain less."""
    kept = ("a", "b", "estimate", "low", "high")
    label = "sharpening tax, S of A - S of B"
    head = {"measure": "sharpening_tax", "label": label, "unit": "rate", "digits": 4}
    return [head | {k: row[k] for k in kept} for row in rows]


def _interval(row: Mapping[str, Any]) -> str:
    return DASH if row["low"] is None else f"[{row['low']:+.4f}, {row['high']:+.4f}]"


def tax_table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The taxes as a table of a finding; none without a pair."""
    lines = [
        [f"{r['b']} - {r['a']}" if len(rows) > 1 else f"K = {r['K']}", f"{r['estimate']:+.4f}",
         _interval(r), f"{r['null_low']:+.4f} to {r['null_high']:+.4f}",
         ABOVE[r["overtaking"]],
         None if r["bias"] is None else f"{r['bias']:+.4f} ({abs(r['bias_over_error']):.2f} se)"]
        for r in rows
    ]  # fmt: skip
    if not lines:
        return []
    few = {r["few"] for r in rows}
    bias = f"bias of S from {few.pop()} samples" if len(few) == 1 else "bias of S from half the samples"
    columns = ["", "tax", "interval", "A drawn twice", "B above A", bias]
    title = "Sharpening tax: above 0, further tries gain less than before"
    return [{"title": title, "columns": columns, "rows": lines}]


def from_histograms(
    path: Path, K: int | None = None, *, level: float = 0.05, seed: int = 0, command: Sequence[str] = ()
) -> Finding:
    """pass@1, pass@K, S and the sharpening tax from published histograms, problems unpaired.

    path: CSV with columns checkpoint, n, c and problems (how many have c right of n). Every later checkpoint
    is beside the first. K: default half of the smallest n. UserError for a file that is no such table.
    """
    shapes = _read_histograms(path)
    K = K or max(2, min(len(h) for h in shapes.values()) // 2)
    estimates = []
    for name, shape in shapes.items():
        n = len(shape) - 1
        c = np.repeat(np.arange(n + 1), shape)
        rates = pass_at_k(n, c, [1, K]).mean(0)
        estimates += [
            {"checkpoint": name, "measure": f"pass@{k}", "label": f"pass@{k}", "digits": 4,
             "estimate": float(rate), "problems": c.size} for k, rate in zip((1, K), rates, strict=True)
        ]  # fmt: skip
        estimates += shares({name: pd.DataFrame({"n": n, "c": c})}, K, level, seed)
    (a, first), *others = shapes.items()
    rows = []
    for b, other in others:
        found = unpaired_tax(first, other, K, level=level, seed=seed)
        rows.append({"a": a, "b": b, "estimate": found.estimate, **_width(found)})
    text = "a histogram does not say which problem is which: each side is resampled by itself"
    return finding(
        "histograms",
        checkpoints=[{"name": name} for name in shapes],
        problems={"name": path.name, "count": int(sum(first))},
        command=command,
        checks=[check("pairing", None, None, text)],
        options={"level": level, "seed": seed, "K": K, "unpaired": True},
        estimates=estimates,
        differences=tax_differences(rows),
    )


def _read_histograms(path: Path) -> dict[str, np.ndarray]:
    """{checkpoint: (n + 1,) problems by right samples}."""
    columns = ("checkpoint", "n", "c", "problems")
    frame = pd.DataFrame([row for _, row in csv_rows(path, columns)], columns=columns)
    frame["checkpoint"] = frame["checkpoint"].str.strip()
    if not len(frame) or (frame["checkpoint"] == "").any():
        raise UserError(f"{path} has no lines, or one without a checkpoint; name it in every line")
    numbers = frame[["n", "c", "problems"]]
    whole = numbers.apply(lambda column: pd.to_numeric(column, errors="coerce"))
    if not ((whole >= 0) & (whole % 1 == 0)).to_numpy().all():
        raise UserError(f"{path}: n, c and problems must be whole numbers from 0 on; fix the file")
    out = {}
    for name, part in frame.assign(**whole.astype(np.int64)).groupby("checkpoint", sort=False):
        n = int(part["n"].iloc[0])
        if (part["n"] != n).any() or (part["c"] > n).any() or part["c"].duplicated().any() or n < 2:
            raise UserError(f"{path}: {name} needs one n of at least 2, and each c from 0 to n at most once")
        shape = np.zeros(n + 1, np.int64)
        shape[part["c"].to_numpy()] = part["problems"].to_numpy()
        out[str(name)] = shape
    return out
