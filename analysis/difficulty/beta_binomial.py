"""The distribution of p over problems as a Beta with a mass at zero, by maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, checked
from analysis.difficulty.npmle import Mixture
from analysis.errors import AnalysisError

LARGEST = 1e5  # of alpha and beta: beyond it a Beta is a point for every n that anyone draws


@dataclass(frozen=True, slots=True)
class BetaBinomial:
    """P(p = 0) = zero, otherwise p ~ Beta(alpha, beta). log_likelihood: of the counts it was fitted to."""

    zero: float
    alpha: float
    beta: float
    log_likelihood: float = float("nan")

    def pass_at_k(self, k: ArrayLike) -> Floats:
        """Model pass@k, (1 - π0)(1 - B(α, β+k)/B(α, β)), (K,) (2510.05197); extrapolated for k beyond n."""
        from scipy.special import betaln

        ks = np.atleast_1d(np.asarray(k, float))
        missed = betaln(self.alpha, self.beta + ks) - betaln(self.alpha, self.beta)
        return -(1 - self.zero) * np.expm1(missed)

    def draw(self, problems: int, rng: np.random.Generator) -> Floats:
        """Success rates of new problems, (problems,)."""
        p = rng.beta(self.alpha, self.beta, problems)
        p[rng.random(problems) < self.zero] = 0.0
        return p

    def as_mixture(self, points: int = 1000) -> Mixture:
        """The same distribution as equally likely quantiles and the mass at zero."""
        from scipy.special import betaincinv

        inner = betaincinv(self.alpha, self.beta, (np.arange(points) + 0.5) / points)
        weight = np.concatenate([[self.zero], np.full(points, (1 - self.zero) / points)])
        return Mixture(np.concatenate([[0.0], inner]), weight)


def fit_beta_binomial(n: ArrayLike, c: ArrayLike, *, zero: bool = True) -> BetaBinomial:
    """Maximum likelihood of a beta-binomial, with a mass at p = 0 unless `zero` is False.

    n, c: (M,); problems may have different n. Where all problems are unsolved the fit is the mass at zero.
    Raises AnalysisError on impossible counts, and without the mass where nothing is solved.
    """
    n, c = checked(n, c)
    pairs, count = np.unique(np.stack([n, c]), axis=1, return_counts=True)
    return fit_grouped(pairs[0], pairs[1], count, zero=zero)


def fit_grouped(
    n: ArrayLike, c: ArrayLike, count: ArrayLike, *, zero: bool = True, start: BetaBinomial | None = None
) -> BetaBinomial:
    """As `fit_beta_binomial`, from distinct (n, c) with how many problems have each, (U,).

    start: a fit of like data, to begin from; its form (with or without the mass) is then kept.
    """
    size, solved, times = (np.asarray(x, float) for x in (n, c, count))
    if (times @ solved) == 0:
        if not zero:
            raise AnalysisError("nothing is solved, so no Beta distribution fits; allow a mass at zero")
        return BetaBinomial(1.0, 1.0, 1.0, 0.0)
    starts = [[0.0, 0.0], [0.0, 0.0, -2.0]][: 2 if zero else 1]
    if start is not None and start.zero < 1:
        held = [np.log(start.alpha), np.log(start.beta)]
        starts = [held + ([np.log(start.zero) - np.log1p(-start.zero)] if start.zero > 0 else [])]
    fits = [_maximum(np.array(x), size, solved, times) for x in starts]
    theta, loss = min(fits, key=lambda fit: fit[1] + 1e-9 * fit[0].size)
    mass = 1 / (1 + np.exp(-theta[2])) if theta.size == 3 else 0.0
    alpha, beta = np.exp(theta[:2])
    return BetaBinomial(
        float(mass), float(alpha), float(beta), float(_log_choose(size, solved) @ times - loss)
    )


def _maximum(start: Floats, n: Floats, c: Floats, count: Floats) -> tuple[Floats, float]:
    """The best parameters from a start, and the negative log-likelihood there.

    Plain BFGS: three parameters are too few for a solver that calls threaded linear algebra.
    """
    from scipy.optimize import minimize

    bound = np.append(np.full(2, np.log(LARGEST)), np.full(start.size - 2, 30.0))
    scale = count.sum()

    def loss(theta: Floats) -> tuple[float, Floats]:
        inside = theta.clip(-bound, bound)
        value, gradient = _negative(inside, n, c, count)
        return value / scale, np.where(theta == inside, gradient / scale, 0.0)

    found = minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-7})
    return found.x.clip(-bound, bound), float(found.fun * scale)


def _log_choose(n: Floats, c: Floats) -> Floats:
    from scipy.special import gammaln

    return gammaln(n + 1) - gammaln(c + 1) - gammaln(n - c + 1)


def _negative(theta: Floats, n: Floats, c: Floats, count: Floats) -> tuple[float, Floats]:
    """Negative log-likelihood (no binomial coefficients) and its gradient in log α, log β, logit π0."""
    from scipy.special import betaln, expit, log_expit, psi

    a, b = np.exp(theta[:2])
    logs = betaln(a + c, b + n - c) - betaln(a, b)
    common = psi(a + b) - psi(a + b + n)
    slope = np.stack([a * (psi(a + c) - psi(a) + common), b * (psi(b + n - c) - psi(b) + common)])
    if theta.size == 2:
        return -float(logs @ count), -(slope @ count)
    none = c == 0
    log_zero, log_rest = log_expit(theta[2]), log_expit(-theta[2])
    total = np.where(none, np.logaddexp(log_zero, log_rest + logs), log_rest + logs)
    rest = np.exp(log_rest + logs - total)  # posterior probability of not being at zero
    mass = expit(theta[2])
    gradient = np.append((slope * rest) @ count, ((1 - rest) - mass) @ count)
    return -float(total @ count), -gradient
