"""Problems solved at least once: by both, gained, lost, neither; beside what one model drawn twice gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.counts import Floats, PairedCounts
from analysis.errors import AnalysisError
from analysis.exact import mcnemar
from analysis.intervals import clopper_pearson
from analysis.mixture import Mixture, binomial_table
from analysis.passk import pass_at_k

CLASSES = ("P", "E", "S", "O")  # preserved, expansion, shrinkage, out of support (2507.14843)


def support_table(pair: PairedCounts) -> dict[str, int]:
    """Numbers of problems solved at least once in n by both (P), only B (E), only A (S), neither (O).

    Needs the same n everywhere (see `PairedCounts.thinned`); AnalysisError otherwise. Source: 2507.14843.
    """
    if not pair.equal_n:
        raise AnalysisError(
            "the support table needs the same number of samples everywhere; thin the counts first"
        )
    a, b = pair.c_a > 0, pair.c_b > 0
    cells = (a & b, ~a & b, a & ~b, ~a & ~b)
    return {name: int(cell.sum()) for name, cell in zip(CLASSES, cells, strict=True)}


def support_rates(P: float, E: float, S: float) -> dict[str, float | None]:
    """SRR = P/(P+S), NDR = E/(P+E), SDS = their harmonic mean, NSCR = (E-S)/(P+E+S) (2507.14843), and the
    Jaccard index P/(P+E+S); None where the denominator is 0. One model drawn twice does not give 0 or 1.
    """

    def ratio(x: float, y: float) -> float | None:
        return x / y if y > 0 else None

    srr, ndr = ratio(P, P + S), ratio(E, P + E)
    sds = None if srr is None or ndr is None else (2 * srr * ndr / (srr + ndr) if srr + ndr > 0 else 0.0)
    both = P + E + S
    return {"SRR": srr, "NDR": ndr, "SDS": sds, "NSCR": ratio(E - S, both), "jaccard": ratio(P, both)}


def detection_limit(n: int, level: float = 0.05) -> float:
    """Largest p that n samples with none correct cannot exclude: 1 - level^(1/n), about 3/n at 5%."""
    return float(-np.expm1(np.log(level) / n))


def expected_support(mixture: Mixture, n: int, problems: int, level: float = 0.05) -> dict[str, Any]:
    """P, E, S, O that two independent draws of n samples from one model would give.

    Means are problems × E[…] over the distribution of p, with q = (1-p)^n: P (1-q)², E and S q(1-q), O q².
    low, high: 1-level prediction interval of the count, with the noise of the count and, as large, that of
    a distribution fitted to one draw of these problems. Also the rates at the means.
    """
    q = np.power(1 - mixture.p, n)
    cells = {"P": (1 - q) ** 2, "E": q * (1 - q), "S": q * (1 - q), "O": q**2}
    out: dict[str, Any] = {}
    for name, chance in cells.items():
        share = float(np.clip(mixture.weight @ chance, 0, 1))
        low, high = predicted_count(problems * share, problems, level)
        out[name] = {"mean": problems * share, "low": low, "high": high}
    out["rates"] = support_rates(*(out[x]["mean"] for x in "PES"))
    return out


def predicted_count(mean: float, trials: int, level: float = 0.05) -> tuple[int, int]:
    """Prediction interval of a count in `trials`, where an equal number of trials gave `mean`.

    Central quantiles of the beta-binomial with parameters mean + 1/2 and trials - mean + 1/2: the predictive
    distribution under Jeffreys' prior, with about twice the binomial variance.
    """
    from scipy.special import betaln, gammaln

    x = np.arange(trials + 1.0)
    a, b = mean + 0.5, trials - mean + 0.5
    choose = gammaln(trials + 1) - gammaln(x + 1) - gammaln(trials - x + 1)
    below = np.cumsum(np.exp(choose + betaln(x + a, trials - x + b) - betaln(a, b)))
    low, high = np.searchsorted(below, [level / 2, 1 - level / 2])
    return int(low), int(min(high, trials))


def split_support(n: int, c: np.ndarray) -> dict[str, float]:
    """P, E, S, O of two halves of the same samples, in expectation over all splits: no model assumed.

    n: samples per problem, even or odd (halves of n//2). c: (M,). The chance that a half of h samples has
    none correct is exact (1 - pass@h), and that both have none is 1 - pass@2h.
    """
    half = n // 2
    if half < 1:
        raise AnalysisError("a split needs at least two samples per problem; draw more")
    none, neither = (1 - pass_at_k(n, c, [half, 2 * half])).T
    E = float((none - neither).sum())
    return {"n": half, "P": float((1 - 2 * none + neither).sum()), "E": E, "S": E, "O": float(neither.sum())}


def support_report(pair: PairedCounts, mixture: Mixture, level: float) -> dict[str, Any]:
    """The support block of a comparison: observed, expected from A drawn twice, split halves, McNemar."""
    table, n = support_table(pair), pair.n
    limit = detection_limit(n, level)
    ends = clopper_pearson(table["E"], max(table["E"] + table["S"], 1), level)
    return {
        "n": n,
        **table,
        "rates": support_rates(table["P"], table["E"], table["S"]),
        "expected": expected_support(mixture, n, pair.M, level),
        "split_a": split_support(n, pair.c_a),
        "split_b": split_support(n, pair.c_b),
        "mcnemar_p": mcnemar(table["E"], table["S"]),
        "gained_share": [float(ends[0]), float(ends[1])] if table["E"] + table["S"] else [0.0, 1.0],
        "detection_limit": limit,
    }


def null_spread(mixture: Mixture, n: int, ks: list[int], problems: int) -> Floats:
    """Standard deviation of Δpass@k between two draws of n samples from one model, (K,), in rates.

    √(2 E[Var(pass@k | p)] / M): within-problem noise alone, because both draws see the same problems.
    """
    table = pass_at_k(n, np.arange(n + 1), ks)
    mass = binomial_table(n, mixture.p)
    within = mass.T @ table**2 - (mass.T @ table) ** 2
    return np.sqrt(2 * np.maximum(mixture.weight @ within, 0) / problems)
