"""pass@k and its relatives, exact on counts, for many problems and many k at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints, checked, whole_numbers
from analysis.errors import AnalysisError

CELLS = 2_000_000  # entries of one table: 16 MB


def pass_at_k(n: ArrayLike, c: ArrayLike, k: ArrayLike) -> Floats:
    """Unbiased pass@k of each problem: 1 - C(n-c, k)/C(n, k) (Chen et al., 2107.03374).

    n, c: (M,), n may be one number. k: (K,). Returns rates (M, K). At k = n this is "any correct".
    Raises AnalysisError for k > n, k < 1 and impossible counts.
    """
    n, c = checked(n, c)
    return _by_table(n, c, _ks(k, n), lambda size, c, ks: 0.0 - np.expm1(_log_failure(size, c, ks)))


def pass_at_k_variance(n: ArrayLike, c: ArrayLike, k: ArrayLike) -> Floats:
    """Unbiased within-problem variance of pass@k: (C(n-c,k)/C(n,k))² - C(n-c,2k)/C(n,2k).

    Shapes as in `pass_at_k`. It exists only for n ≥ 2k; AnalysisError otherwise. It may be negative for
    one problem, as unbiased estimates of a variance may be.
    """
    n, c = checked(n, c)
    ks = _ks(k, n)
    if 2 * ks.max() > n.min():
        raise AnalysisError(
            f"the within-problem variance of pass@{ks.max()} needs {2 * ks.max()} samples per problem, "
            f"and one has {n.min()}; lower k or draw more"
        )

    def table(size: int, c: Ints, ks: Ints) -> Floats:
        return np.exp(2 * _log_failure(size, c, ks)) - np.exp(_log_failure(size, c, 2 * ks))

    return _by_table(n, c, ks, table)


def pass_hat_k(n: ArrayLike, c: ArrayLike, k: ArrayLike) -> Floats:
    """pass^k of each problem: C(c, k)/C(n, k), the chance that all k of k samples are correct (2406.12045).

    Shapes and errors as in `pass_at_k`.
    """
    n, c = checked(n, c)
    return _by_table(n, n - c, _ks(k, n), lambda size, c, ks: np.exp(_log_failure(size, c, ks)))


def g_pass_at_k(n: ArrayLike, c: ArrayLike, k: ArrayLike, tau: float) -> Floats:
    """G-Pass@k_τ: chance that at least ⌈τk⌉ of k samples drawn without replacement are correct (2412.13147).

    tau in (0, 1]. Shapes and errors as in `pass_at_k`.
    """
    if not 0 < tau <= 1:
        raise AnalysisError(f"tau must lie above 0 and not above 1, got {tau}")
    n, c = checked(n, c)
    ks = _ks(k, n)
    needed = np.ceil(np.round(tau * ks, 9)).astype(np.int64)  # 0.3 * 10 is 3, not 3.0000000000000004
    return _at_least(n, c, ks, needed)


def mg_pass_at_k(n: ArrayLike, c: ArrayLike, k: ArrayLike) -> Floats:
    """mG-Pass@k: (2/k) Σ_{i=⌈k/2⌉+1}^{k} G-Pass@k_{i/k}, the mean over τ from 1/2 to 1 (2412.13147).

    Shapes and errors as in `pass_at_k`. Uses E[(X - ⌈k/2⌉)⁺] of the hypergeometric number X of correct ones.
    """
    from scipy.stats import hypergeom

    n, c = checked(n, c)
    ks = _ks(k, n)
    pairs, back = np.unique(np.stack([n, c]), axis=1, return_inverse=True)
    out = np.empty((pairs.shape[1], ks.size))
    for j, size in enumerate(ks):
        i = np.arange(-(-size // 2) + 1, size + 1)
        tails = hypergeom.sf(i[:, None] - 1, pairs[0], pairs[1], size)
        out[:, j] = 2 / size * tails.sum(axis=0)
    return out[back.ravel()]


def _ks(k: ArrayLike, n: Ints) -> Ints:
    ks = whole_numbers(k, "k").ravel()
    if ks.size == 0 or ks.min() < 1:
        raise AnalysisError("k must be at least 1")
    if ks.max() > n.min():
        raise AnalysisError(
            f"pass@k is undefined for k > n: k = {ks.max()} and a problem has n = {n.min()}; "
            "lower k or draw more samples"
        )
    return ks


def _log_failure(n: int, c: Ints, ks: Ints) -> Floats:
    """log C(n-c, k)/C(n, k) of rising c, -inf if n-c < k; (C, K): the sum over the shorter of c and k."""
    largest = int(c[-1]) * ks.size
    if largest <= CELLS or largest <= int(ks.max()) * c.size:
        return _running(n, c, ks)
    rising, back = np.unique(ks, return_inverse=True)
    return _running(n, rising, c)[back].T


def _running(n: int, upto: Ints, k: Ints) -> Floats:
    """Σ_{j=n-u+1}^{n} log(1 - k/j) for each u of `upto` (U,), rising; -inf if n-u < k; (U, K), in blocks."""
    out = np.zeros((upto.size, k.size))
    total: Floats = np.zeros(k.size)
    last, block = int(upto[-1]), max(1, CELLS // k.size)
    for start in range(0, last, block):
        stop = min(start + block, last)
        j = np.arange(n - start, n - stop, -1, dtype=np.float64)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            steps = np.log1p(-k / j)
        steps[k >= j] = -np.inf
        sums = np.cumsum(steps, axis=0, out=steps)
        sums += total
        rows = slice(*np.searchsorted(upto, [start, stop], side="right"))
        out[rows] = sums[upto[rows] - start - 1]
        total = sums[-1].copy()
    return out


def _by_table(n: Ints, c: Ints, ks: Ints, table: Callable[[int, Ints, Ints], Floats]) -> Floats:
    """Values per problem from one table for each distinct n, over all c or, if many, the distinct ones."""
    out = np.empty((c.size, ks.size))
    sizes = np.unique(n)
    for size in sizes:
        rows = slice(None) if sizes.size == 1 else np.flatnonzero(n == size)
        most = int(c[rows].max())
        if (most + 1) * ks.size <= CELLS:
            held, back = np.arange(most + 1), c[rows]
        else:
            held, back = np.unique(c[rows], return_inverse=True)
        out[rows] = np.take(table(int(size), held, ks), back, axis=0)
    return out


def _at_least(n: Ints, c: Ints, ks: Ints, needed: Ints) -> Floats:
    """P(X ≥ needed) of the hypergeometric X of correct ones among k; (M, K)."""
    from scipy.stats import hypergeom

    pairs, back = np.unique(np.stack([n, c]), axis=1, return_inverse=True)
    tails = hypergeom.sf(needed - 1, pairs[0][:, None], pairs[1][:, None], ks)
    return tails[back.ravel()]
