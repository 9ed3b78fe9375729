"""How much one file of a stranger may cost: every reader takes text, archives and tables through here.

Small files must not grow large: sizes are known before memory is taken, and a file over a bound is one
sentence (`Bound`, which readers turn into their own errors).
"""

from __future__ import annotations

import csv
import difflib
import gzip
import io
import json
import math
import tomllib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from evals.core.errors import UserError

ROW = 64 << 20  # bytes of one row, line or entry
VALUES = 6_000_000  # values in one JSON text, counted by their commas and openings
RATIO = 200  # bytes that one byte of a compressed file may become
FLOOR = 64 << 20  # bytes that any compressed file may become
BATCH = 256 << 20  # bytes of a table in memory at a time
BLANK = 1_000_000  # blank lines in one file
DEPTH = 60  # levels of nesting
SETTINGS = 1 << 20  # bytes of a file of settings


class Bound(ValueError):
    """A text or file is over a bound; the message says over which."""


def loads(text: str | bytes) -> Any:
    """JSON within bounds; ValueError where it is none, is over a bound, or says two things under one key."""
    marks: tuple[Any, ...] = (b",", b"[", b"{") if isinstance(text, bytes) else (",", "[", "{")
    if len(text) > VALUES and sum(text.count(mark) for mark in marks) > VALUES:
        raise Bound(f"more than {VALUES:,} values in one JSON text")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise Bound("nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        for key, value in pairs:
            if value != found[key]:
                raise Bound(f"the key {key[:40]!r} stands twice with different values")
    return found


def depth_of(value: Any) -> int:
    """Levels of lists and objects in a JSON value."""
    level, deepest = [value], 0
    while level:
        deepest += 1
        inner: list[Any] = []
        for one in level:
            inner.extend(one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())
        level = inner
    return deepest - 1


def finite(value: Any) -> bool:
    """Whether a JSON value holds no NaN, no infinity and no integer beyond 64 bits, at any depth."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict | list):
            stack.extend(one.values() if isinstance(one, dict) else one)
        elif isinstance(one, int):
            if abs(one) >= 1 << 63:
                return False
        elif isinstance(one, float) and not math.isfinite(one):
            return False
    return True


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines of a file, each at most ROW bytes; Bound where one is longer."""
    blank = 0
    while line := stream.readline(ROW + 1):
        if len(line) > ROW:
            raise Bound(f"a line of more than {ROW >> 20} MB")
        blank += len(line) < 3 and line.isspace()
        if blank > BLANK:
            raise Bound(f"more than {BLANK:,} blank lines")
        yield line


def check_expansion(compressed: int, expanded: int) -> None:
    """Bound where so many bytes would come out of so few."""
    if expanded > FLOOR and expanded > RATIO * max(compressed, 1):
        raise Bound(f"{compressed:,} bytes that expand to {expanded:,}")


class _Gunzipped(io.RawIOBase):
    """The bytes of a gzip file; Bound where it is damaged or expands too far."""

    def __init__(self, path: Path) -> None:
        self.size, self.total, self.file = path.stat().st_size, 0, gzip.open(path, "rb")  # noqa: SIM115

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self.file.read(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise Bound(f"damaged gzip data ({error})") from error
        self.total += len(data)
        check_expansion(self.size, self.total)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self.file.close()
        super().close()


def opened(path: Path) -> IO[bytes]:
    """A file open for reading; what a `.gz` holds, within bounds."""
    return io.BufferedReader(_Gunzipped(path)) if path.suffix == ".gz" else path.open("rb")


def csv_rows(path: Path, needed: Sequence[str] = ()) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a CSV file (or .csv.gz) in UTF-8 with their lines; names of columns without blanks around them.

    UserError where it is none, has two columns of one name or not those that are needed, and for a row with
    another number of fields than the header.
    """
    line = 1
    try:
        with opened(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)  # else a stray quote takes in the lines after it
            names = reader.fieldnames = [(name or "").strip() for name in reader.fieldnames or ()]
            if twice := [name for name in names if name and names.count(name) > 1]:
                raise UserError(f"{path} has two columns {twice[0]!r}; keep the one that is meant")
            if missing := [name for name in needed if name not in names]:
                raise UserError(
                    f"{path} has no column {missing[0]!r}; its first line must name {', '.join(needed)}, "
                    f"with commas between them, and is {','.join(names)[:120]!r}"
                )
            for row in reader:
                line = reader.line_num
                if None in row or None in row.values():
                    raise UserError(
                        f"{path} line {line}: it has not as many fields as the header; fix or remove the line"
                    )
                yield line, row
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); check the path") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not a CSV file in UTF-8 after line {line}; save it as one") from error
    except (csv.Error, Bound) as error:
        raise UserError(f"{path} is not a CSV file after line {line}: {error}; save it as one") from error


def batches(file: Any, size: int, rows: int) -> Iterator[Any]:
    """Record batches of an open parquet file of `size` bytes, at most `rows` rows each and few enough for
    memory; Bound where the file expands too far."""
    meta = file.metadata
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    chunks = [g.column(i).total_uncompressed_size for g in groups for i in range(g.num_columns)]
    check_expansion(size, sum(chunks))
    largest = max(chunks, default=1)  # a value, which many rows may repeat, is at most so large
    few = rows if size > FLOOR else max(1, min(rows, BATCH // max(largest, 1)))
    total = 0
    for packed in file.iter_batches(batch_size=few):
        batch = _decoded(packed)  # a value that many rows repeat counts as often
        total += batch.nbytes
        check_expansion(size, total)
        if batch.nbytes > 2 * BATCH:
            raise Bound(f"rows of {batch.nbytes >> 20} MB")
        yield batch


def parquet_rows(path: Path, most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a parquet file with their places, at most `most` in memory; UserError where it is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            names = file.schema_arrow.names
            if twice := [name for name in names if names.count(name) > 1]:
                raise UserError(f"{path} has two columns {twice[0]!r}; keep the one that is meant")
            for batch in batches(file, path.stat().st_size, most):
                for row in _widened(batch).to_pylist():
                    number += 1
                    yield f"{path} row {number}", row
    except Bound as error:
        raise UserError(f"{path} is not read after row {number}: {error}; write it again") from error
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path} is not a readable parquet file after row {number}; write it again"
        ) from error


def _decoded(batch: Any) -> Any:
    """A record batch without dictionaries."""
    columns = [c.dictionary_decode() if hasattr(c, "dictionary_decode") else c for c in batch.columns]
    return type(batch).from_arrays(columns, names=batch.schema.names)


def _widened(batch: Any) -> Any:
    """A record batch whose 32-bit floats are 64-bit ones of the same shortest text: 0.1 stays 0.1."""
    import pyarrow as pa

    columns = []
    for column in batch.columns:
        texts, doubles = _retyped(column.type, pa.string()), _retyped(column.type, pa.float64())
        columns.append(column if texts == column.type else column.cast(texts).cast(doubles))
    return type(batch).from_arrays(columns, names=batch.schema.names)


def _retyped(kind: Any, to: Any) -> Any:
    """A column's type with `to` where it has 32-bit floats, also within lists and structs."""
    import pyarrow as pa

    if pa.types.is_float32(kind):
        return to
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(_retyped(kind.value_type, to)))
    if pa.types.is_struct(kind):
        return pa.struct([one.with_type(_retyped(one.type, to)) for one in kind.fields])
    return kind


def read_small(path: Path, limit: int = ROW) -> bytes:
    """The bytes of a file that must be small; Bound where it is larger than `limit`."""
    with path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise Bound(f"more than {limit >> 20} MB")
    return data


def read_toml(path: Path, kind: str) -> dict[str, Any]:
    """A TOML file of the user's; UserError where it cannot be read, or its numbers are no 64-bit ones."""
    try:
        found = tomllib.loads(read_small(path, SETTINGS).decode("utf-8"))
    except OSError as error:
        raise UserError(f"{kind} {path} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        said = "nested too deep" if isinstance(error, RecursionError) else error
        raise UserError(f"{kind} {path} is not TOML ({said}); correct it") from error
    if depth_of(found) > DEPTH or not finite(found):
        raise UserError(f"{kind} {path} is nested too deep, or has a number beyond 64 bits; correct it")
    return found


def table_of(found: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    """A table of a TOML file, {} where it is not there; UserError where something else has its name."""
    inner = found.get(name, {})
    if not isinstance(inner, dict):
        raise UserError(f"{where}: {name} is no table; write [{name}] and its keys below")
    return dict(inner)


def check_fields(entry: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    """UserError for a field that is not known, with the nearest name."""
    for field in entry:
        if field not in known:
            near = difflib.get_close_matches(field, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"choose among {', '.join(known)}"
            raise UserError(f"{where} has no field {field!r}; {hint}")
