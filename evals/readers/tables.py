"""Rows of parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.core import bounds
from evals.core.errors import UserError


def columns(path: Path) -> list[str]:
    """Names of the columns of a parquet file. Raises UserError where it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"samples {path} are not a readable parquet file; write it again") from error


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a parquet file, a few in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in bounds.batches(file, path.stat().st_size, 64):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path} row {number}", row
    except bounds.Bound as error:
        raise UserError(f"{path} is not read after row {number}: {error}; write it again") from error
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read after row {number}; write it again") from error
