"""Rows of local data files, one at a time, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.core import bounds
from evals.core.errors import UserError

PACKED = (".jsonl.gz", ".ndjson.gz", ".json.gz", ".csv.gz")
SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet", ".csv", *PACKED)

Placed = tuple[str, dict[str, Any]]  # ("file line 3", row)


def read_rows(path: Path) -> Iterator[Placed]:
    """Rows of a file whose name ends in one of SUFFIXES; UserError with file and line where one is bad."""
    if not path.is_file():
        raise UserError(f"problem file {path} does not exist; check the path")
    readers = {".json": _json, ".parquet": _parquet, ".csv": _csv}
    if not path.name.endswith(SUFFIXES):
        raise UserError(f"{path} is of no known kind; give one of {', '.join(SUFFIXES)}")
    try:
        yield from readers.get(Path(path.name.removesuffix(".gz")).suffix, _jsonl)(path)
    except OSError as error:
        raise UserError(f"problem file {path} cannot be read ({error.strerror}); check the path") from error
    except bounds.Bound as error:
        raise UserError(f"{path} has {error}, more than is read; split it") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not text in UTF-8 (byte {error.start}); convert it first") from error


def _jsonl(path: Path) -> Iterator[Placed]:
    with bounds.opened(path) as stream:
        for number, raw in enumerate(bounds.lines(stream), 1):
            line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
            if line.strip():
                yield f"{path} line {number}", _object(line, f"{path} line {number}")


def _object(text: str, where: str) -> dict[str, Any]:
    try:
        row = bounds.loads(text)
    except ValueError as error:
        raise UserError(f"{where} is not JSON ({str(error).splitlines()[0]}); fix or remove it") from error
    if not isinstance(row, dict):
        raise UserError(f"{where} is not a JSON object but {type(row).__name__}; give one object a row")
    return row


def _json(path: Path) -> Iterator[Placed]:
    """An array of objects; a .json file with one object a line is read as such."""
    with bounds.opened(path) as stream:
        text = stream.read().decode("utf-8-sig")
    if not text.lstrip().startswith("["):
        yield from _jsonl(path)
        return
    try:
        rows = bounds.loads(text)
    except ValueError as error:
        raise UserError(f"{path} is not JSON ({str(error).splitlines()[0]}); fix it") from error
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise UserError(f"{path} row {number} is not a JSON object; give an array of objects")
        yield f"{path} row {number}", row


def _parquet(path: Path) -> Iterator[Placed]:
    return bounds.parquet_rows(path, 1024)


def _csv(path: Path) -> Iterator[Placed]:
    for line, row in bounds.csv_rows(path):
        yield f"{path} line {line}", row
