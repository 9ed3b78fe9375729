"""The main probe in one line: from a frame, arrays, a CSV, sample files or a store to a finding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from probes.findings.finding import Found

if TYPE_CHECKING:
    from probes.inputs.sources import Source


def compare(
    data: Any,
    a: Any = None,
    b: Any = None,
    *,
    n: Any = None,
    K: int | None = None,
    level: float = 0.05,
    margin: float = 0.02,
    seed: int = 0,
    against: str = "first",
) -> Found:
    """Did training expand what a model can solve, or only sharpen it? The expand finding of counts.

    data: a frame with columns problem, checkpoint, n, c (and cluster, stratum where there are any); the path
    of such a CSV, of sample files (a list of them, too) or of a store, whose samples are graded; or correct
    samples of each problem under A (M,), then `a` is the same under B and n (by name or in third place) the
    samples per problem: a number, (M,), or a pair of them for A and B; or what every sample was, right or
    not, under A (M, n), then `a` is the same under B. a, b: names of the two checkpoints (default: all there
    are, compared as `against` says). K, level, margin: declared beforehand (default of K: the largest power
    of two up to n/2). UserError where the data make no sense.
    """
    import tempfile

    from analysis import Options
    from probes.expand import expand

    options = Options(level=level, K=K, margin=margin, seed=seed)
    if n is not None or _is_array(data):
        return expand(_from_arrays(data, a, b if n is None else n), options, against=against)
    names = [name for name in (a, b) if name is not None]
    with tempfile.TemporaryDirectory(prefix="excursions-") as folder:  # for what other tools wrote
        return expand(_opened(data, names, Path(folder) / "store"), options, against=against)


def _is_array(data: Any) -> bool:
    """Whether it holds numbers, not names of files or a frame with columns."""
    import numpy as np
    import pandas as pd

    return not isinstance(data, (str, Path, pd.DataFrame)) and np.asarray(data).dtype.kind in "biuf"


def _opened(data: Any, names: list[str], store: Path) -> Source:
    import pandas as pd

    from probes.inputs.counts_file import from_counts
    from probes.inputs.sources import chosen, from_samples

    if isinstance(data, pd.DataFrame):
        return chosen(_from_frame(data, "a frame"), names)
    paths = [Path(p) for p in (data if isinstance(data, (list, tuple)) else [data])]
    if len(paths) == 1 and paths[0].name.lower().endswith((".csv", ".csv.gz")):
        return chosen(from_counts(paths[0]), names)
    return chosen(from_samples(paths, store, ordered=len(names) > 1), names)


def _from_frame(frame: Any, name: str) -> Source:
    from evals.core.errors import UserError
    from probes.inputs.sources import COLUMNS, Source, blank

    if missing := [c for c in COLUMNS if c not in frame.columns]:
        raise UserError(f"the frame has no column {missing[0]!r}; it needs {', '.join(COLUMNS)}")
    counts = frame.assign(problem=frame["problem"].astype(str), checkpoint=frame["checkpoint"].astype(str))
    names = list(dict.fromkeys(counts["checkpoint"]))
    problems = {"name": name, "fingerprint": None, "count": int(counts["problem"].nunique())}
    return Source(counts, [blank(one) for one in names], problems)


def _from_arrays(c_a: Any, c_b: Any, n: Any) -> Source:
    import numpy as np
    import pandas as pd

    from evals.core.errors import UserError

    sides = [np.asarray(c) for c in (c_a, c_b)]
    if n is None and all(side.ndim == 2 and np.isin(side, (0, 1)).all() for side in sides):
        n = tuple(side.shape[1] for side in sides)
        sides = [side.sum(axis=1).astype(int) for side in sides]
    if any(side.ndim != 1 for side in sides) or len(sides[0]) != len(sides[1]):
        raise UserError("give the correct samples of each problem under A and under B as two equal lists")
    if n is None:
        raise UserError("give n, the samples of each problem, beside the correct ones: compare(a, b, n=16)")
    both = n if isinstance(n, tuple) else (n, n)
    ids = [f"{i:06d}" for i in range(len(sides[0]))]
    parts = [
        pd.DataFrame({"problem": ids, "checkpoint": name, "n": count, "c": side})
        for name, side, count in zip("AB", sides, both, strict=True)
    ]
    return _from_frame(pd.concat(parts, ignore_index=True), "two arrays")
