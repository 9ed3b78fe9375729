"""What a store says of its cells: their names, counts of each problem, samples joined with their grades."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evals.core.errors import UserError
from evals.records import HOW_ASKED
from evals.store.store import SampleStore, begun, grade_group

TELLING = (*HOW_ASKED, "seed", "draw", "weights")
GRADED = ("correct", "lenient", "answer", "lenient_answer", "route")

if TYPE_CHECKING:
    import pandas as pd


def all_cells(store: SampleStore) -> list[str]:
    """The cells of a store in the order in which they were begun; UserError where it has none.

    Cells that older versions wrote do not say it: they come first, ordered by label (see `unordered`).
    """
    cells = store.cells()
    if not cells:
        raise UserError(f"{store.path} holds no samples; run evals sample or evals import first")
    return sorted(cells, key=lambda cell: (begun(cells[cell]), str(cells[cell]["checkpoint"]), cell))


def unordered(store: SampleStore) -> str | None:
    """A sentence where the store does not say which of its checkpoints was begun first; else None."""
    cells, places = all_cells(store), [begun(info) for info in store.cells().values()]
    if len(set(places)) == len(places):
        return None
    first = store.cell(cells[0])["checkpoint"]
    return (
        f"store {store.path} does not say in which order its checkpoints were sampled: they are taken by "
        f"name, {first} first (A); choose A and B with --only"
    )


def labels(store: SampleStore, cells: Sequence[str], given: Mapping[str, str] | None = None) -> list[str]:
    """A distinct name for each cell: its checkpoint's, with what tells it from others of that name.

    given: other names of the checkpoints, by cell.
    """
    infos = [store.cell(cell) for cell in cells]
    names = [(given or {}).get(cell, str(i["checkpoint"])) for cell, i in zip(cells, infos, strict=True)]
    out = []
    for name, info, cell in zip(names, infos, cells, strict=True):
        others = [o for o, n in zip(infos, names, strict=True) if n == name]
        unlike = [f"{k} {info.get(k)}" for k in TELLING if len({str(o.get(k)) for o in others}) > 1]
        out.append(name if len(others) == 1 else f"{name} ({', '.join(unlike) or cell[:6]})")
    return [n if out.count(n) == 1 else f"{n} {cell[:6]}" for n, cell in zip(out, cells, strict=True)]


def counts(
    store: SampleStore,
    cells: Sequence[str],
    *,
    problems: Collection[str] | None = None,
    n: int | None = None,
) -> pd.DataFrame:
    """Columns problem, checkpoint, n, c: samples and strictly correct samples, one row a problem and cell.

    problems: only of these ids. n: only the first n samples of each. UserError where samples are not
    graded, where nothing is left, or where two cells have one label.
    """
    import pandas as pd

    frames = []
    for cell, label in zip(cells, distinct_names(store, cells), strict=True):
        grades = graded(store, cell, ["problem", "index", "correct"], problems, n)
        problem = grades["problem"].combine_chunks().dictionary_encode()
        codes = problem.indices.to_numpy()
        _refuse_repeats(store, codes, grades["index"].to_numpy(), problem.dictionary)
        size = len(problem.dictionary)
        frame = pd.DataFrame(
            {
                "problem": problem.dictionary.to_pylist(),
                "checkpoint": label,
                "n": np.bincount(codes, minlength=size),
                "c": np.bincount(codes[grades["correct"].to_numpy()], minlength=size),
            }
        )
        frames.append(frame.sort_values("problem"))
    return pd.concat(frames, ignore_index=True)


def distinct_names(store: SampleStore, cells: Sequence[str]) -> list[str]:
    """The names of the cells' checkpoints; UserError where two have one name."""
    names = [str(store.cell(cell)["checkpoint"]) for cell in cells]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"two sets of samples have the name {twice[0]}; give them different names")
    return names


def graded_samples(
    store: SampleStore,
    cell: str,
    columns: Iterable[str],
    *,
    problems: Collection[str] | None = None,
    n: int | None = None,
) -> pd.DataFrame:
    """Samples of a cell (columns of the samples table) joined with their grades (GRADED), one row a sample.

    Columns key, problem and index are always there; rows are sorted by problem and index. problems, n: only
    these ids, only the first n samples of each. UserError where some of them are not graded.
    """
    names = list(dict.fromkeys(["key", "problem", "index", *columns]))
    samples = store.samples([cell], columns=names, problems=problems)
    if n is not None:
        samples = samples[samples["index"] < n]
    grades = store.grades([cell], columns=["key", *GRADED])
    joined = samples.merge(grades, on="key", validate="one_to_one")
    if lacking := len(samples) - len(joined):
        raise UserError(
            f"{lacking} samples of {store.cell(cell)['checkpoint']} are not graded by this version; "
            f"run evals grade {store.path}"
        )
    return joined.sort_values(["problem", "index"], kind="stable", ignore_index=True)


def graded(
    store: SampleStore,
    cell: str,
    columns: Sequence[str],
    problems: Collection[str] | None,
    n: int | None,
    *,
    encoded: bool = False,
) -> pa.Table:
    """Grades of a cell, complete, restricted to problems and to indices below n.

    encoded: see `evals.store.blocks.Table.read`.
    """
    group = grade_group(cell)
    if (lacking := store.sample_table.count(cell) - store.grade_table.count(group)) != 0:
        raise UserError(
            f"{abs(lacking)} samples of {store.cell(cell)['checkpoint']} are not graded by this version; "
            f"run evals grade {store.path}"
        )
    grades = store.grade_table.read(group, columns, problems, encoded=encoded)
    if n is not None:
        grades = grades.filter(pc.less(grades["index"], n))
    if not grades.num_rows:
        raise UserError(
            f"store {store.path} has no samples of {store.cell(cell)['checkpoint']} for these problems"
        )
    return grades


def _refuse_repeats(store: SampleStore, codes: np.ndarray, index: np.ndarray, names: pa.Array) -> None:
    place = np.sort(codes.astype(np.int64) << 32 | index.astype(np.int64))
    repeated = np.flatnonzero(place[1:] == place[:-1])
    if repeated.size:
        at = int(place[repeated[0]])
        raise UserError(
            f"store {store.path} holds sample {at & 0xFFFFFFFF} of problem {names[at >> 32].as_py()} twice; "
            "remove the parquet file that was copied into it"
        )
