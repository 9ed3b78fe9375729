"""Problems solved at least once: by both, gained, lost, neither; beside what one model drawn twice gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.arguments import Floats, Ints, checked_level
from analysis.counts import PairedCounts
from analysis.difficulty.npmle import Mixture, binomial_mean
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k
from analysis.inference.exact_tests import mcnemar
from analysis.inference.intervals import clopper_pearson

DRAWS = 2000  # simulated tables behind an interval of a rate
SPLITS = 500  # random halves behind an interval of a split
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
    P, E, S: numbers of problems (or their expectations). Raises AnalysisError on missing or negative ones.
    """
    if not (np.isfinite([P, E, S]).all() and min(P, E, S) >= 0):
        raise AnalysisError("P, E and S are numbers of problems from 0 up; fix the table")

    def ratio(x: float, y: float) -> float | None:
        return x / y if y > 0 else None

    srr, ndr = ratio(P, P + S), ratio(E, P + E)
    sds = None if srr is None or ndr is None else (2 * srr * ndr / (srr + ndr) if srr + ndr > 0 else 0.0)
    both = P + E + S
    return {"SRR": srr, "NDR": ndr, "SDS": sds, "NSCR": ratio(E - S, both), "jaccard": ratio(P, both)}


def detection_limit(n: int, level: float = 0.05) -> float:
    """Largest p that n samples with none correct cannot exclude: 1 - level^(1/n), about 3/n at 5%.

    A rate. Source: Clopper and Pearson 1934, one-sided. Raises AnalysisError for no samples.
    """
    checked_level(level)
    if not n >= 1:
        raise AnalysisError("a detection limit needs at least one sample; draw some")
    return float(-np.expm1(np.log(level) / n))


def expected_support(mixture: Mixture, n: int, problems: int, level: float = 0.05) -> dict[str, Any]:
    """P, E, S, O that two independent draws of n samples from one model would give.

    Means are problems × E[…] over the distribution of p, with q = (1-p)^n: P (1-q)², E and S q(1-q), O q².
    low, high: 1-level prediction interval of the count, with the noise of the count and, as large, that of
    a distribution fitted to one draw of these problems. Also the rates at the means, with intervals. Source:
    2507.14843 for the table; beta-binomial prediction under Jeffreys' prior. Raises AnalysisError without
    samples or problems.
    """
    checked_level(level)
    if not n >= 1 or not problems >= 1:
        raise AnalysisError("an expectation needs at least one sample and one problem; give both")
    q = np.power(1 - mixture.p, n)
    cells = {"P": (1 - q) ** 2, "E": q * (1 - q), "S": q * (1 - q), "O": q**2}
    out: dict[str, Any] = {}
    for name, chance in cells.items():
        share = float(np.clip(mixture.weight @ chance, 0, 1))
        low, high = predicted_count(problems * share, problems, level)
        out[name] = {"mean": problems * share, "low": low, "high": high}
    out["rates"] = support_rates(*(out[x]["mean"] for x in "PES"))
    drawn = _predicted_tables([out[x]["mean"] for x in CLASSES], problems)
    out["rate_intervals"] = rate_intervals(drawn, level)
    return out


def _predicted_tables(means: list[float], problems: int) -> Floats:
    """DRAWS tables (DRAWS, 4) from the Dirichlet-multinomial whose margins are those of `predicted_count`."""
    rng = np.random.default_rng([problems, 0x5E7])
    shares = rng.dirichlet(np.array(means) + 0.25, DRAWS)
    return rng.multinomial(problems, shares).astype(float)


def rate_intervals(tables: Floats, level: float) -> dict[str, list[float] | None]:
    """Central 1-level interval of each rate of `support_rates` over tables (R, 4) of P, E, S, O."""
    P, E, S = tables[:, :3].T
    with np.errstate(divide="ignore", invalid="ignore"):
        srr, ndr = P / (P + S), E / (P + E)
        rates = {
            "SRR": srr,
            "NDR": ndr,
            "SDS": np.where(srr + ndr == 0, 0.0, 2 * srr * ndr / (srr + ndr)),
            "NSCR": (E - S) / (P + E + S),
            "jaccard": P / (P + E + S),
        }
    out: dict[str, list[float] | None] = {}
    for name, values in rates.items():
        held = values[np.isfinite(values)]
        ends = np.quantile(held, [level / 2, 1 - level / 2]).tolist() if held.size else None
        out[name] = ends
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


