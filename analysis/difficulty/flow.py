"""Where problems move in difficulty: histograms of p and flow between bins, freed from sampling noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints
from analysis.counts import PairedCounts
from analysis.difficulty.beta_binomial import BetaBinomial
from analysis.difficulty.npmle import Mixture, likelihood
from analysis.difficulty.posterior import cover
from analysis.errors import AnalysisError

EDGES = (0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 1.0)
ATOMS = 32
STEPS = 200


@dataclass(frozen=True, eq=False)
class Flow:
    """Shares of problems by bin of p under A (rows) and under B (columns), each (B, B), summing to 1.

    edges: (B + 1,), bins [e_j, e_{j+1}), the last closed. deconvolved: joint distribution of (p_A, p_B) by
    nonparametric maximum likelihood. raw: of c/n, smeared by sampling. same_model: what `raw` would be if B
    were a second draw of A.
    """

    edges: Floats
    deconvolved: Floats
    raw: Floats
    same_model: Floats


def histogram(distribution: Mixture | BetaBinomial, edges: ArrayLike = EDGES) -> Floats:
    """Shares of problems with p in each bin [e_j, e_{j+1}), the last closed; (B,), sums to 1.

    distribution: of `npmle` or `fit_beta_binomial`, so that the histogram is free of the noise of c/n.
    edges: (B + 1,), rising from 0 to 1; AnalysisError otherwise.
    """
    return -np.diff(np.append(cover(distribution, _checked_edges(edges)[:-1]), 0.0))


def flow(pair: PairedCounts, edges: ArrayLike = EDGES) -> Flow:
    """The flow between difficulty bins from A to B; see `Flow`.

    The joint NPMLE runs EM on a grid of ATOMS × ATOMS points of (p_A, p_B) (Kiefer and Wolfowitz 1956).
    Raises AnalysisError where the edges do not rise from 0 to 1.
    """
    bins = _checked_edges(edges)
    p = _atoms(pair.n, bins)
    rows = np.stack([pair.n_a, pair.c_a, pair.n_b, pair.c_b])
    unique, count = np.unique(rows, axis=1, return_counts=True)
    of_a, of_b = (likelihood(unique[i], unique[i + 1], p) for i in (0, 2))
    weight = _joint(of_a, of_b, count / count.sum())
    where = _bin(p, bins)
    size = bins.size - 1
    deconvolved = np.zeros((size, size))
    np.add.at(deconvolved, (where[:, None], where[None, :]), weight)
    raw = np.zeros((size, size))
    np.add.at(raw, (_bin(pair.c_a / pair.n_a, bins), _bin(pair.c_b / pair.n_b, bins)), 1 / pair.M)
    return Flow(bins, deconvolved, raw, _same_model(p, weight.sum(1), pair.n_a, pair.n_b, bins))


def _checked_edges(edges: ArrayLike) -> Floats:
    bins = np.asarray(edges, float)
    if bins.ndim != 1 or bins.size < 2 or bins[0] != 0 or bins[-1] != 1 or not (np.diff(bins) > 0).all():
        raise AnalysisError("bin edges must rise from 0 to 1; give them in order")
    return bins


def _bin(p: Floats, bins: Floats) -> Ints:
    return np.clip(np.searchsorted(bins, p, side="right") - 1, 0, bins.size - 2)


def _atoms(n: int, bins: Floats) -> Floats:
    """Grid of p: even on the arcsine scale, with 0 and 1, kept off the bin edges."""
    inner = np.sin(np.linspace(0, np.pi / 2, ATOMS)[1:-1]) ** 2
    low = np.array([0.1, 0.3]) / n
    p = np.unique(np.concatenate([[0.0, 1.0], inner, low, 1 - low]))
    return p[~np.isin(p, bins[1:-1])]


def _joint(of_a: Floats, of_b: Floats, share: Floats) -> Floats:
    """EM for the joint weights, (G, G)."""
    size = of_a.shape[1]
    weight = np.full((size, size), 1 / size**2)
    for _ in range(STEPS):
        mix = np.einsum("ug,ug->u", of_a @ weight, of_b)
        step = weight * (of_a.T @ (of_b * (share / mix)[:, None]))
        moved = np.abs(step - weight).sum()
        weight = step
        if moved < 1e-5:
            break
    return weight / weight.sum()


def _same_model(p: Floats, weight: Floats, n_a: Ints, n_b: Ints, bins: Floats) -> Floats:
    """Expected raw flow if both draws came from the distribution (p, weight)."""
    smear = {int(n): _smear(int(n), p, bins) for n in np.union1d(n_a, n_b)}
    pairs, count = np.unique(np.stack([n_a, n_b]), axis=1, return_counts=True)
    total = np.zeros((bins.size - 1, bins.size - 1))
    for (m, n), times in zip(pairs.T, count, strict=True):
        total += times * (smear[int(m)] * weight) @ smear[int(n)].T
    return total / count.sum()


def _smear(n: int, p: Floats, bins: Floats) -> Floats:
    """Chance that c/n falls in each bin at each p, (B, G)."""
    from scipy.special import bdtr

    first = np.ceil(bins[1:-1] * n)[:, None]  # the smallest count of each later bin
    below = bdtr(np.maximum(first - 1, 0), n, p) * (first > 0)
    return np.diff(below, axis=0, prepend=0.0, append=1.0)
