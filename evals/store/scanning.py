"""Parquet files of one schema as one table, columns of few distinct values as dictionaries where wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from evals.store.schema import NAMES


def scan(
    paths: Sequence[Path],
    schema: pa.Schema,
    columns: Sequence[str],
    chosen: pc.Expression | None = None,
    few: Sequence[str] = (),
) -> pa.Table:
    """These columns of all files, one after the other; rows that `chosen` leaves. few: columns that are read
    as dictionaries, one for every chunk."""
    import pyarrow.dataset as ds

    if not paths:
        return schema.empty_table().select(list(columns))
    fields = [f.with_type(pa.dictionary(pa.int32(), f.type)) if f.name in few else f for f in schema]
    how = ds.ParquetFileFormat(dictionary_columns=list(few))
    found = ds.dataset([str(p) for p in paths], schema=pa.schema(fields), format=how)
    return found.to_table(columns=list(columns), filter=chosen)


def with_dictionaries(rows: pa.Table) -> pa.Table:
    """Columns of few distinct values (NAMES) as dictionaries, each with one for all its chunks."""
    for place, name in enumerate(rows.column_names):
        if name in NAMES:
            column = rows[name]
            if not pa.types.is_dictionary(column.type):
                column = column.dictionary_encode()
            rows = rows.set_column(place, name, column.unify_dictionaries())
    return rows