def split_support(n: int, c: Ints, level: float = 0.05) -> dict[str, Any]:
    """P, E, S, O of two halves of the same samples: what one model drawn twice gives, with no model assumed.

    n: samples per problem, of which 2·(n//2) are used. c: (M,). Means over all splits are exact: a half of h
    samples has none correct with chance 1 - pass@h, both with 1 - pass@2h. Returns n = h, the four means,
    their rates, and under "intervals" and "rate_intervals" central 1-level intervals over random splits.
    Raises AnalysisError for n < 2 and impossible counts.
    """
    checked_level(level)
    half = n // 2
    if half < 1:
        raise AnalysisError("a split needs at least two samples per problem; draw more")
    distinct, times = np.unique(c, return_counts=True)
    none, neither = (1 - pass_at_k(n, distinct, [half, 2 * half])).T
    chances = np.stack([1 - 2 * none + neither, none - neither, none - neither, neither], 1).clip(0)
    means = dict(zip(CLASSES, (times @ chances).tolist(), strict=True))
    rng = np.random.default_rng([n, 0x5B17])
    drawn = rng.multinomial(times, chances / chances.sum(1, keepdims=True), (SPLITS, times.size))
    tables = drawn.sum(1).astype(float)
    ends = np.quantile(tables, [level / 2, 1 - level / 2], axis=0)
    return {
        "n": half,
        **means,
        "rates": support_rates(*(means[x] for x in "PES")),
        "intervals": {name: ends[:, j].tolist() for j, name in enumerate(CLASSES)},
        "rate_intervals": rate_intervals(tables, level),
    }


def half_support(pair: PairedCounts) -> dict[str, Any]:
    """Expected P, E, S, O of the pair at half its samples, to stand beside `split_support` of either side.

    Means over all halves, exact: pass@(n//2) of each problem is its chance of being solved in a half. Numbers
    of problems. Raises AnalysisError where a problem has a single sample.
    """
    half = pair.n // 2
    if half < 1:
        raise AnalysisError("a half needs at least two samples per problem; draw more")
    a, b = (pass_at_k(n, c, half)[:, 0] for n, c in ((pair.n_a, pair.c_a), (pair.n_b, pair.c_b)))
    cells = {"P": a * b, "E": (1 - a) * b, "S": a * (1 - b), "O": (1 - a) * (1 - b)}
    means = {name: float(cell.sum()) for name, cell in cells.items()}
    return {"n": half, **means, "rates": support_rates(*(means[x] for x in "PES"))}


def support_report(pair: PairedCounts, mixture: Mixture, level: float) -> dict[str, Any]:
    """The support block of a comparison: observed, expected from A drawn twice, split halves, McNemar.

    gained_share: Clopper-Pearson interval of E/(E+S), the share of changed problems that were gained.
    """
    table, n = support_table(pair), pair.n
    limit = detection_limit(n, level)
    ends = clopper_pearson(table["E"], max(table["E"] + table["S"], 1), level)
    return {
        "n": n,
        **table,
        "rates": support_rates(table["P"], table["E"], table["S"]),
        "expected": expected_support(mixture, n, pair.M, level),
        "half": half_support(pair),
        "split_a": split_support(n, pair.c_a, level),
        "split_b": split_support(n, pair.c_b, level),
        "mcnemar_p": mcnemar(table["E"], table["S"]),
        "gained_share": [float(ends[0]), float(ends[1])] if table["E"] + table["S"] else [0.0, 1.0],
        "detection_limit": limit,
    }


def null_spread(mixture: Mixture, n: int, ks: list[int], problems: int) -> Floats:
    """Standard deviation of Δpass@k between two draws of n samples from one model, (K,), in rates.

    √(2 E[Var(pass@k | p)] / M): within-problem noise alone, because both draws see the same problems. As for
    a rate with one success and one failure added, two problems are added, with p = 1/n and 1 - 1/n: samples
    without any failure or success do not show that there is no noise.
    """
    p = np.append(mixture.p, [1 / n, 1 - 1 / n])
    weight = np.append(problems * mixture.weight, [1, 1]) / (problems + 2)

    def moments(c: Ints) -> Floats:
        table = pass_at_k(n, c, ks)
        return np.hstack([table, table**2])

    first, second = np.hsplit(binomial_mean(n, p, moments), 2)
    within = second - first**2
    return np.sqrt(2 * np.maximum(weight @ within, 0) / problems)
