"""pass@k and its relatives, exact on counts, for many problems and many k at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints, checked, whole_numbers
from analysis.errors import AnalysisError

CELLS = 20_000_000  # entries of one table: 160 MB


def pass_at_k(n: ArrayLike, c: ArrayLike, k: ArrayLike) -> Floats:
    """Unbiased pass@k of each problem: 1 - C(n-c, k)/C(n, k) (Chen et al., 2107.03374).

    n, c: (M,), n may be one number. k: (K,). Returns rates (M, K). At k = n this is "any correct".
    Raises AnalysisError for k > n, k < 1 and impossible counts.
    """
    n, c = checked(n, c)
    return _by_table(n, c, _ks(k, n), lambda size, most, ks: 0.0 - np.expm1(_log_failure(size, most, ks)))


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

    def table(size: int, most: int, ks: Ints) -> Floats:
        return np.exp(2 * _log_failure(size, most, ks)) - np.exp(_log_failure(size, most, 2 * ks))

    return _by_table(n, c, ks, table)


def pass_hat_k(n: ArrayLike, c: ArrayLike, k: ArrayLike) -> Floats:
    """pass^k of each problem: C(c, k)/C(n, k), the chance that all k of k samples are correct (2406.12045).

    Shapes and errors as in `pass_at_k`.
    """
    n, c = checked(n, c)
    return _by_table(n, n - c, _ks(k, n), lambda size, most, ks: np.exp(_log_failure(size, most, ks)))


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


def _log_failure(n: int, most: int, ks: Ints) -> Floats:
    """log C(n-c, k)/C(n, k), c = 0 … most: Σ_{j=n-c+1}^{n} log(1 - k/j), -inf if n-c < k; (most+1, K)."""
    j = np.arange(n, n - most, -1, dtype=np.float64)
    out = np.empty((most + 1, ks.size))
    out[0] = 0
    with np.errstate(divide="ignore", invalid="ignore"):
        steps = np.log1p(-ks / j[:, None])
    steps[ks >= j[:, None]] = -np.inf
    np.cumsum(steps, axis=0, out=out[1:])
    return out


def _by_table(n: Ints, c: Ints, ks: Ints, table: Callable[[int, int, Ints], Floats]) -> Floats:
    """Values per problem from one table over c for each distinct n, a few k at a time; (M, K)."""
    out = np.empty((c.size, ks.size))
    sizes = np.unique(n)
    for size in sizes:
        rows = slice(None) if sizes.size == 1 else np.flatnonzero(n == size)
        most = int(c[rows].max())
        few = max(1, CELLS // (most + 1))
        for start in range(0, ks.size, few):
            part = slice(start, start + few)
            out[rows, part] = np.take(table(int(size), most, ks[part]), c[rows], axis=0)
    return out


def _at_least(n: Ints, c: Ints, ks: Ints, needed: Ints) -> Floats:
    """P(X ≥ needed) of the hypergeometric X of correct ones among k; (M, K)."""
    from scipy.stats import hypergeom

    pairs, back = np.unique(np.stack([n, c]), axis=1, return_inverse=True)
    tails = hypergeom.sf(needed - 1, pairs[0][:, None], pairs[1][:, None], ks)
    return tails[back.ravel()]
