"""One way for commands to take a store or files of samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evals.core.errors import UserError
from evals.readers.importing import import_named
from evals.store import SampleStore, all_cells


def is_store(path: Path) -> bool:
    """Whether a folder is a store of samples."""
    return (path / "store.json").is_file()


def stored(
    what: Sequence[Path], store: Path, *, skip_bad: bool = False
) -> tuple[SampleStore, dict[str, str]]:
    """(store, {cell: label}) of one store folder, as begun, or of files imported into `store`, as given.

    Labels of files are theirs, also where `store` has the same samples under another one.
    """
    stores = [path for path in what if is_store(path)]
    if stores and len(what) > 1:
        raise UserError(f"{stores[0]} is a store; give one store alone, or files")
    if stores:
        found = SampleStore(stores[0])
        return found, {cell: str(found.cell(cell)["checkpoint"]) for cell in all_cells(found)}
    target = SampleStore(store)
    return target, import_named(what, target, skip_bad=skip_bad)


@contextmanager
def opened(
    what: Sequence[Path], store: Path | None, *, skip_bad: bool = False
) -> Iterator[tuple[SampleStore, dict[str, str]]]:
    """(store, {cell: label}) of one store folder, or of files imported into `store` or into a passing one."""
    if store is not None and any(map(is_store, what)):
        raise UserError(f"{what[0]} is a store already; leave --store out")
    with tempfile.TemporaryDirectory(prefix="evals-") as folder:
        yield stored(what, Path(folder) / "store" if store is None else store, skip_bad=skip_bad)
