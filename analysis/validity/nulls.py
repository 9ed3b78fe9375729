"""Pairs of which the right verdict is known, made the way each reading was once fooled. Counts only."""

from __future__ import annotations

import numpy as np

from analysis.counts import PairedCounts
from analysis.difficulty.simulation import BASE

Rng = np.random.Generator
SELECTIONS = (
    ("A solves none of 64", 64, 0, 0),
    ("A solves 1 to 63 of 64", 64, 1, 63),
    ("A solves 1 to 7 of 8", 8, 1, 7),
    ("A solves 16 or more of 64", 64, 16, 64),
)


def twice(rng: Rng, problems: int, n_a: int, n_b: int) -> PairedCounts:
    """Two draws of one model."""
    p = BASE.draw(problems, rng)
    return PairedCounts.from_arrays(n_a, rng.binomial(n_a, p), n_b, rng.binomial(n_b, p))


def chosen(rng: Rng, n: int, low: int, high: int, problems: int = 1319) -> PairedCounts:
    """Two draws of one model on the problems of which A solves from low to high of n."""
    pair = twice(rng, problems, n, n)
    return pair.take(np.flatnonzero((pair.c_a >= low) & (pair.c_a <= high)))


def templates(rng: Rng, many: int, size: int, n: int = 64) -> tuple[PairedCounts, PairedCounts]:
    """Templates whose effects vary about 0: the pair without and with its clusters."""
    from scipy.special import expit

    code = np.arange(many).repeat(size)
    logit = rng.normal(-2, 1.5, many)[code] + 0.3 * rng.standard_normal(code.size)
    moved = rng.normal(0, 0.8, many)[code]
    c = [rng.binomial(n, expit(logit + s * moved / 2)) for s in (-1, 1)]  # exchangeable: no change in truth
    full = np.full(code.size, n)
    made = [
        PairedCounts("A", "B", np.arange(code.size), full, c[0], full, c[1], cluster=k) for k in (None, code)
    ]
    return made[0], made[1]


def floored(rng: Rng) -> PairedCounts:
    """Two draws of one model with n = 16 and 1,024, near the floor."""
    p = np.full(30, 0.005)
    return PairedCounts.from_arrays(16, rng.binomial(16, p), 1024, rng.binomial(1024, p))


def swapped(rng: Rng, problems: int = 1319, n: int = 64, shift: float = 0.25) -> PairedCounts:
    """Half of the problems gain, half lose, by as many logits."""
    from scipy.special import expit, logit

    p = np.clip(BASE.draw(problems, rng), 1e-9, 1 - 1e-9)
    q = expit(logit(p) + shift * rng.choice([-1, 1], problems))
    return PairedCounts.from_arrays(n, rng.binomial(n, p), n, rng.binomial(n, q))


def more_tries(rng: Rng, problems: int = 1319, n: int = 64) -> PairedCounts:
    """B is A with two tries for one."""
    p = BASE.draw(problems, rng)
    return PairedCounts.from_arrays(n, rng.binomial(n, p), n, rng.binomial(n, 1 - (1 - p) ** 2))


def guessing(rng: Rng, floor_a: float, floor_b: float, gain: float = 0.0, n: int = 64) -> PairedCounts:
    """Graded right by accident at these rates; `gain` is the shift of B in logits."""
    from scipy.special import expit, logit

    p = np.clip(BASE.draw(1319, rng), 1e-9, 1 - 1e-9)
    q = expit(logit(p) + gain)
    c = [rng.binomial(n, s + (1 - s) * f) for s, f in ((p, floor_a), (q, floor_b))]
    return PairedCounts.from_arrays(n, c[0], n, c[1])


def copied(rng: Rng, block: int, problems: int = 300, n: int = 64) -> tuple[np.ndarray, ...]:
    """Grades (2, problems, n) of two draws of one model, each sample copied `block` times."""
    p = BASE.draw(problems, rng)
    drawn = rng.random((2, problems, n // block)) < p[None, :, None]
    ids = np.arange(n // block).repeat(block)
    return np.repeat(drawn, block, axis=2), ids
