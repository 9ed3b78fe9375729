"""Results of every item as tables, and what follows from them: rates, and changes in pairs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evals.core.errors import UserError, first_line
from evals.core.files import write_file

if TYPE_CHECKING:
    import pandas as pd

ITEMS = pa.schema(
    [
        ("checkpoint", pa.string()),  # label, as given
        ("weights", pa.string()),  # fingerprint
        ("task", pa.string()),
        ("metric", pa.string()),  # acc; acc_norm: choices by log-probability per character; bits_per_byte
        ("item", pa.string()),  # content hash of the item: the same in every run
        ("correct", pa.bool_()),  # empty for a document
        ("bits", pa.float64()),  # per byte of a document
    ]
)


def write_items(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write one task's items of one checkpoint, whole or not at all."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=ITEMS), sink, compression="zstd")
    write_file(path, memoryview(sink.getvalue()))


def read_items(files: Path | str | Sequence[Path]) -> pd.DataFrame:
    """All items of a results folder, or of these files. Raises UserError where there are none."""
    found = sorted((Path(files) / "items").glob("*.parquet")) if isinstance(files, Path | str) else files
    if not found:
        raise UserError(f"{files} holds no capability results; run evals capability first")
    tables = []
    for file in found:
        try:
            tables.append(pq.read_table(file, schema=ITEMS))
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise UserError(f"{file} is damaged ({first_line(error)}); run evals capability again") from error
    return pa.concat_tables(tables).to_pandas()


def summary(items: pd.DataFrame) -> pd.DataFrame:
    """Per checkpoint, task and metric: items, accuracy and its standard error over items."""
    grouped = (
        items.dropna(subset="correct")
        .astype({"correct": bool})
        .groupby(["checkpoint", "task", "metric"], sort=True)["correct"]
    )
    table = grouped.agg(items="size", accuracy="mean").reset_index()
    p, n = table["accuracy"].astype(float), table["items"]
    table["stderr"] = np.sqrt(p * (1 - p) / np.maximum(n - 1, 1))
    return table


def changes(items: pd.DataFrame, before: str, after: str) -> pd.DataFrame:
    """Paired change from one checkpoint (label) to another, one row per task and metric.

    delta: change of accuracy on the shared items, with its paired standard error; gained, lost: items that
    became right, wrong; p: exact McNemar. Raises UserError where the two share no items.
    """
    import pandas as pd

    rows = list(_changes(items, before, after))
    if not rows:
        raise UserError(f"{before} and {after} were measured on no common items; run the same tasks for both")
    return pd.DataFrame(rows)


def _changes(items: pd.DataFrame, before: str, after: str) -> Iterator[dict[str, Any]]:
    from analysis.inference.exact_tests import mcnemar

    two = items[items["checkpoint"].isin([before, after]) & items["correct"].notna()]
    for (task, metric), part in two.groupby(["task", "metric"], sort=True):
        wide = part.pivot_table(index="item", columns="checkpoint", values="correct", aggfunc="first")
        if not {before, after} <= set(wide.columns):
            continue
        both = wide[[before, after]].dropna().astype(bool)
        if both.empty:
            continue
        difference = both[after].astype(int) - both[before].astype(int)
        gained, lost = int((difference > 0).sum()), int((difference < 0).sum())
        spread = float(difference.std(ddof=1)) if len(both) > 1 else 0.0
        yield {
            "task": task,
            "metric": metric,
            "items": len(both),
            "before": float(both[before].mean()),
            "after": float(both[after].mean()),
            "delta": float(difference.mean()),
            "stderr": spread / len(both) ** 0.5,
            "gained": gained,
            "lost": lost,
            "p": mcnemar(gained, lost),
        }
