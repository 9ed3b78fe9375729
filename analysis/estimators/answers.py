"""Statistics of extracted answers: majority vote, entropy, distinct answers, guessing. All exact on counts.

The counts of one problem are a list of numbers of samples, one per distinct answer; samples without an answer
are counted apart as `missing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Floats, Ints, finite, whole_numbers
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k

if TYPE_CHECKING:
    pass


def majority_at_k(counts: ArrayLike, correct: ArrayLike, k: int, missing: int = 0) -> float:
    """maj@k: chance that the most frequent answer among k samples drawn without replacement is correct.

    counts, correct: (J,). Samples without an answer do not vote; a draw in which nobody votes is wrong; ties
    are broken at random among the tied answers. Exact for every k ≤ n (k = 1 is the accuracy): the numbers
    drawn are independent binomials conditioned on their sum, and E[1/(1+ties)] is an integral over s of
    E[s^ties], which Gauss-Legendre nodes give exactly. Raises AnalysisError for k outside 1 … n.
    """
    sizes, right = _answers(counts, correct)
    missing = _silent(missing)
    n = int(sizes.sum()) + missing
    if not 1 <= k <= n:
        raise AnalysisError(f"maj@{k} needs k from 1 to n = {n}; lower k or draw more samples")
    mass = [_drawn(int(m), k, k / n) for m in sizes]
    silent = _drawn(missing, k, k / n)
    total = _drawn(n, k, k / n)[k]
    wins = 0.0
    distinct, times = np.unique(sizes[right], return_counts=True)
    for size, many in zip(distinct, times, strict=True):
        this = int(np.flatnonzero(right & (sizes == size))[0])
        others = [mass[j] for j in range(len(mass)) if j != this]
        wins += many * sum(
            float(mass[this][x]) * _beaten(others, silent, x, k) for x in range(1, min(k, int(size)) + 1)
        )
    return min(1.0, wins / float(total))


def majority_curve(labels: ArrayLike, right: ArrayLike, ks: ArrayLike, rng: np.random.Generator) -> Floats:
    """maj@k of one problem at every k of ks, (K,): the mean over all runs of k samples in a random circle.

    labels: (n,) codes of the answers, -1 for none; right: (J,) whether answer j is right. Votes, ties and
    missing answers as in `majority_at_k`, which it estimates without bias at a small part of the work; equal
    to it at k = 1 and k = n. AnalysisError for k outside 1 … n.
    """
    given, correct = np.asarray(labels, np.int64), np.asarray(right, bool)
    n, sizes = given.size, whole_numbers(ks, "k") if np.size(ks) else np.zeros(0, np.int64)
    if ((sizes < 1) | (sizes > n)).any():
        raise AnalysisError(f"maj@k needs k from 1 to n = {n}; lower k or draw more samples")
    if correct.size == 0:
        return np.zeros(sizes.size)
    circle = np.tile(rng.permutation(given), 2)
    votes = np.zeros((2 * n + 1, correct.size), np.int64)
    np.cumsum(circle[:, None] == np.arange(correct.size), axis=0, out=votes[1:])
    out = np.empty(sizes.size)
    for i, k in enumerate(sizes):
        counted = votes[k : k + n] - votes[:n]
        most = counted.max(1, keepdims=True)
        top = (counted == most) & (most > 0)
        out[i] = ((top & correct).sum(1) / np.maximum(top.sum(1), 1)).mean()
    return out


def _beaten(others: list[Floats], silent: Floats, x: int, k: int) -> float:
    """Chance that the other answers and the silent make k - x, none above x, times 1/(1 + answers at x)."""
    left = k - x
    most = left // x  # at most so many others can reach x
    nodes, weights = np.polynomial.legendre.leggauss(most // 2 + 1)
    product = np.zeros((nodes.size, left + 1))
    product[:, : min(left, silent.size - 1) + 1] = silent[: left + 1]
    for mass in others:
        factor = np.tile(mass[: min(x, left) + 1], (nodes.size, 1))
        if x <= left and mass.size > x:
            factor[:, x] *= (nodes + 1) / 2
        product = _multiply(product, factor, left)
    return float(weights / 2 @ product[:, left])


def _multiply(a: Floats, b: Floats, degree: int) -> Floats:
    """Products of polynomials row by row, up to a degree."""
    out = np.zeros_like(a)
    for j in range(b.shape[1]):
        out[:, j:] += b[:, j : j + 1] * a[:, : degree + 1 - j]
    return out


def _drawn(m: int, k: int, p: float) -> Floats:
    """Binomial(m, p) probabilities of 0 … min(m, k)."""
    from scipy.special import gammaln, xlog1py, xlogy

    y = np.arange(min(m, k) + 1.0)
    return np.exp(gammaln(m + 1) - gammaln(y + 1) - gammaln(m - y + 1) + xlogy(y, p) + xlog1py(m - y, -p))


def _answers(counts: ArrayLike, correct: ArrayLike) -> tuple[Ints, np.ndarray]:
    if np.size(counts) == 0:
        return np.zeros(0, np.int64), np.zeros(0, bool)
    sizes = whole_numbers(counts, "answer counts")
    right = np.atleast_1d(np.asarray(correct, bool))
    if sizes.shape != right.shape or (sizes == 0).any():
        raise AnalysisError("every distinct answer needs one count of at least 1 and one grade")
    return sizes, right


def answer_entropy(counts: Sequence[int] | Ints, missing: int = 0) -> float:
    """Entropy of a problem's answers in nats, "no answer" its own class, with the Miller-Madow correction.

    H = -Σ f log f + (classes - 1)/(2n), at most log n. exp(H) is the effective number of answers.
    counts: (J,) samples of each distinct answer. Source: Miller (1955). Raises AnalysisError without samples
    and on counts that are no whole numbers.
    """
    sizes = whole_numbers(counts, "answer counts") if np.size(counts) else np.zeros(0)
    held = np.append(sizes, _silent(missing)).astype(float)
    held = held[held > 0]
    if held.size == 0:
        raise AnalysisError("an entropy needs at least one sample; this problem has none")
    share = held / held.sum()
    corrected = float(-(share * np.log(share)).sum() + (held.size - 1) / (2 * held.sum()))
    return min(corrected, float(np.log(held.sum())))


def distinct_at_k(counts: ArrayLike, k: ArrayLike, missing: int = 0) -> Floats:
    """Expected distinct answers among k samples drawn without replacement (rarefaction), (K,).

    Σ_j [1 - C(n-m_j, k)/C(n, k)] (Hurlbert 1971). Compares checkpoints with unequal n at one k ≤ n. "No
    answer" is no answer. Works for any labels (solution paths, n-grams). Raises AnalysisError for k > n.
    """
    if np.size(counts) == 0:
        return np.zeros(np.size(k))
    sizes = whole_numbers(counts, "answer counts")
    return pass_at_k(int(sizes.sum()) + _silent(missing), sizes, k).sum(0)


def _silent(missing: int) -> int:
    return int(whole_numbers(missing, "samples without an answer")[0])


def guess_corrected(p: ArrayLike, floor: ArrayLike) -> Floats:
    """Rate without lucky guesses, (p - φ)/(1 - φ), where φ is the guess floor; broadcasts; may be < 0.

    p, floor: rates. Source: correction for guessing (Abbott 1925). AnalysisError outside 0 ≤ φ < 1.
    """
    rate, phi = finite(p, "rates"), finite(floor, "a guess floor")
    if not ((phi >= 0) & (phi < 1)).all():
        raise AnalysisError("a guess floor lies from 0 to below 1; check how it was measured")
    return (rate - phi) / (1 - phi)
