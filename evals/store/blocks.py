"""One table of a store on disk: parquet shards that depend only on the rows they hold.

Rows arrive in any order as pending shards (named by the hash of their keys) and are merged into blocks.
A block's place follows from its rows alone (a hash of the problem, and the index), and within
it rows are sorted: once merged, a table's bytes say nothing of chunks, processes, kills or restarts.
Rows are never changed or removed; a block is replaced only by one that holds more rows.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evals.core.errors import UserError
from evals.core.files import replacing, sync_folder
from evals.core.keys import content_hash
from evals.core.locks import exclusive, shared
from evals.store.merging import InMemory, OnDisk, merged
from evals.store.scanning import scan, with_dictionaries
from evals.store.schema import NAMES

BUCKETS = 16  # problems are spread over this many blocks
DEPTH, DEEPEST = 32, 128  # samples of one problem in the first block, and in later ones
ROW_GROUP = 4096
OPEN, ROOM = 256, 1 << 29  # pending shards merged at a time: as many, of as many bytes
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a store. name: its folder.

    order: columns that rows of a block are sorted by; together they name one row. same: columns that
    must agree where a key comes twice.
    """

    root: Path
    name: str
    schema: pa.Schema
    order: tuple[str, ...]
    same: tuple[str, ...] = ()

    def folder(self, group: str) -> Path:
        """Where the blocks of a group (a cell) stand."""
        return self.root / self.name / group

    def pending(self, group: str) -> list[Path]:
        """Shards not yet merged."""
        return sorted((self.root / "pending" / self.name / group).glob("*.parquet"))

    def blocks(self, group: str) -> list[Path]:
        """Merged blocks, in order."""
        return sorted(self.folder(group).glob("*.parquet"))

    def add(self, group: str, rows: pa.Table) -> None:
        """Append rows as one pending shard, durable on return. The same rows twice are one shard."""
        if not rows.num_rows:
            return
        codes = _codes(rows, self.order)
        rows = rows.append_column("block", pa.array(codes)).sort_by(
            [(c, "ascending") for c in ("block", *self.order)]
        )
        codes = rows["block"].to_numpy()
        rows = rows.drop_columns(["block"]).combine_chunks()
        ends = [*np.flatnonzero(np.diff(codes)) + 1, len(codes)]
        pieces = [rows.slice(start, end - start) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        present = [int(codes[end - 1]) for end in ends]
        schema = self.schema.with_metadata({"blocks": json.dumps(present)})
        name = content_hash(rows["key"].to_pylist())
        with shared(self.root):
            path = self.root / "pending" / self.name / group / f"{name}.parquet"
            with replacing(path) as stream:
                _write(stream, pieces, schema, compression="lz4")  # soon read again: fast before small

    def put(self, group: str, block: str, rows: pa.Table) -> None:
        """Write a whole block, in place of what it held (see `evals.core.files.replacing`)."""
        ordered = rows.sort_by([(c, "ascending") for c in self.order]).combine_chunks()
        pieces = (ordered.slice(i, ROW_GROUP) for i in range(0, ordered.num_rows, ROW_GROUP))
        with replacing(self._path(group, block)) as stream:
            _write(stream, pieces, self.schema)

    def _path(self, group: str, block: str) -> Path:
        return self.folder(group) / f"{block}.parquet"

    def compact(self, group: str) -> None:
        """Merge pending shards into blocks, a part of one block in memory at a time."""
        if not self.pending(group):
            return
        with shared(self.root), exclusive(self.root, f"{self.name}-{group}"), self.naming_damage(group):
            while shards := _some(self.pending(group)):
                self._merge_in(group, shards)
                sync_folder(self.folder(group))  # before what was merged is removed
                for path in shards:
                    path.unlink()
                sync_folder(shards[0].parent)

    def _merge_in(self, group: str, shards: Sequence[Path]) -> None:
        with ExitStack() as stack:
            opened = [stack.enter_context(pq.ParquetFile(path, pre_buffer=False)) for path in shards]
            parts: dict[int, list[tuple[int, int]]] = {}
            for number, file in enumerate(opened):
                for piece, code in enumerate(json.loads(file.schema_arrow.metadata[b"blocks"])):
                    parts.setdefault(code, []).append((number, piece))
            for code in sorted(parts):
                fresh = (opened[number].read_row_group(piece) for number, piece in parts[code])
                block = f"{code // BUCKETS:05d}-{code % BUCKETS:x}"
                self._grow(self._path(group, block), [t.cast(self.schema) for t in fresh])
                pa.default_memory_pool().release_unused()  # which it keeps otherwise, block after block

    def _grow(self, path: Path, fresh: Sequence[pa.Table]) -> None:
        """Replace a block by one with these sorted rows too, if it lacks some."""
        old = [OnDisk(path, self.schema)] if path.is_file() else []
        with suppress(_NothingNew), replacing(path, sync_rename=False) as stream:
            pieces = merged([*old, *map(InMemory, fresh)], self.order[0], self._merge, ROW_GROUP)
            rows = _write(stream, pieces, self.schema)
            if old and rows == old[0].file.metadata.num_rows:
                raise _NothingNew

    def _merge(self, tables: Sequence[pa.Table]) -> pa.Table:
        """Tables as one without repeated keys; UserError where two rows claim one place."""
        whole = pa.concat_tables(tables).sort_by([(c, "ascending") for c in (*self.order, "key")])
        repeated = np.ones(whole.num_rows, dtype=bool)
        repeated[:1] = False
        for column in self.order:
            values = whole[column].combine_chunks()
            repeated[1:] &= pc.equal(values[1:], values[:-1]).to_numpy(zero_copy_only=False)
        if not repeated.any():
            return whole
        at = np.flatnonzero(repeated)
        for column in ("key", *self.same):
            values = whole[column].combine_chunks()
            equal = pc.equal(values.take(pa.array(at)), values.take(pa.array(at - 1)))
            equal = equal.fill_null(True).to_numpy(zero_copy_only=False)
            if not equal.all():
                row = whole.select(list(self.order)).slice(int(at[np.argmin(equal)]), 1).to_pylist()[0]
                place = ", ".join(f"{k} {v}" for k, v in row.items())
                raise UserError(
                    f"{self.root} holds two different {self.name} for {place}; remove the wrong file below "
                    f"{self.root}/pending/{self.name} or {self.root}/{self.name} and start again"
                )
        return whole.filter(pa.array(~repeated))

    def read(
        self,
        group: str,
        columns: Iterable[str] | None = None,
        problems: Iterable[str] | None = None,
        *,
        encoded: bool = False,
    ) -> pa.Table:
        """Rows of a group, merged and pending, each key once. problems: only of these.

        encoded: columns of few distinct values (NAMES) as dictionaries, one dictionary for all rows, which
        is several times faster than their text.
        """
        names = self.schema.names if columns is None else list(columns)
        chosen = (
            None
            if problems is None
            else pc.field(self.order[0]).isin(pa.array(sorted(set(problems)), pa.string()))
        )
        with self.naming_damage(group):
            found = _retried(lambda: self._read_now(group, names, chosen, encoded))
        return with_dictionaries(found) if encoded else found

    @contextmanager
    def naming_damage(self, group: str) -> Iterator[None]:
        """What pyarrow says of a damaged file, as a sentence that names the file."""
        try:
            yield
        except (pa.ArrowInvalid, pa.ArrowTypeError, OSError) as error:
            if getattr(error, "errno", None):  # the system's (disk full, no permission), not a damaged file
                raise
            for path in (*self.pending(group), *self.blocks(group)):
                try:
                    pq.ParquetFile(path).read(self.schema.names)
                except FileNotFoundError:
                    continue
                except (pa.ArrowException, OSError) as found:
                    raise UserError(
                        f"{path} is damaged ({str(found).splitlines()[0][:80]}); remove it and start again"
                    ) from error
            raise

    def _read_now(
        self, group: str, names: list[str], chosen: pc.Expression | None, encoded: bool
    ) -> pa.Table:
        def scanned(paths: list[Path], columns: list[str], few: Sequence[str] = ()) -> pa.Table:
            return scan(paths, self.schema, columns, chosen, few)

        shards = self.pending(group)  # first: what is merged meanwhile is then seen twice, never missed
        if not shards:
            few = [n for n in names if n in NAMES] if encoded else []
            return scanned(self.blocks(group), names, few)
        both = list(dict.fromkeys([*names, *self.order, "key", *self.same]))
        fresh = scanned(shards, both)
        return self._merge([scanned(self.blocks(group), both), fresh]).select(names)

    def sizes(self, group: str) -> dict[str, int]:
        """Rows of each merged block, by file name, from the files' footers."""
        with self.naming_damage(group):
            return _retried(lambda: {p.name: pq.read_metadata(p).num_rows for p in self.blocks(group)})

    def count(self, group: str) -> int:
        """Number of rows."""
        if self.pending(group):
            return int(self.read(group, ["key"]).num_rows)
        return sum(self.sizes(group).values())


def _codes(rows: pa.Table, order: tuple[str, ...]) -> np.ndarray:
    """(rows,) number of the block of each row: by its index, then by the bucket of the problem."""
    encoded = rows[order[0]].combine_chunks().dictionary_encode()
    buckets = np.array([bucket(p) for p in encoded.dictionary.to_pylist()], dtype=np.int64)
    code = buckets[encoded.indices.to_numpy()]
    if len(order) > 1:
        code = code + _depths(rows[order[1]].to_numpy()) * BUCKETS
    return code


def _depths(index: np.ndarray) -> np.ndarray:
    """Indices in blocks of 32, 32, 64, then 128 at a time: few files at any n."""
    starts = np.array([0, DEPTH, 2 * DEPTH])
    first = np.searchsorted(starts, index, side="right") - 1
    return np.where(index < DEEPEST, first, len(starts) - 1 + index.astype(np.int64) // DEEPEST)


def bucket(problem: str) -> int:
    """The bucket of a problem: a checksum of its id."""
    return zlib.crc32(problem.encode("utf-8", "surrogatepass")) % BUCKETS


class _NothingNew(Exception):
    """A block has all the rows that it was given."""


def _some(shards: Sequence[Path]) -> list[Path]:
    """The first shards, as many as fit in memory."""
    total = 0
    found: list[Path] = []
    for path in shards[:OPEN]:
        footer = pq.read_metadata(path)
        total += sum(footer.row_group(i).total_byte_size for i in range(footer.num_row_groups))
        if found and total > ROOM:
            break
        found.append(path)
    return found


def _write(
    stream: IO[bytes], pieces: Iterable[pa.Table], schema: pa.Schema, compression: str = "zstd"
) -> int:
    """Write a parquet file, one row group a piece; returns the number of rows."""
    rows = 0
    encoded = [name for name in schema.names if name in NAMES]
    with pq.ParquetWriter(
        stream,
        schema,
        compression=compression,
        use_dictionary=encoded,
        write_statistics=[n for n in schema.names if n in ("problem", "index")],
    ) as writer:
        for piece in pieces:
            writer.write_table(piece.replace_schema_metadata(schema.metadata), row_group_size=len(piece))
            rows += len(piece)
    return rows


def _retried(read: Callable[[], T]) -> T:
    """Read again where another process merged the files away meanwhile."""
    for _ in range(20):
        try:
            return read()
        except FileNotFoundError:
            continue
    return read()
