"""A run's folder: its resolved configuration, its marker of completion, its progress on the console."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from evals.errors import UserError
from trainer.config import resolved_json
from trainer.files import sweep, write_file


def claim(out: Path, config: BaseModel, extra: dict[str, Any] | None = None) -> None:
    """Take `out` for this configuration; one that holds another is refused by its first difference."""
    text = json.dumps(json.loads(resolved_json(config)) | (extra or {}), indent=1, sort_keys=True) + "\n"
    path = out / "resolved.json"
    if path.is_file():
        old, new = (flat(json.loads(t)) for t in (path.read_text("utf-8"), text))
        if different := [k for k in sorted({*old, *new}) if old.get(k) != new.get(k)]:
            key = different[0]
            raise UserError(
                f"{out} holds a run of another configuration ({key} is {old.get(key)!r} there, "
                f"{new.get(key)!r} here); choose another --out or remove the folder"
            )
        sweep(out)
    elif out.exists() and any(out.iterdir()):
        raise UserError(f"{out} is not empty and holds no run; choose another --out")
    else:
        write_file(path, text)


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as dotted keys."""
    out: dict[str, Any] = {}
    for key, value in values.items():
        out |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return out


def finish(out: Path) -> None:
    """Mark a run as complete: the last thing written."""
    write_file(out / "DONE", "")


def finished(out: Path) -> bool:
    """Whether a run is complete."""
    return (out / "DONE").is_file()


class Progress:
    """One line per step: what, how far, how long to go."""

    def __init__(self, label: str, first: int, total: int, *, quiet: bool) -> None:
        self.label, self.first, self.total, self.quiet = label, first, total, quiet
        self.began = self.shown = time.monotonic()
        self.live = sys.stderr.isatty()

    def show(self, step: int, text: str) -> None:
        """Report a finished step. Without a terminal: at most one line in ten seconds."""
        now = time.monotonic()
        if self.quiet or (not self.live and now - self.shown < 10 and step != self.total):
            return
        self.shown = now
        left = (now - self.began) / (step - self.first) * (self.total - step)
        line = f"{self.label}  step {step}/{self.total}  {text}  {int(left) // 60}:{int(left) % 60:02d} to go"
        if self.live:
            sys.stderr.write("\r\x1b[2K" + line + ("\n" if step == self.total else ""))
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()
