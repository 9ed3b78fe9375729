"""The distribution of the success rate p over problems, by nonparametric maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints, checked

GRID = 400
EXACT = 4096  # samples up to which means are sums over every count
WIDE, NODES = 9.0, 129
STEPS = 100
GAP = 1e-7  # largest gain of log-likelihood per problem that a further atom could still bring


@dataclass(frozen=True, eq=False)
class Mixture:
    """A discrete distribution of p over problems: atoms p (G,) in [0, 1] and weights (G,) that sum to 1."""

    p: Floats
    weight: Floats

    def pass_at_k(self, k: ArrayLike) -> Floats:
        """Model pass@k, 1 - E[(1-p)^k], (K,); for k beyond the n that was fitted it is an extrapolation."""
        ks = np.atleast_1d(np.asarray(k, float))
        return 1 - self.weight @ np.power(1 - self.p[:, None], ks)

    def draw(self, problems: int, rng: np.random.Generator) -> Floats:
        """Success rates of new problems, (problems,)."""
        return rng.choice(self.p, size=problems, p=self.weight)


def binomial_table(n: int, p: Floats) -> Floats:
    """Binomial probabilities of c = 0 … n at each p, (n + 1, G)."""
    from scipy.special import gammaln, xlog1py, xlogy

    c = np.arange(n + 1.0)[:, None]
    log_choose = gammaln(n + 1) - gammaln(c + 1) - gammaln(n - c + 1)
    return np.exp(log_choose + xlogy(c, p) + xlog1py(n - c, -p))


def binomial_mean(n: int, p: Floats, values: Callable[[Ints], Floats]) -> Floats:
    """Mean (G, C) at each p of values (J, C) of a binomial count of n, which are smooth in the count.

    Beyond EXACT samples over NODES counts within WIDE standard deviations (trapezoids; all where these are
    fewer), so that time and memory do not follow n.
    """
    if n <= EXACT:
        return np.asarray(binomial_table(n, p).T @ values(np.arange(n + 1)))
    from scipy.special import gammaln, xlog1py, xlogy

    half = WIDE * (np.sqrt(n * p * (1 - p)) + 1)
    low, high = np.maximum(n * p - half, 0), np.minimum(n * p + half, n)
    c = np.rint(low + (high - low) * np.linspace(0, 1, NODES)[:, None])
    step = np.diff(c, axis=0, prepend=c[:1] - 1, append=c[-1:] + 1)
    logs = xlogy(c, p) + xlog1py(n - c, -p) - gammaln(c + 1) - gammaln(n - c + 1)
    mass = np.exp(logs - logs.max(0)) * (step[:-1] + step[1:])
    held, back = np.unique(c.astype(np.int64), return_inverse=True)
    found = values(held)[back.reshape(c.shape)]
    return np.asarray(np.einsum("jg,jgc->gc", mass / mass.sum(0), found))


def grid(n: int, size: int = GRID) -> Floats:
    """Candidate atoms: 0, 1 and points evenly spread on the arcsine scale, finer than 1/n near both ends."""
    angle = np.linspace(0, np.pi / 2, size)
    near = np.geomspace(1e-3 / n, 1 / n, 20)
    return np.unique(np.concatenate([np.sin(angle) ** 2, near, 1 - near, [0.0, 1.0]]))


def npmle(n: ArrayLike, c: ArrayLike) -> Mixture:
    """Nonparametric maximum likelihood of a binomial mixture (Kiefer and Wolfowitz 1956; Lord 1969).

    n, c: (M,); problems may have different n. The constrained Newton method of Wang (2007) on a fixed grid:
    it stops where no further atom gains more than GAP in mean log-likelihood. Raises AnalysisError on
    impossible counts.
    """
    n, c = checked(n, c)
    pairs, count = np.unique(np.stack([n, c]), axis=1, return_counts=True)
    return npmle_grouped(pairs[0], pairs[1], count)


def npmle_grouped(n: Ints, c: Ints, count: Ints) -> Mixture:
    """As `npmle`, from distinct (n, c) with how many problems have each, (U,)."""
    points = grid(int(n.max()))
    return mixture_of(likelihood(n, c, points), count / count.sum(), points)


def likelihood(n: Ints, c: Ints, p: Floats) -> Floats:
    """Binomial likelihood (U, G) of each pair at each p, scaled to a largest value of 1 per row."""
    from scipy.special import xlog1py, xlogy

    logs = xlogy(c[:, None], p) + xlog1py((n - c)[:, None], -p)
    return np.exp(logs - logs.max(1, keepdims=True))


def mixture_of(likelihood: Floats, share: Floats, points: Floats) -> Mixture:
    """The NPMLE from the likelihood (U, G) of distinct observations at each atom, and their shares (U,)."""
    from scipy.optimize import nnls

    active = np.unique(np.argmax(likelihood, axis=1))  # the best atom of every pair: all rows have support
    weight = np.full(active.size, 1 / active.size)
    root = np.sqrt(share)
    for _ in range(STEPS):
        mix = likelihood[:, active] @ weight
        gradient = (share / mix) @ likelihood
        if gradient.max() <= 1 + GAP:
            break
        inner = np.concatenate([[-np.inf], gradient, [-np.inf]])
        peak = (gradient > 1) & (gradient >= inner[:-2]) & (gradient >= inner[2:])
        wanted = np.union1d(active, np.flatnonzero(peak))
        old = np.zeros(wanted.size)
        old[np.searchsorted(wanted, active)] = weight
        scaled = likelihood[:, wanted] / mix[:, None] * root[:, None]
        system = np.vstack([scaled, 1e3 * np.ones(wanted.size)])
        new, _ = nnls(system, np.append(2 * root, 1e3), maxiter=50 * wanted.size)
        new /= new.sum()
        weight = _line_search(likelihood[:, wanted], share, old, new)
        active, weight = wanted[weight > 0], weight[weight > 0]
    keep = weight > 1e-9
    return Mixture(points[active[keep]], weight[keep] / weight[keep].sum())


def _line_search(likelihood: Floats, share: Floats, old: Floats, new: Floats) -> Floats:
    """The first of old + (new - old)/2^j with a better likelihood, else old."""
    start = share @ np.log(likelihood @ old)
    for j in range(30):
        step = old + (new - old) / 2**j
        with np.errstate(divide="ignore"):
            if share @ np.log(likelihood @ step) > start:
                return step
    return old
