"""One sample per problem: what can be said of pass@1, and what cannot be said of anything else."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from analysis import Options, PairedCounts
from analysis.comparison.joint import exact_p
from analysis.inference.bands import curve, difference
from analysis.inference.bootstrap import bootstrap, unit_sums
from analysis.inference.exact_tests import mcnemar, sign_flip
from probes.findings.checks import check


def compare_one_sample(pair: PairedCounts, options: Options) -> dict[str, Any]:
    """A comparison at K = 1, in the form of `analysis.Comparison.to_dict`.

    The outcome is always `undetermined`: without a second sample nothing is known of coverage, nor of what
    two draws of one model would give; those fields are None. pass@1 and its paired difference stand with
    their intervals, and its direction with a sign-flip p-value, with which `exact_p` must agree where numbers
    of samples differ. What is solved is told of one sample of each problem and side.
    """
    a, b = ((c / n)[:, None] for n, c in ((pair.n_a, pair.c_a), (pair.n_b, pair.c_b)))
    rep = bootstrap(
        np.hstack([a, b]),
        replicates=options.replicates,
        seed=options.seed,
        cluster=pair.cluster,
        stratum=pair.stratum,
    )
    delta = rep.columns([1]).minus(rep.columns([0]))
    change = difference(delta, b - a, options.level, options.interval).to_dict()
    curves = {
        side: curve(rep.columns([i]), values, options.level, options.interval).to_dict()
        for i, (side, values) in enumerate((("a", a), ("b", b)))
    }
    p = float(sign_flip(unit_sums(b - a, pair.cluster), replicates=options.replicates, seed=options.seed)[0])
    if (exact := exact_p(pair, (1,), options)) is not None:
        p = max(p, float(exact[0]))
    nothing: list[None] = [None]
    return {
        "problems": pair.M,
        "n": pair.n,
        "k": [1],
        "passk": curves,
        "delta": change | dict.fromkeys(("null_low", "null_high", "fixed_low", "fixed_high"), nothing),
        "verdict": _verdict(change, p, options.level),
        "crossover": {"k": None, "low": None, "high": None},
        "slope": dict.fromkeys(("estimate", "low", "high")),
        "support": _support(pair if pair.equal_n else pair.thinned(1, options.seed), options.level),
        "options": asdict(options) | {"K": 1, "K_declared": options.K is not None},
        "checks": [
            check("n against K", False, [1, 1], "one sample per problem: K falls to 1; draw 32 or more"),
            check("problems", pair.M >= 100, pair.M, f"{pair.M} problems"),
        ],
    }


def _verdict(change: dict[str, list[float]], p: float, level: float) -> dict[str, Any]:
    estimate, low, high = (change[k][0] for k in ("estimate", "low", "high"))
    if p <= level and low > 0:
        kind, says = "pass@1 up", "pass@1 rose"
    elif p <= level and high < 0:
        kind, says = "pass@1 down", "pass@1 fell"
    else:
        kind, says = None, "pass@1 is not told apart"
    interval = f"{100 * estimate:+.1f} points, {100 * low:+.1f} to {100 * high:+.1f}"
    reading = {"k": 1, "estimate": estimate, "low": low, "high": high, "inner_low": None, "inner_high": None}
    return {
        "outcome": "undetermined",
        "kind": kind,
        "sentence": f"{says} ({interval}). With one sample per problem nothing can be said of what is solved "
        "within more tries: neither expansion nor sharpening. Draw 32 or more of each.",
        "reasons": [f"Δpass@1 of {100 * estimate:+.1f} points, sign-flip p = {p:.2g}", "no second sample"],
        "needed": None,
        "states": {
            "pass@1": {"pass@1 up": "up", "pass@1 down": "down"}.get(kind or "", "open"),
            "pass@K": "open",
        },
        "numbers": [reading | {"p": p}],
    }


def _support(pair: PairedCounts, level: float) -> dict[str, Any]:
    a, b = pair.c_a > 0, pair.c_b > 0
    table = {"P": a & b, "E": ~a & b, "S": a & ~b, "O": ~a & ~b}
    counted = {name: int(cell.sum()) for name, cell in table.items()}
    unknown = {"mean": None, "low": None, "high": None}
    return {
        "n": 1,
        **counted,
        "rates": dict.fromkeys(("SRR", "NDR", "SDS", "NSCR", "jaccard")),
        "expected": {name: dict(unknown) for name in table} | {"rates": None},
        "split_a": None,
        "split_b": None,
        "mcnemar_p": mcnemar(counted["E"], counted["S"]),
        "gained_share": None,
        "detection_limit": 1 - level,
    }
