"""What training did to the distribution of answers, problem by problem (arXiv 2607.16097).

Right-answer amplification: the right answer was among the base's frequent answers, and grew. Tail discovery:
it was outside the base's three most frequent and below 5%, and is among the three most frequent now.
Wrong-mode amplification: a wrong answer that was not the most frequent one is now. Beside them the mass on
the right answer and on the dominant wrong one. With few samples most "tail discovery" is noise: every share
stands beside what two halves of the base's own samples give at the same number of samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.arguments import Floats, Ints
from analysis.difficulty.levels import FEWEST, NAMES, level_of
from analysis.errors import AnalysisError
from analysis.measures.ratios import Interval, of_means

TOP = 3  # answers that count as frequent
TAIL = 0.05  # share below which an answer is in the tail
MEASURES = ("right_amplified", "tail_discovered", "wrong_mode", "mass_right", "mass_wrong")

Answers = Mapping[Any, Any]  # {problem: (labels, right)}: (n,) codes of answers, -1 for none; the right code


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """Shares of problems (the first three) and changes of mean mass (the last two), and their nulls.

    observed, null, excess: by name of MEASURES. null: the same between two halves of A. excess: observed less
    null, 0 in expectation for two draws of one model. n: samples of each problem on each side.
    """

    observed: dict[str, Interval]
    null: dict[str, float]
    excess: dict[str, Interval]
    n: int
    problems: int


def answer_policy(
    a: Answers,
    b: Answers,
    *,
    level: float = 0.05,
    splits: int = 20,
    replicates: int = 4000,
    seed: int = 0,
    problems: set[Any] | None = None,
    cluster: Mapping[Any, Any] | None = None,
) -> PolicyChange:
    """The decomposition of A → B. a, b: {problem: (labels, right)} on the same problems.

    labels: one integer per sample, equal for equal answers on both sides; right: the label of the right
    answer. Half of A's samples of a problem stand against as many of B's, so that the null, the other half of
    A, has the same number. problems: only these (a bin of difficulty). cluster: the cluster of each problem,
    resampled whole. AnalysisError for other problems or
    fewer than two samples.
    """
    chosen = sorted(a if problems is None else problems, key=str)
    if set(a) != set(b) or not set(chosen) <= set(a) or len(chosen) < 2:
        raise AnalysisError("both sides need answers to the same two problems or more; pair them first")
    n = min(min(len(side[p][0]) for p in chosen) for side in (a, b)) // 2
    if n < 1:
        raise AnalysisError("the answers of a problem need two samples or more; draw more")
    rng = np.random.default_rng([seed, 0xA45])
    observed, null = np.zeros((len(chosen), len(MEASURES))), np.zeros((len(chosen), len(MEASURES)))
    for _ in range(splits):
        for i, problem in enumerate(chosen):
            right = a[problem][1]
            one = rng.permutation(np.asarray(a[problem][0]))
            two = rng.permutation(np.asarray(b[problem][0]))
            observed[i] += change(one[:n], two[:n], right)
            null[i] += change(one[:n], one[n : 2 * n], right)
    observed, null = observed / splits, null / splits
    found, excess = {}, {}
    codes = None if cluster is None else np.unique([str(cluster[p]) for p in chosen], return_inverse=True)[1]
    how: dict[str, Any] = {"level": level, "replicates": replicates, "seed": seed, "cluster": codes}
    for j, name in enumerate(MEASURES):
        both = np.column_stack([observed[:, j], null[:, j]])
        found[name] = of_means(both, lambda m: m[..., 0], **how)
        less = lambda m: m[..., 0] - m[..., 1]  # noqa: E731
        excess[name] = of_means(both, less, **how)
    nulls = dict(zip(MEASURES, null.mean(0).tolist(), strict=True))
    return PolicyChange(found, nulls, excess, n, len(chosen))


def by_difficulty(
    a: Answers,
    b: Answers,
    *,
    level: float = 0.05,
    splits: int = 10,
    seed: int = 0,
    cluster: Mapping[Any, Any] | None = None,
) -> dict[str, PolicyChange]:
    """`answer_policy` of the problems in each group of `analysis.difficulty.levels` that has FEWEST.

    A third of A's samples of a problem says how hard it is and is not compared: grouping by what is compared
    would show a gain of the hard problems of one model drawn twice. Empty where A has fewer than 6 samples.
    """
    rng = np.random.default_rng([seed, 0xD1F])
    rest: dict[Any, tuple[Ints, int]] = {}
    groups: dict[str, set[Any]] = {name: set() for name in NAMES}
    for problem in sorted(a, key=str):
        labels, right = a[problem]
        dealt = rng.permutation(np.asarray(labels))
        third = len(dealt) // 3
        if third < 2:
            return {}
        share = np.array([(dealt[:third] == right).mean()])
        groups[NAMES[int(level_of(share)[0])]].add(problem)
        rest[problem] = (dealt[third:], right)
    return {
        name: answer_policy(rest, b, level=level, splits=splits, seed=seed, problems=some, cluster=cluster)
        for name, some in groups.items()
        if len(some) >= FEWEST
    }


def change(a: Ints, b: Ints, right: int) -> Floats:
    """(5,) MEASURES of one problem from the labels of two equal numbers of samples."""
    share_a, share_b = _shares(a), _shares(b)
    before, after = share_a.get(right, 0.0), share_b.get(right, 0.0)
    frequent_before, frequent_after = _among_top(share_a, right), _among_top(share_b, right)
    mode_b = _mode(share_b)
    wrong_a, wrong_b = _dominant_wrong(share_a, right), _dominant_wrong(share_b, right)
    return np.array(
        [
            frequent_before and after > before,
            not frequent_before and before < TAIL and frequent_after,
            mode_b is not None and mode_b != right and mode_b != _mode(share_a),
            after - before,
            wrong_b - wrong_a,
        ],
        float,
    )


def _shares(labels: Ints) -> dict[int, float]:
    """Share of each answer among all samples; samples without an answer (-1) count in the whole alone."""
    given, times = np.unique(labels[labels >= 0], return_counts=True)
    return dict(zip(given.tolist(), (times / len(labels)).tolist(), strict=True))


def _among_top(shares: dict[int, float], label: int) -> bool:
    """Whether fewer than TOP answers are more frequent than this one, which was given at all."""
    own = shares.get(label, 0.0)
    return own > 0 and sum(s > own for s in shares.values()) < TOP


def _mode(shares: dict[int, float]) -> int | None:
    """The most frequent answer, the smallest label among equals; None where nobody answered."""
    return min(shares, key=lambda x: (-shares[x], x)) if shares else None


def _dominant_wrong(shares: dict[int, float], right: int) -> float:
    return max((s for label, s in shares.items() if label != right), default=0.0)
