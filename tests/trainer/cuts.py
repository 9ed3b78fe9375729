"""Cutting a run where a kill may come, and reading every byte that it left."""

from pathlib import Path

from trainer.files import Rows, read_rows


class Killed(BaseException):
    """Stands for a kill at a chosen step."""


def contents(run: Path) -> dict[str, object]:
    """Every byte of a run, with the one field that is a measurement of time left out of the metrics."""
    found: dict[str, object] = {}
    for path in sorted(p for p in run.rglob("*") if p.is_file()):
        name = str(path.relative_to(run))
        found[name] = path.read_bytes()
        if path.name == "metrics.jsonl":
            found[name] = [{k: v for k, v in row.items() if k != "seconds"} for row in read_rows(path)]
    return found


def cut_after(monkeypatch, rows: int):
    """Raise in place of adding row number `rows` + 1."""
    original = Rows.add
    seen = {"rows": 0}

    def add(self, row):
        if seen["rows"] == rows:
            raise Killed
        seen["rows"] += 1
        original(self, row)

    monkeypatch.setattr(Rows, "add", add)
