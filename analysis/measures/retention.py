"""Whether general capability was kept: each task and the mean, lost, gained, equivalent or undetermined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis.arguments import checked_level, finite
from analysis.errors import AnalysisError
from analysis.inference.bands import few_differ
from analysis.inference.exact_tests import holm
from analysis.inference.intervals import change_error, exact_rates, normal_quantile, t_quantile

READINGS = ("lost", "gained", "equivalent", "undetermined")


@dataclass(frozen=True, slots=True)
class Kept:
    """One task, or the mean over tasks. difference: B - A, a rate; low, high: its 1 - level interval.

    p: two-sided, of no difference; p_holm: adjusted over the tasks. reading: one of READINGS, "equivalent"
    where the 1 - 2·level interval lies within the margin (two one-sided tests, Schuirmann 1987) and no loss
    or gain is shown.
    """

    task: str
    difference: float
    error: float
    low: float
    high: float
    p: float
    p_holm: float
    reading: str


def retention(
    a: Mapping[str, ArrayLike], b: Mapping[str, ArrayLike], *, margin: float = 0.02, level: float = 0.05
) -> list[Kept]:
    """Paired by item: a, b: {task: (items,) values in [0, 1]} in the same order; the mean over tasks last.

    The mean weighs tasks alike; tasks are fixed, items are samples. Where few items of a task changed its
    error is at least that of `paired_rates` and of `exact_rates`, never 0. AnalysisError for other tasks or
    numbers of items, and fewer than two items.
    """
    if list(a) != list(b) or not a:
        raise AnalysisError("both checkpoints need the same tasks in the same order; give one or more")
    rows = []
    for task in a:
        before, after = finite(a[task], task), finite(b[task], task)
        if before.shape != after.shape or before.ndim != 1 or before.size < 2:
            raise AnalysisError(f"task {task} needs the same two items or more of both checkpoints")
        d = after - before
        error = d.std(ddof=1) / np.sqrt(d.size)
        if few_differ(d[:, None], None)[0]:  # few items changed: their spread says too little
            changed = d.clip(0).sum(), (-d).clip(0).sum(), d.size
            low, high = exact_rates(*changed, 2 * level)
            reach = max(d.mean() - float(low), float(high) - d.mean())
            error = max(error, float(change_error(*changed)), reach / t_quantile(1 - level, d.size - 1))
        rows.append((task, float(d.mean()), float(error), int(d.size)))
    return judged(rows, margin=margin, level=level)


def retention_from_rates(
    a: Mapping[str, tuple[float, float]],
    b: Mapping[str, tuple[float, float]],
    *,
    margin: float = 0.02,
    level: float = 0.05,
) -> list[Kept]:
    """Unpaired, from published values: {task: (rate, standard error)}; wider than paired items would give."""
    if list(a) != list(b) or not a:
        raise AnalysisError("both checkpoints need the same tasks in the same order; give one or more")
    rows = [(t, b[t][0] - a[t][0], float(np.hypot(a[t][1], b[t][1])), 0) for t in a]
    return judged(rows, margin=margin, level=level)


def judged(
    rows: Sequence[tuple[str, float, float, int]], *, margin: float, level: float, mean: str = "mean"
) -> list[Kept]:
    """Readings of (task, difference, error, items; 0 items: normal quantiles), with Holm over the tasks.

    The row of the mean stands last where there are several tasks, and is not part of Holm's family.
    """
    checked_level(level)
    whole = list(rows)
    if len(rows) > 1:
        errors = np.array([r[2] for r in rows])
        error = float(np.sqrt((errors**2).sum()) / len(rows))
        whole.append((mean, float(np.mean([r[1] for r in rows])), error, sum(r[3] for r in rows)))
    p = [_p(d, error, items) for _, d, error, items in whole]
    adjusted = [*holm(p[: len(rows)]).tolist(), *p[len(rows) :]]
    out = []
    for (task, d, error, items), p_one, p_all in zip(whole, p, adjusted, strict=True):
        half, narrow = (_quantile(1 - alpha, items) * error for alpha in (level / 2, level))
        reading = read(d, p_all <= level, (d - narrow, d + narrow) if error > 0 else None, margin)
        out.append(Kept(task, d, error, d - half, d + half, p_one, p_all, reading))
    return out


def read(difference: float, told: bool, inner: tuple[float, float] | None, margin: float) -> str:
    """One of READINGS. told: whether the change is told from 0; inner: its interval at 1 - 2 · level."""
    if told:
        return "lost" if difference < 0 else "gained"
    within = inner is not None and -margin < inner[0] and inner[1] < margin
    return "equivalent" if within else "undetermined"


def _quantile(q: float, items: int) -> float:
    return t_quantile(q, items - 1) if items else normal_quantile(q)


def _p(difference: float, error: float, items: int) -> float:
    from scipy.special import ndtr, stdtr

    if error == 0:
        return 1.0 if difference == 0 else 0.0
    z = abs(difference) / error
    return float(2 * (stdtr(items - 1, -z) if items else ndtr(-z)))
