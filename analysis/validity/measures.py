"""Coverage of the measures that others report: on two draws of one model, and on planted truths."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from analysis.arguments import Floats
from analysis.counts import PairedCounts
from analysis.estimators.passk import pass_at_k
from analysis.measures.answer_policy import MEASURES, answer_policy, change
from analysis.measures.retention import retention
from analysis.measures.sharpening_tax import few_rollouts, sharpening_tax, unpaired_tax
from analysis.measures.token_equivalent import reached, token_equivalent

Row = tuple[str, str, float]
M, N, K = 300, 32, 16  # problems, samples, tries
TRUTH = 200_000  # problems behind a planted truth
TOKENS = np.array([1e9, 2e9, 4e9, 8e9])
STEPS: Floats = np.arange(4.0)[:, None] * 0.6  # of ability, from checkpoint to checkpoint


def covered(
    runs: int, seed: int, once: Callable[[np.random.Generator, bool], dict[str, bool]], wanted: str = "≥ .92"
) -> Iterator[Row]:
    """Shares of runs in which each interval covers: two draws (all runs), a planted truth (half as many)."""
    for planted, times in ((False, runs), (True, max(1, runs // 2))):
        found = [once(np.random.default_rng([seed, planted, i]), planted) for i in range(times)]
        kind = "planted truth" if planted else "two draws"
        for name in found[0]:
            target = ".92-.98" if planted else wanted
            yield f"{name}, {kind}, {times} runs", target, float(np.mean([f[name] for f in found]))


def tax(runs: int, seed: int) -> Iterator[Row]:
    """Sharpening tax, paired and from histograms, and its bias from few rollouts."""

    def share(p: Floats) -> float:
        curve = (1 - (1 - p[:, None]) ** np.arange(1, K + 1)).mean(0)
        return float((curve[-1] - curve[:-1]).sum() / ((K - 1) * (1 - curve[0])))

    whole = np.random.default_rng(seed).beta(0.4, 1.2, TRUTH)
    truth = share(whole) - share(whole**0.5)

    def once(rng: np.random.Generator, planted: bool) -> dict[str, bool]:
        p = rng.beta(0.4, 1.2, M)
        c = rng.binomial(N, p), rng.binomial(N, p**0.5 if planted else p)
        found = sharpening_tax(PairedCounts.from_arrays(N, c[0], N, c[1]), K, draws=2)
        shapes = [np.bincount(x, minlength=N + 1) for x in c]
        alone = unpaired_tax(shapes[0], shapes[1], K)
        value = truth if planted else 0.0
        ends = {"sharpening tax": found.tax, "sharpening tax, unpaired histograms": alone}
        return {name: x.low <= value <= x.high for name, x in ends.items()}

    yield from covered(runs, seed, once)
    for i, (a, b) in enumerate(((0.4, 1.2), (0.2, 2.0), (2.0, 2.0))):
        c = np.random.default_rng([seed, i]).binomial(128, np.random.default_rng(i).beta(a, b, M))
        bias = few_rollouts(np.full(M, 128), c, 8, 8)["bias_over_error"]
        yield f"S from 8 of 128 rollouts, beta({a}, {b}): bias over its error", "≤ .5", abs(bias)


def policy(runs: int, seed: int) -> Iterator[Row]:
    """Answer policy: what exceeds two halves of A. Planted: every policy at a lower temperature."""

    def drawn(rng: np.random.Generator, weights: Floats) -> dict[Any, Any]:
        return {i: (rng.choice(w.size, N, p=w), 0) for i, w in enumerate(weights)}

    def policies(rng: np.random.Generator, problems: int, planted: bool) -> tuple[Floats, Floats]:
        a = rng.dirichlet(np.full(8, 0.4), problems) + 1e-9
        b = a**2 if planted else a
        return a / a.sum(1, keepdims=True), b / b.sum(1, keepdims=True)

    @cache
    def truth(planted: bool) -> Floats:
        if not planted:
            return np.zeros(len(MEASURES))
        rng = np.random.default_rng([seed, 7])
        total = np.zeros(len(MEASURES))
        for w, v in zip(*policies(rng, TRUTH // 20, planted), strict=True):
            one, two, three = (rng.choice(8, N // 2, p=x) for x in (w, w, v))
            total += change(one, three, 0) - change(one, two, 0)
        return total / (TRUTH // 20)

    def once(rng: np.random.Generator, planted: bool) -> dict[str, bool]:
        a, b = policies(rng, M, planted)
        found = answer_policy(drawn(rng, a), drawn(rng, b), splits=4, replicates=1000).excess
        ends = zip(MEASURES, truth(planted), strict=True)
        return {f"answer policy, {m}": bool(found[m].low <= t <= found[m].high) for m, t in ends}

    yield from covered(runs, seed, once)


def tokens(runs: int, seed: int) -> Iterator[Row]:
    """Token equivalent at pass@1 and pass@8. Planted: one and a half steps of the ladder."""

    def rates(ability: Floats, shift: Floats | float) -> Floats:
        return np.asarray(1 / (1 + np.exp(-(ability + shift))))

    whole = np.random.default_rng(seed).normal(-1.5, 1.5, TRUTH)
    curves = {k: (1 - (1 - rates(whole, STEPS)) ** k).mean(1) for k in (1, 8)}
    ends = {k: float((1 - (1 - rates(whole, 0.6 + 0.9)) ** k).mean()) for k in (1, 8)}

    def once(rng: np.random.Generator, planted: bool) -> dict[str, bool]:
        ability = rng.normal(-1.5, 1.5, M)
        base = [rng.binomial(N, p) for p in rates(ability, STEPS)]
        trained = rng.binomial(N, rates(ability, 0.6 + 0.9 * planted))
        out = {}
        for k in (1, 8):
            ladder = np.stack([pass_at_k(N, c, [k])[:, 0] for c in base])
            own = pass_at_k(N, trained, [k])[:, 0]
            found = token_equivalent(TOKENS, ladder, own, TOKENS[1], replicates=1000).tokens
            value = reached(TOKENS, curves[k], ends[k]) if planted else TOKENS[1]
            out[f"token equivalent of pass@{k}"] = bool(found.low <= value <= found.high)
        return out

    yield from covered(runs, seed, once)


def kept(runs: int, seed: int) -> Iterator[Row]:
    """Retention: differences of three tasks and their mean; planted: 5 points lost; claims at the margin."""

    def items(rng: np.random.Generator, lost: float, gained: float) -> tuple[dict[str, Floats], ...]:
        a = {t: (rng.random(400) < 0.6).astype(float) for t in "xyz"}
        b = {}
        for task, right in a.items():
            flip = rng.random(400) < np.where(right > 0, lost / 0.6, gained / 0.4)
            b[task] = np.where(flip, 1 - right, right)
        return a, b

    def once(rng: np.random.Generator, planted: bool) -> dict[str, bool]:
        found = retention(*items(rng, 0.08 if planted else 0.05, 0.03 if planted else 0.05))
        value = -0.05 if planted else 0.0
        ends = {"retention, a task": found[0], "retention, the mean": found[-1]}
        return {name: x.low <= value <= x.high for name, x in ends.items()}

    yield from covered(runs, seed, once)
    rng = np.random.default_rng([seed, 9])
    edge = [retention(*items(rng, 0.03, 0.01))[-1].reading for _ in range(2 * runs)]
    yield (
        f'"equivalent" at a true loss of the margin, {2 * runs} runs',
        "≤ .05",
        edge.count("equivalent") / len(edge),
    )
