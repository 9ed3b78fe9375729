"""The passk finding: pass@k and its relatives for every checkpoint, and their paired differences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis import AnalysisError, Options, PairedCounts, compare, pass_at_k
from analysis.comparison.options import declared_K
from analysis.difficulty.extrapolation import Model, back_test, extrapolate, fitted
from analysis.difficulty.flow import EDGES, histogram
from analysis.difficulty.npmle import npmle
from analysis.difficulty.posterior import cover
from analysis.estimators.passk import g_pass_at_k, mg_pass_at_k, pass_hat_k
from analysis.inference.bands import curve
from analysis.inference.bootstrap import bootstrap
from probes.findings.checks import check, over_pairs
from probes.findings.types import Check, Finding
from probes.inputs.contract import Asked
from probes.inputs.sources import GROUPS, Source, pairs_of
from probes.measures.paired import Measure, infer
from probes.measures.sharpening import (
    majority_measures,
    majority_table,
    shares,
    tax_differences,
    tax_table,
    taxes,
)

BEYOND = (2, 4, 8)  # multiples of n to which pass@k is extrapolated
THRESHOLDS = (0.01, 0.05, 0.2, 0.5, 0.8, 0.95)


def passk(
    source: Source,
    options: Options | None = None,
    *,
    ks: Sequence[int] = (),
    against: str = "first",
    command: Sequence[str] = (),
) -> Finding:
    """The passk finding of one or more checkpoints.

    ks: values of k (default: the powers of two up to n). Estimates: pass@k (2107.03374) with a simultaneous
    band over ks, pass^K (2406.12045), G-Pass@K and mG-Pass@K (2412.13147), maj@n where answers are known;
    rates. Beside them, labelled as what they are: Cover@tau of the deconvolved distribution of p
    (2510.08325), the deconvolved histogram, and pass@k beyond n by two models with a back-test.
    Raises AnalysisError for k > n.
    """
    options = options or Options()
    n = int(source.counts["n"].min())
    K = declared_K(n, options.K) if n > 1 else 1
    grid = sorted({*(ks or (2**j for j in range(n.bit_length()))), K})
    options = replace(options, k=tuple(grid), K=K if K > 1 else None)
    sides = {d["name"]: _side(source, d["name"]) for d in source.checkpoints}
    compared = pairs_of(source.checkpoints, against)
    pairs = [(a["name"], b["name"]) for a, b in compared]
    relatives = _relatives(source, sides, K, grid, pairs, options)
    estimates = [row for name, side in sides.items() for row in _curve(name, side, grid, options)]
    differences = [row for a, b in pairs for row in _change(source, a, b, grid, options)]
    tried = shares(sides, K, options.level, options.seed) if K > 1 else []
    taxed = taxes(
        [PairedCounts.from_frame(source.counts, a, b) for a, b in pairs] if K > 1 else [],
        K, options.level, options.seed,
    )  # fmt: skip
    beyond = [{"checkpoint": name, **row} for name, side in sides.items() for row in _beyond(side, options)]
    return source.finding(
        "passk",
        command=command,
        checks=[*over_pairs(compared), *_checks(source, n, K, grid)],
        options={"level": options.level, "seed": options.seed, "K": K, "k": grid, "against": against},
        estimates=estimates + relatives["estimates"] + tried,
        differences=differences + relatives["differences"] + tax_differences(taxed),
        taxes=taxed,
        cover=[{"checkpoint": name, **row} for name, side in sides.items() for row in _cover(side)],
        histogram=[{"checkpoint": name, **row} for name, side in sides.items() for row in _histogram(side)],
        beyond=beyond,
        tables=[*tax_table(taxed), _beyond_table(beyond)],
    )


def _side(source: Source, name: str) -> pd.DataFrame:
    rows = source.counts[source.counts["checkpoint"] == name]
    return rows.set_index("problem").filter(["n", "c", *GROUPS]).sort_index()


def _named(k: int) -> dict[str, Any]:
    return {"measure": f"pass@{k}", "label": f"pass@{k}", "unit": "rate", "digits": 4, "k": k}


def _curve(name: str, side: pd.DataFrame, grid: Sequence[int], options: Options) -> list[dict[str, Any]]:
    n, c = side["n"].to_numpy(), side["c"].to_numpy()
    values = pass_at_k(n, c, list(grid))
    codes = {x: np.unique(side[x].astype(str), return_inverse=True)[1] for x in GROUPS if x in side}
    rep = bootstrap(values, replicates=options.replicates, seed=options.seed, **codes)
    found = curve(rep, values, options.level, options.interval).to_dict()
    near = int(n.min()) // 2
    return [
        {"checkpoint": name, **_named(k), **{key: found[key][i] for key in found}, "problems": len(side),
         "above_half_n": k > near}
        for i, k in enumerate(grid)
    ]  # fmt: skip


def _change(source: Source, a: str, b: str, grid: Sequence[int], options: Options) -> list[dict[str, Any]]:
    if options.K is None:
        return []
    result = compare(PairedCounts.from_frame(source.counts, a, b), options).to_dict()
    delta, ks = result["delta"], result["k"]
    return [
        {"a": a, "b": b, **_named(k), **{key: delta[key][ks.index(k)] for key in delta},
         "problems": result["problems"]}
        for k in grid
    ]  # fmt: skip


def _relatives(
    source: Source,
    sides: dict[str, pd.DataFrame],
    K: int,
    grid: Sequence[int],
    pairs: Sequence[tuple[str, str]],
    options: Options,
) -> dict[str, list[dict[str, Any]]]:
    """pass^K, G-Pass@K at tau = 1/2, mG-Pass@K, and maj@k where there are answers."""
    tables = {}
    for name, side in sides.items():
        n, c = side["n"].to_numpy(), side["c"].to_numpy()
        table = pd.DataFrame(index=side.index)
        table["pass_hat"] = pass_hat_k(n, c, K)[:, 0]
        table["g_pass"] = g_pass_at_k(n, c, K, 0.5)[:, 0]
        table["mg_pass"] = mg_pass_at_k(n, c, K)[:, 0]
        tables[name] = table
    measures = [
        Measure("pass_hat", f"pass^{K}: all {K} correct", "rate", digits=4),
        Measure("g_pass", f"G-Pass@{K}, tau .5", "rate", digits=4),
        Measure("mg_pass", f"mG-Pass@{K}", "rate", digits=4),
    ]
    if source.store is not None:
        from probes.inputs.frames import equal_n, graded

        samples, same_n = equal_n(graded(source, []))
        used = _used(same_n)
        ks = [k for k in grid if 1 < k < used]
        for name, frame in samples.items():
            voted = majority_table(frame, ks, options.seed).assign(majority=majority(frame))
            tables[name] = tables[name].join(voted)
        measures += [*majority_measures(ks), Measure("majority", f"maj@{used}", "rate", digits=4)]
    return infer(tables, measures, pairs, level=options.level, seed=options.seed, groups=source.groups)


def _used(equal: Check) -> int:
    """The number of samples that `equal_n` kept of every problem."""
    return int(equal.value[0] if isinstance(equal.value, list) else equal.value)


def majority(samples: pd.DataFrame) -> pd.Series:
    """maj@n of each problem: whether its most frequent answer is right; of ties, the share that is right.

    samples: one row per sample with problem, answer (null = none) and correct. Samples without an answer do
    not vote; a problem in which nobody votes is wrong.
    """
    voted = samples[samples["answer"].notna()]
    votes = voted.groupby(["problem", "answer"], sort=True)["correct"].agg(["size", "max"]).reset_index()
    top = votes[votes["size"] == votes.groupby("problem")["size"].transform("max")]
    won = top["max"].astype(float).groupby(top["problem"]).mean()
    return won.reindex(pd.Index(sorted(samples["problem"].unique()), name="problem"), fill_value=0.0)


def _cover(side: pd.DataFrame) -> list[dict[str, Any]]:
    """Share of problems with p at or above each threshold, of the fitted distribution."""
    mixture = npmle(side["n"].to_numpy(), side["c"].to_numpy())
    return [
        {"tau": tau, "share": float(share)}
        for tau, share in zip(THRESHOLDS, cover(mixture, THRESHOLDS), strict=True)
    ]


def _histogram(side: pd.DataFrame) -> list[dict[str, Any]]:
    """Deconvolved shares of problems by bin of p."""
    shares = histogram(npmle(side["n"].to_numpy(), side["c"].to_numpy()))
    return [
        {"low": low, "high": high, "share": float(share)}
        for low, high, share in zip(EDGES[:-1], EDGES[1:], shares, strict=True)
    ]


def _beyond(side: pd.DataFrame, options: Options) -> list[dict[str, Any]]:
    """pass@k beyond n by two models, and the error of a back-test on a quarter of the samples.

    Only the nonparametric model carries an interval, from refits on resampled problems; the distance
    between the two models says more of what the samples do not show.
    """
    n, c = side["n"].to_numpy(), side["c"].to_numpy()
    cluster = np.unique(side["cluster"].astype(str), return_inverse=True)[1] if "cluster" in side else None
    ks = [int(n.min()) * m for m in BEYOND]
    rows = []
    models: tuple[Model, ...] = ("beta-binomial", "npmle")
    for model in models:
        low: list[Any] = [None] * len(ks)
        high: list[Any] = [None] * len(ks)
        if model == "npmle":
            found = extrapolate(
                n, c, ks, model=model, level=options.level, seed=options.seed, cluster=cluster
            )
            estimate, low, high = found.estimate, found.low.tolist(), found.high.tolist()
        else:
            estimate = fitted(n, c, "beta-binomial").pass_at_k(ks)
        error = _back_test(n, c, model, options.seed)
        rows += [
            {"model": model, "k": k, "estimate": float(estimate[i]), "low": low[i], "high": high[i],
             "extrapolated": True, "back_test_error": error}
            for i, k in enumerate(ks)
        ]  # fmt: skip
    return rows


def _back_test(n: np.ndarray, c: np.ndarray, model: Model, seed: int) -> float | None:
    try:
        return float(np.abs(back_test(n, c, model=model, seed=seed)["error"]).max())
    except AnalysisError:  # too few samples to leave some out
        return None


def _beyond_table(beyond: Sequence[dict[str, Any]]) -> dict[str, Any]:
    rows = []
    for r in beyond:
        interval = "-" if r["low"] is None else f"[{r['low']:.3f}, {r['high']:.3f}]"
        rows.append(
            [r["checkpoint"], r["model"], r["k"], round(r["estimate"], 4), interval, r["back_test_error"]]
        )
    columns = ["checkpoint", "model", "k", "pass@k", "interval", "back-test error"]
    return {"title": "Extrapolated beyond n: by a model, not by samples", "columns": columns, "rows": rows}


def _checks(source: Source, n: int, K: int, grid: Sequence[int]) -> list[Check]:
    sizes = source.counts["n"]
    equal = bool((sizes == n).all())
    above = [k for k in grid if k > n // 2]
    text = f"k = {', '.join(map(str, above))} above n/2 = {n // 2}: near 'any correct', with large error"
    return [
        check("equal samples", equal, [n, int(sizes.max())], f"from {n} to {int(sizes.max())} per problem"),
        check("k against n", not above or None, above, text if above else f"all k up to n/2 = {n // 2}"),
        check("problems", len(set(source.counts["problem"])) >= 100, None,
              f"{source.counts['problem'].nunique()} problems"),
    ]  # fmt: skip


def run(asked: Asked, *, at: Sequence[int] | None = None) -> Finding:
    """The probe as the contract runs it. at: the values of k."""
    return passk(asked.source, asked.options, ks=at or (), against=asked.against, command=asked.command)
