"""One way for commands to take a store or files of samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evals.core.errors import UserError
from evals.readers.importing import import_samples
from evals.store import SampleStore, all_cells


def stored(what: Sequence[Path], store: Path, *, skip_bad: bool = False) -> tuple[SampleStore, list[str]]:
    """(store, cells) of one store folder, or of files imported into `store`."""
    stores = [path for path in what if (path / "store.json").is_file()]
    if stores and len(what) > 1:
        raise UserError(f"{stores[0]} is a store; give one store alone, or files")
    if stores:
        found = SampleStore(stores[0])
        return found, all_cells(found)
    target = SampleStore(store)
    return target, list(dict.fromkeys(import_samples(what, target, skip_bad=skip_bad)))


@contextmanager
def opened(
    what: Sequence[Path], store: Path | None, *, skip_bad: bool = False
) -> Iterator[tuple[SampleStore, list[str]]]:
    """(store, cells) of one store folder, or of files imported into `store` or into a passing one."""
    if store is not None and any((path / "store.json").is_file() for path in what):
        raise UserError(f"{what[0]} is a store already; leave --store out")
    with tempfile.TemporaryDirectory(prefix="evals-") as folder:
        yield stored(what, Path(folder) / "store" if store is None else store, skip_bad=skip_bad)
