"""Rows of parquet files and of whole JSON files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.core import bounds
from evals.core.bounds import loads
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
    return bounds.parquet_rows(path, 64)


def json_rows(path: Path, name: str | None = None) -> Iterator[tuple[str, Any]]:
    """Rows of a JSON array, or of an object of numbered rows; name: where in the file they stand."""
    try:
        data = loads(path.read_bytes())
        listed = data if name is None else data[name]
        items = list(listed.items() if isinstance(listed, dict) else enumerate(listed, 1))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as rows; write it again") from error
    for number, row in items:
        yield f"{path} row {number}", row
