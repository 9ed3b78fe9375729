"""One way for commands to take a store or files of samples."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from evals.errors import UserError
from evals.store.store import SampleStore


@contextmanager
def opened(what: Sequence[Path], store: Path | None) -> Iterator[tuple[SampleStore, list[str]]]:
    """(store, cells) of one store folder, or of files imported into `store` or into a passing one."""
    if len(what) == 1 and (what[0] / "store.json").is_file():
        found = SampleStore(what[0])
        if not (cells := sorted(found.cells())):
            raise UserError(f"store {what[0]} holds no samples; run evals sample or evals import first")
        yield found, cells
        return
    for path in what:
        if not path.exists():
            raise UserError(f"{path} does not exist; give a store folder or a file of samples")
        if path.is_dir() and (path / "store.json").is_file():
            raise UserError(f"{path} is a store; give one store, or files")
    from evals.readers import import_samples

    if store is not None:
        target = SampleStore(store)
        yield target, list(dict.fromkeys(import_samples(what, target)))
        return
    with tempfile.TemporaryDirectory(prefix="evals-") as folder:
        target = SampleStore(Path(folder) / "store")
        yield target, list(dict.fromkeys(import_samples(what, target)))
