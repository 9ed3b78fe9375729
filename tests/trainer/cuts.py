"""Cutting a run where a kill may come, and reading every byte that it left."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from trainer.run.files import Rows, read_rows

TIMES = ("seconds", "tokens_per_second")
CHANGES = ("replace", "unlink", "rmdir")  # ways in which a run changes the disk, beside its rows


def contents(run: Path) -> dict[str, object]:
    """Every byte of a run, with the one field that is a measurement of time left out of the metrics."""
    found: dict[str, object] = {}
    for path in sorted(p for p in run.rglob("*") if p.is_file() and p.parent.name != "state"):
        name = str(path.relative_to(run))
        found[name] = path.read_bytes()
        if path.name == "metrics.jsonl":
            found[name] = [{k: v for k, v in row.items() if k not in TIMES} for row in read_rows(path)]
    return found


@contextmanager
def before_changes(then: Callable[[], None]) -> Iterator[None]:
    """Call `then` before every change of the disk, and where half of a row of metrics has been written."""
    whole = Rows.add

    def wrapped(original):
        def change(*args, **kwargs):
            then()
            return original(*args, **kwargs)

        return change

    def add(rows, row):
        then()
        size = rows.path.stat().st_size
        with rows.path.open("a") as stream:
            stream.write('{"step": 1, "lo')
        then()
        os.truncate(rows.path, size)
        whole(rows, row)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rows, "add", add)
        for name in CHANGES:
            patch.setattr(os, name, wrapped(getattr(os, name)))
        yield
