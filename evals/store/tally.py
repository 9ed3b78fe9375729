"""Per-problem sums over a cell's samples and grades: all that other readings of the verdict need."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from evals.store.aligned import Aligned
from evals.store.schema import NO_ANSWER

SUMS = ("correct", "lenient", "answered", "guess", "finished", "correct_finished", "tokens")


def tally(held: Aligned) -> pd.DataFrame:
    """Sums over the samples of each problem, one row a problem, index = problem, sorted.

    Columns n, and SUMS: correct, lenient (graded strictly and leniently), answered (an answer was found),
    guess (right for another problem's answer), finished (not cut off), correct_finished, tokens. A sum is
    NaN where the samples do not say.
    """
    size = len(held.ids)
    out: dict[str, np.ndarray] = {"n": np.bincount(held.problem, minlength=size)}
    for name, values in _columns(held.samples, held.grades).items():
        out[name] = np.bincount(held.problem, weights=values, minlength=size)
    return pd.DataFrame(out, index=pd.Index(held.ids, name="problem")).sort_index()


def _columns(samples: pa.Table, grades: pa.Table) -> dict[str, np.ndarray]:
    """What is summed, one number a sample; NaN where it is not known."""
    correct = _floats(grades["correct"])
    finished = _floats(pc.not_equal(samples["finish_reason"], "length"))
    return {
        "correct": correct,
        "lenient": _floats(grades["lenient"]),
        "answered": _floats(pc.fill_null(pc.not_equal(grades["stage"], NO_ANSWER), True)),
        "guess": _floats(grades["guess"]),
        "finished": finished,
        "correct_finished": finished * correct,
        "tokens": _floats(samples["tokens"]),
    }


def _floats(column: Any) -> np.ndarray:
    """A nullable column as float64, NaN where null."""
    return np.asarray(column.cast(pa.float64()).to_numpy())
