"""One way for commands to take a store or files of samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evals.core.errors import UserError
from evals.store.store import SampleStore


def all_cells(store: SampleStore) -> list[str]:
    """The cells of a store, ordered by label; UserError where it has none."""
    cells = store.cells()
    if not cells:
        raise UserError(f"{store.path} holds no samples; run evals sample or evals import first")
    return sorted(cells, key=lambda cell: (str(cells[cell]["checkpoint"]), cell))


@contextmanager
def opened(
    what: Sequence[Path], store: Path | None, *, skip_bad: bool = False
) -> Iterator[tuple[SampleStore, list[str]]]:
    """(store, cells) of one store folder, or of files imported into `store` or into a passing one."""
    stores = [path for path in what if (path / "store.json").is_file()]
    if stores and (len(what) > 1 or store is not None):
        raise UserError(f"{stores[0]} is a store; give one store alone, or files")
    if stores:
        found = SampleStore(stores[0])
        yield found, all_cells(found)
        return
    from evals.readers import import_samples

    with tempfile.TemporaryDirectory(prefix="evals-") as folder:
        target = SampleStore(Path(folder) / "store" if store is None else store)
        yield target, list(dict.fromkeys(import_samples(what, target, skip_bad=skip_bad)))
