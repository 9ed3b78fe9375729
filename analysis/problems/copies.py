"""Copies instead of draws: samples of one problem that repeat each other more than independent ones do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import Ints
from analysis.errors import AnalysisError

REGULAR = 0.8  # share of samples in texts that stand equally often from which that is no accident
ALONE = 0.5  # share of problems with a single text from which the samples are one answer, copied
FAR = 4.0  # standard errors by which neighbours must be alike more often than samples apart
TEXTS = 20  # distinct texts, none of them single, from which that is no accident


@dataclass(frozen=True, eq=False)
class Copies:
    """What the texts of one checkpoint's samples say about their independence.

    n, distinct, correct: per problem (M,) samples, distinct texts, and distinct texts graded correct; in the
    order of problems. alone: share of problems (with two samples or more) whose samples are one text.
    excess: how many standard errors neighbours are alike more often than samples apart. grouped: whether all
    equal texts stand side by side, as in a sorted file, whose order then says nothing. singles: share of
    texts that stand once. regular: largest share of samples whose texts all stand equally often, twice or
    more and not in all samples of a problem.
    """

    problems: np.ndarray
    n: Ints
    distinct: Ints
    correct: Ints
    alone: float
    excess: float
    grouped: bool
    singles: float
    regular: float

    @property
    def reason(self) -> str | None:
        """Why these are copies, or None: the texts repeat no more than independent draws may."""
        if self.alone >= ALONE:
            return f"in {self.alone:.0%} of problems all samples are one text"
        if self.excess > FAR and not self.grouped:
            return "neighbouring samples are the same text more often than samples apart: blocks of copies"
        if self.singles == 0 and self.distinct.sum() >= TEXTS:
            return "no text stands only once: every sample is there two times or more"
        if self.regular >= REGULAR and self.distinct.sum() >= TEXTS:
            return "nearly all texts stand equally often, two times or more"
        return None

    @property
    def doubt(self) -> str | None:
        """What these texts cannot tell: sorted by text, samples repeat in blocks as copies do."""
        if self.reason is None and self.grouped and self.excess > FAR:
            return "all equal texts stand side by side: sorted samples, or blocks of copies"
        return None

    @property
    def effective(self) -> Ints:
        """Effective draws per problem (M,): distinct texts where these are copies, else all samples."""
        return self.n if self.reason is None else self.distinct

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, and the median of the effective draws."""
        numbers = {name: float(getattr(self, name)) for name in ("alone", "excess", "singles", "regular")}
        return {**numbers, "n": float(np.median(self.effective)), "reason": self.reason or self.doubt}


def copies(problem: ArrayLike, text: ArrayLike, correct: ArrayLike, index: ArrayLike | None = None) -> Copies:
    """Look for copies among the samples of one checkpoint.

    problem, text, correct, index: (S,) of every sample: its problem, its text or a hash of it, its grade, and
    its number within the problem (the order in which it was drawn; the given order if None). Independent
    samples come in any order, so neighbours are alike no more often than others (exchangeability); a model
    that is nearly sure gives equal texts honestly, one that is asked once and copied gives one text alone.
    Counts without samples cannot show any of this. Raises AnalysisError on lengths that differ.
    """
    problem, text, correct = np.asarray(problem), np.asarray(text), np.asarray(correct, bool)
    index = np.arange(problem.size) if index is None else np.asarray(index)
    if not problem.size == text.size == correct.size == index.size or problem.size == 0:
        raise AnalysisError("every sample needs a problem, a text, a grade and a number; give one of each")
    names, code = np.unique(problem, return_inverse=True)
    order = np.lexsort((index, code.ravel()))
    code, text, correct = code.ravel()[order], text[order], correct[order]
    n = np.bincount(code)
    order = np.lexsort((text, code))
    starts = np.flatnonzero(np.r_[True, _differs(code[order]) | _differs(text[order])])
    times, owner = np.diff(starts, append=code.size), code[order][starts]
    distinct = np.bincount(owner, minlength=n.size)
    right = np.logical_or.reduceat(correct[order], starts)
    many = n >= 2
    return Copies(
        names,
        n,
        distinct,
        np.bincount(owner[right], minlength=n.size),
        float((distinct[many] == 1).mean()) if many.any() else 0.0,
        _excess(code, text, n, owner, times),
        bool((_differs(code) | _differs(text)).sum() + 1 == times.size),
        float((times == 1).mean()),
        _regular(times, n[owner]),
    )


def _regular(times: Ints, n: Ints) -> float:
    """Share of samples in texts that stand b times in their problem, of the b from 2 to n - 1 with most."""
    some = times[(times >= 2) & (times < n)]
    return float(np.bincount(some, some).max(initial=0) / times.sum())


def _differs(x: np.ndarray) -> np.ndarray:
    """Where an entry is not the one before it, (S - 1,)."""
    return np.asarray(x[1:] != x[:-1])


def _excess(code: Ints, text: np.ndarray, n: Ints, owner: Ints, times: Ints) -> float:
    """Standard errors by which neighbours agree more often than a random order of each problem would."""
    same = ~(_differs(code) | _differs(text))
    near = np.bincount(code[1:][same], minlength=n.size).astype(float)
    pairs = np.bincount(owner, times * (times - 1.0), minlength=n.size)
    more = near - pairs / np.maximum(n, 1)  # (n - 1) neighbours, each alike with chance pairs / (n (n - 1))
    spread = np.sqrt((more**2).sum())
    return float(more.sum() / spread) if spread > 0 else 0.0
