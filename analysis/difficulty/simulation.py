"""Known distributions of p over problems, and pairs of models with known differences, for simulation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.arguments import Floats, Ints
from analysis.counts import PairedCounts
from analysis.difficulty.npmle import Mixture
from analysis.errors import AnalysisError

NOISE = 0.5  # standard deviation, in logits, of what training does to one problem apart from the trend


@dataclass(frozen=True, slots=True)
class Beta:
    """A Beta(alpha, beta) distribution of p. Its pass@k is 1 - B(α, β+k)/B(α, β)."""

    alpha: float
    beta: float

    def draw(self, problems: int, rng: np.random.Generator) -> Floats:
        """Success rates of new problems, (problems,)."""
        return rng.beta(self.alpha, self.beta, problems)

    def pass_at_k(self, k: Ints | list[int]) -> Floats:
        """True pass@k, (K,)."""
        from scipy.special import betaln

        ks = np.asarray(k, float)
        return -np.expm1(betaln(self.alpha, self.beta + ks) - betaln(self.alpha, self.beta))

    def as_mixture(self, points: int = 1000) -> Mixture:
        """The same distribution as equally likely quantiles."""
        from scipy.special import betaincinv

        return Mixture(
            betaincinv(self.alpha, self.beta, (np.arange(points) + 0.5) / points),
            np.full(points, 1 / points),
        )


BASE = Beta(0.425, 2.83)  # fitted to a real 1B base model on GSM8K, 8 shots (reference fixture, n = 8)
KNOWN = {"base": BASE, "hard": Beta(0.1, 4.0), "even": Beta(0.6, 0.6), "easy": Beta(4.0, 0.5)}


@dataclass(frozen=True, slots=True)
class Trained:
    """What training does to p: logit p_B = shift + slope · logit p_A + noise. Slope above 1 sharpens.

    shift in logits; noise: standard deviation of a normal per problem, in logits.
    """

    shift: float
    slope: float
    noise: float = NOISE

    def apply(self, p: Floats, rng: np.random.Generator) -> Floats:
        """Success rates of the later model on the same problems, (M,)."""
        return self.at(p, self.noise * rng.standard_normal(p.size))

    def at(self, p: Floats, noise: Floats | float) -> Floats:
        """p_B at given noise (broadcast)."""
        from scipy.special import expit, logit

        inner = np.clip(p, 1e-12, 1 - 1e-12)
        return np.asarray(expit(self.shift + self.slope * logit(inner) + noise))


def true_difference(base: Beta, trained: Trained, k: list[int], nodes: int = 15) -> Floats:
    """True Δpass@k over the population of problems, (K,), by quadrature over p and noise."""
    a = base.as_mixture()
    x, w = np.polynomial.hermite_e.hermegauss(nodes)
    p_b = trained.at(a.p[:, None], trained.noise * x[None])
    ks = np.asarray(k, float)
    missed = np.power(1 - p_b[..., None], ks) * (w / w.sum())[None, :, None]
    return (1 - missed.sum(1).mean(0)) - a.pass_at_k(k)


def with_difference(base: Beta, first: float, large: float, K: int) -> Trained:
    """The training whose true Δpass@1 and Δpass@K are these, in rates; AnalysisError where none is found."""
    from scipy.optimize import least_squares

    def miss(theta: Floats) -> Floats:
        return true_difference(base, Trained(theta[0], np.exp(theta[1])), [1, K]) - [first, large]

    found = least_squares(miss, [0.0, 0.0], xtol=1e-12, ftol=1e-12)
    if np.abs(found.fun).max() > 1e-5:
        raise AnalysisError(f"no training of this kind gives Δpass@1 = {first} and Δpass@{K} = {large}")
    return Trained(float(found.x[0]), float(np.exp(found.x[1])))


def draw_pair(
    base: Beta, trained: Trained | None, problems: int, n: int, rng: np.random.Generator
) -> PairedCounts:
    """Counts of both models on new problems; trained None draws the same model twice."""
    p = base.draw(problems, rng)
    q = p if trained is None else trained.apply(p, rng)
    return PairedCounts.from_arrays(n, rng.binomial(n, p), n, rng.binomial(n, q))
