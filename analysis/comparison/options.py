"""What is declared before the counts are seen."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Literal

from analysis.errors import AnalysisError

GRID = 40  # values of k on the default grid


@dataclass(frozen=True, slots=True)
class Options:
    """Declared options of a comparison; all of them are printed beside the verdict.

    level: error level (0.05 gives 95% intervals). K: the large k of the verdict; None takes the largest power
    of two that is at most n/2, and at least 2. margin: equivalence margin on pass@k, as a rate. seed: of the
    bootstrap and of every other random choice. replicates: of the bootstrap and sign-flip test.
    interval: "percentile" (expanded) or "bca". k: values of k that are reported; None takes about 40 from
    1 to n, spaced by logarithm, with all powers of two and K. also: further values of K declared beforehand;
    the joint region then covers all of them. target: what the verdict speaks of: the population of problems
    of which these are a sample, or the benchmark, these very problems (its error is sampling noise alone).
    """

    level: float = 0.05
    K: int | None = None
    margin: float = 0.02
    seed: int = 0
    replicates: int = 10_000
    interval: Literal["percentile", "bca"] = "percentile"
    k: tuple[int, ...] | None = None
    also: tuple[int, ...] = ()
    target: Literal["population", "benchmark"] = "population"

    def __post_init__(self) -> None:
        for name in ("K", "seed", "replicates"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, Integral)):
                raise AnalysisError(f"{name} must be a whole number, got {value}")
        if self.seed < 0:
            raise AnalysisError(f"the seed must be at least 0, got {self.seed}")
        if not 0 < self.level <= 0.5:
            raise AnalysisError(
                f"the level must lie above 0 and not above 0.5, got {self.level}; 0.05 is usual"
            )
        if not 0 <= self.margin < 1:
            raise AnalysisError(f"the margin is a rate from 0 to 1, got {self.margin}; 0.02 is two points")
        if self.K is not None and self.K < 2:
            raise AnalysisError(f"K must be at least 2, got {self.K}: the verdict sets pass@K beside pass@1")
        if any(x < 2 for x in self.also):
            raise AnalysisError("every declared K is at least 2; leave out the others")
        if self.target not in ("population", "benchmark"):
            raise AnalysisError(f"target {self.target!r} is not known; choose population or benchmark")
        if self.replicates < 100:
            raise AnalysisError(f"{self.replicates} bootstrap replicates are too few; take at least 100")
        if self.interval not in ("percentile", "bca"):
            raise AnalysisError(f"interval {self.interval!r} is not known; choose percentile or bca")


def declared_K(n: int, K: int | None) -> int:
    """The K of the verdict for n samples per problem: as declared, or the largest power of two ≤ n/2 (≥ 2).

    Raises AnalysisError where K > n or n = 1.
    """
    if n < 2:
        raise AnalysisError("one sample per problem cannot show coverage; draw at least 2, better 32 or more")
    if K is None:
        return max(2, 1 << ((n // 2).bit_length() - 1))
    if n < K:
        raise AnalysisError(
            f"K = {K} needs at least as many samples, and a problem has {n}; lower K or draw more"
        )
    return K


def declared_ks(n: int, options: Options) -> tuple[int, ...]:
    """1, K, and the further values of K of the options, once each; AnalysisError where one exceeds n."""
    K = declared_K(n, options.K)
    return (1, K, *(declared_K(n, x) for x in dict.fromkeys(options.also) if x != K))


def k_grid(n: int, K: int, k: tuple[int, ...] | None = None) -> list[int]:
    """Sorted distinct values of k from 1 to n at which curves are reported; 1 and K are always among them.

    Raises AnalysisError on a k outside 1 … n.
    """
    if k is not None:
        wrong = [x for x in k if not 1 <= x <= n]
        if wrong:
            raise AnalysisError(
                f"k = {wrong[0]} lies outside 1 to n = {n}; leave it out or draw more samples"
            )
        return sorted({*k, 1, K})
    if n <= GRID:
        return list(range(1, n + 1))
    powers = {1 << j for j in range(n.bit_length())}
    ratio = n ** (1 / (GRID - 1 - len(powers) / 2))
    spread = {min(n, round(ratio**j)) for j in range(GRID)}
    return sorted(powers | spread | {1, K, n})
