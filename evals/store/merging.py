"""Sorted sources as one sorted stream, a few thousand rows in memory beside what is fresh."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Join = Callable[[Sequence[pa.Table]], pa.Table]


class InMemory:
    """A sorted table."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column."""
        return self.table[name]

    def rows(self, start: int, end: int) -> pa.Table:
        """Rows start to end."""
        return self.table.slice(start, end - start)


class OnDisk:
    """A sorted parquet file, read forward one row group at a time."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.file, self.schema = pq.ParquetFile(path, pre_buffer=False), schema
        self._groups = iter(range(self.file.num_row_groups))
        self._at, self._left = 0, schema.empty_table()  # rows given out, and read but not given out

    def column(self, name: str) -> pa.ChunkedArray:
        """A whole column."""
        return self.file.read([name])[name].cast(self.schema.field(name).type)

    def rows(self, start: int, end: int) -> pa.Table:
        """Rows start to end, which begin where the last ones ended."""
        assert start == self._at
        parts = [self._left]
        while self._at + sum(map(len, parts)) < end:
            parts.append(self.file.read_row_group(next(self._groups)).cast(self.schema))
        whole = pa.concat_tables(parts)
        self._at, self._left = end, whole.slice(end - start)
        return whole.slice(0, end - start)


def merged(sources: Sequence[InMemory | OnDisk], by: str, join: Join, size: int) -> Iterator[pa.Table]:
    """Tables of `size` rows (the last one fewer): the sources joined range by range of the column `by`.

    sources: each sorted by `by`, one at least with rows. join: makes one sorted table of rows from several
    sources, of which those with one value of `by` always come together.
    """
    ranks = _ranks([s.column(by) for s in sources])
    totals = np.cumsum(np.bincount(np.concatenate(ranks)))
    last = np.unique(np.searchsorted(totals, np.arange(size, totals[-1] + size, size).clip(max=totals[-1])))
    cuts = [np.searchsorted(rank, last, side="right") for rank in ranks]
    held: list[pa.Table] = []
    for ends, starts in zip(np.transpose(cuts), np.transpose([[0, *c[:-1]] for c in cuts]), strict=True):
        spans = zip(sources, starts.tolist(), ends.tolist(), strict=True)
        whole = pa.concat_tables([*held, join([s.rows(a, b) for s, a, b in spans if b > a])])
        full = whole.num_rows // size * size
        yield from (whole.slice(i, size).combine_chunks() for i in range(0, full, size))
        held = [whole.slice(full)]
    if held[0].num_rows:
        yield held[0].combine_chunks()


def _ranks(columns: Sequence[pa.ChunkedArray]) -> list[np.ndarray]:
    """For each column, the rank of its values among those of all columns."""
    whole = pa.chunked_array([c for column in columns for c in column.chunks])
    encoded = whole.dictionary_encode().unify_dictionaries().combine_chunks()
    place = np.argsort(pa.compute.array_sort_indices(encoded.dictionary).to_numpy())
    rank = place[encoded.indices.to_numpy()]
    return np.split(rank, np.cumsum([len(c) for c in columns])[:-1])
