"""Samples with their grades as data frames, one row per sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from evals.core.errors import UserError
from evals.store.reading import graded_samples
from probes.inputs.sources import Source

if TYPE_CHECKING:
    from probes.findings.types import Check


def graded(source: Source, columns: Iterable[str]) -> dict[str, pd.DataFrame]:
    """Per checkpoint, its samples (columns of the samples table) joined with their grades.

    Only the problems that the source counts, and the first `source.n` samples of each. Every frame has key,
    problem, index and the columns of `evals.store.reading.GRADED`, sorted by problem and index; right answers
    of a problem have one text (`right_alike`). UserError where only counts are known.
    """
    if source.store is None:
        raise UserError("this probe needs samples, and only counts were given; use --samples or --ckpt")
    problems = set(source.counts["problem"])
    return {
        d["name"]: right_alike(
            graded_samples(source.store, d["cell"], columns, problems=problems, n=source.n)
        )
        for d in source.checkpoints
    }


def right_alike(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples with one text for all right answers of a problem, the first: 1/2 and 0.5 are one answer."""
    right = samples["correct"].astype(bool) & samples["answer"].notna()
    first = samples["answer"].where(right).groupby(samples["problem"]).transform("first")
    return samples.assign(answer=samples["answer"].where(~right, first))


def answer_codes(frames: Mapping[str, pd.DataFrame]) -> dict[str, dict[Any, tuple[np.ndarray, int]]]:
    """Per checkpoint, {problem: (labels, 0)}: 0 a right answer, -1 none, others from 1 on.

    frames: problem, answer (null = none), correct. Wrong answers are alike where their texts are.
    The labels are the same in all checkpoints.
    """
    whole = pd.concat(frames, names=["checkpoint", None]).reset_index(level=0)
    answers = whole["answer"].where(whole["answer"].isna(), whole["answer"].astype(str).str.strip())
    codes = np.where(whole["correct"].to_numpy(bool), 0, pd.factorize(answers, sort=True)[0] + 1)
    codes = np.where((codes == 0) & ~whole["correct"].to_numpy(bool), -1, codes)
    whole = whole.assign(code=codes)
    out: dict[str, dict[Any, tuple[np.ndarray, int]]] = {name: {} for name in frames}
    for (name, problem), part in whole.groupby(["checkpoint", "problem"], sort=False)["code"]:
        out[str(name)][problem] = (part.to_numpy(), 0)
    return out


def equal_n(
    frames: dict[str, pd.DataFrame], most: int | None = None
) -> tuple[dict[str, pd.DataFrame], Check]:
    """The first m samples of every problem, and a check that says so.

    m: the smallest number of samples that any problem has, at most `most`. Statistics of diversity grow or
    shrink with the number of samples: unequal numbers are no comparison.
    """
    from probes.findings.checks import check

    sizes = {name: f.groupby("problem").size() for name, f in frames.items()}
    m = int(min(s.min() for s in sizes.values()))
    largest = int(max(s.max() for s in sizes.values()))
    unequal, m = m != largest, min(m, most or m)
    kept = {n: f[f.groupby("problem").cumcount() < m].reset_index(drop=True) for n, f in frames.items()}
    if unequal:
        text = f"n differs, up to {largest}: the first {m} of each are used"
        return kept, check("equal n", False, [m, largest], text)
    text = f"{m} samples of every problem" + (f" (of {largest})" if m < largest else "")
    return kept, check("equal n", True, m, text)
