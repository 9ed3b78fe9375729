"""The sample store: what was asked, what was answered, how it was graded.

STORE/store.json      format and version
STORE/cells/          one JSON a cell: everything that decided its samples, and its label
STORE/problems/       id, question, answer
STORE/samples/CELL/   one row a sample (schema: `evals.store.schema.SAMPLES`)
STORE/grades/CELL/    one row a sample and grader version (`evals.store.schema.GRADES`)
STORE/pending/        shards of runs that have not ended; merged by the next command

pandas.read_parquet("STORE/samples")          duckdb: SELECT * FROM 'STORE/samples/*/*.parquet'
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from evals.core.bounds import finite, loads, read_small
from evals.core.errors import UserError
from evals.core.files import write_json
from evals.core.locks import claim, shared
from evals.records import Problem
from evals.store.blocks import Table
from evals.store.schema import GRADES, PROBLEMS, SAMPLES, STORE_VERSION

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "excursions sample store"


class SampleStore:
    """A folder of samples and grades. Opening creates nothing; the first write does.

    Raises UserError where the folder is something else, or written by a newer version.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._check()

    def __str__(self) -> str:
        return str(self.path)

    @property
    def sample_table(self) -> Table:
        """The samples on disk, in one group a cell."""
        return Table(self.path, "samples", SAMPLES, ("problem", "index"), ("text",))

    @property
    def problem_table(self) -> Table:
        """The problems on disk, in one group of no name."""
        return Table(self.path, "problems", PROBLEMS, ("key",))

    @property
    def grade_table(self) -> Table:
        """The grades on disk, in one group a cell and grader version (see `grade_group`)."""
        return Table(self.path, "grades", GRADES, ("problem", "index"), ("correct",))

    def _check(self) -> None:
        file = self.path / "store.json"
        for folder, inside, _ in os.walk(self.path):  # a store of a stranger leads nowhere else
            if links := [name for name in inside if os.path.islink(os.path.join(folder, name))]:
                raise UserError(f"{folder}/{links[0]} is a symbolic link, which no store has; remove it")
        if not file.is_file():
            if self.path.exists() and not self.path.is_dir():
                raise UserError(f"{self.path} is a file, not a store of samples; give a folder")
            if self.path.is_dir() and any(not p.name.startswith(".") for p in self.path.iterdir()):
                raise UserError(
                    f"{self.path} is no store of samples (it has no store.json); give another folder"
                )
            return
        try:
            found = json.loads(file.read_text("utf-8"))
            version = int(found["version"])
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise UserError(f"{file} is damaged; restore it, or give another folder") from error
        if version > STORE_VERSION:
            raise UserError(
                f"store {self.path} has format {version} and this program reads up to {STORE_VERSION}; "
                "use the newer version of the program that wrote it"
            )

    @contextmanager
    def writing(self, cell: str | None = None, shard: tuple[int, int] = (0, 1)) -> Iterator[None]:
        """Write the store; with a cell, as the only run that samples this shard (i, N) of it."""
        with shared(self.path):
            if not (self.path / "store.json").is_file():
                write_json(self.path / "store.json", {"format": FORMAT, "version": STORE_VERSION})
            if cell is None:
                yield
            else:
                with claim(self.path, cell, shard):
                    yield

    def add(self, rows: Iterable[Mapping[str, Any]] | pa.Table) -> None:
        """Append samples (rows of `evals.store.schema.SAMPLES`; what is absent is null), durable on return.

        One call makes one shard: give a few thousand rows at a time. A sample that is there already is
        not stored twice.
        """
        table = rows if isinstance(rows, pa.Table) else _table(list(rows), SAMPLES)
        with self.writing():
            for cell in table["cell"].unique().to_pylist():
                mine = table.filter(pa.compute.equal(table["cell"], cell))
                self.sample_table.add(cell, mine)

    def add_cell(self, cell: str, info: Mapping[str, Any]) -> None:
        """Describe a cell: `checkpoint` (its label) and what decided its samples (`evals.sampling.cell`).

        A cell that is there keeps its label; a new one is numbered after those there (`begun`).
        """
        cells = self.cells()
        known = cells.get(cell)
        if known is None:
            kept = {"begun": 1 + max(map(begun, cells.values()), default=0)}
        else:
            kept = {name: known[name] for name in ("checkpoint", "begun") if name in known}
        if known != (described := dict(info) | kept):
            with self.writing():
                write_json(self.path / "cells" / f"{cell}.json", described)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Add the problems that are not there yet, by id."""
        known = set(self.problem_table.read("", ["key"])["key"].to_pylist())
        fresh = {p.id: p for p in problems if p.id not in known}
        rows = [
            {
                "key": p.id,
                "question": p.question,
                "answer": p.answer,
                "solutions": list(p.solutions),
                "meta": json.dumps(dict(p.meta), sort_keys=True, default=str),
            }
            for p in fresh.values()
        ]
        with self.writing():
            self.problem_table.add("", _table(rows, PROBLEMS))

    def compact(self, cells: Sequence[str] | None = None) -> None:
        """Merge what is pending; afterwards the files depend only on what the store holds."""
        chosen = list(self.cells() if cells is None else cells)
        tables = [(self.problem_table, ""), *((self.sample_table, cell) for cell in chosen)]
        if any(table.pending(group) for table, group in tables):
            with self.writing():
                for table, group in tables:
                    table.compact(group)

    def cells(self) -> dict[str, dict[str, Any]]:
        """What is known of each cell, by its hash."""
        files = sorted((self.path / "cells").glob("*.json"))
        return {f.stem: _described(f) for f in files}

    def cell(self, cell: str) -> dict[str, Any]:
        """What is known of one cell; UserError where the store does not have it."""
        file = self.path / "cells" / f"{cell}.json"
        if not file.is_file():
            raise UserError(f"store {self.path} has no cell {cell}; `evals report {self.path}` lists them")
        return _described(file)

    def samples(
        self,
        cells: Sequence[str],
        columns: Sequence[str] | None = None,
        problems: Iterable[str] | None = None,
    ) -> pd.DataFrame:
        """Samples of these cells, ordered by cell, problem and index. problems: only of these ids."""
        wanted = None if problems is None else set(problems)
        names = list(SAMPLES.names if columns is None else columns)
        both = list(dict.fromkeys([*names, "problem", "index"]))
        tables = [self.sample_table.read(cell, both, wanted) for cell in cells]
        ordered = [t.sort_by([("problem", "ascending"), ("index", "ascending")]) for t in tables]
        return _frame(ordered, SAMPLES).loc[:, names]

    def grades(
        self, cells: Sequence[str], columns: Sequence[str] | None = None, version: str | None = None
    ) -> pd.DataFrame:
        """Grades of these cells by one version of the verifier (default: the one installed), one a sample."""
        names = list(GRADES.names if columns is None else columns)
        return _frame([self.grade_table.read(grade_group(c, version), names) for c in cells], GRADES)

    def problems(self) -> dict[str, Problem]:
        """The problems, by id."""
        rows = self.problem_table.read("").to_pylist()
        return {
            r["key"]: Problem(
                r["key"], r["question"], r["answer"], tuple(r["solutions"]), json.loads(r["meta"])
            )
            for r in rows
        }


def begun(info: Mapping[str, Any]) -> int:
    """The number of a cell in the order in which a store's cells were begun; 0 where that is not known."""
    number = info.get("begun")
    return number if isinstance(number, int) and not isinstance(number, bool) and number > 0 else 0


def _described(file: Path) -> dict[str, Any]:
    """What a cell's JSON says; UserError where it is damaged."""
    try:
        found = loads(read_small(file))
        if isinstance(found, dict) and isinstance(found.get("checkpoint"), str) and finite(found):
            return found
    except (ValueError, OSError):
        pass
    raise UserError(f"{file} is damaged: it describes no cell; restore it, or remove the cell")


def grade_group(cell: str, version: str | None = None) -> str:
    """Where the grades of a cell by one version of the verifier stand."""
    if version is None:
        from evals.verify import VERSION

        version = str(VERSION)
    return f"{cell}/verify-{version}"


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows as a table; text that is not valid Unicode (lone surrogates) is replaced, never refused."""
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in rows]
        try:
            columns.append(pa.array(values, field.type))
        except UnicodeEncodeError:
            columns.append(pa.array([_clean(v) for v in values], field.type))
    return pa.table(columns, schema=schema)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return [_clean(v) for v in value] if isinstance(value, list | tuple) else value


def _frame(tables: Sequence[pa.Table], schema: pa.Schema) -> pd.DataFrame:
    if not tables:
        return schema.empty_table().to_pandas()
    return pa.concat_tables(tables).to_pandas()
