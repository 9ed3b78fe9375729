"""The formats that are read, with one example of each: what `evals formats` prints."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Known:
    """A format: its files, what a checkpoint is in it, and how one row looks."""

    name: str
    files: str
    checkpoint: str
    example: str


def formats() -> list[Known]:
    """All of them, as `catalogue.toml` of this package lists them."""
    text = (resources.files(__package__) / "catalogue.toml").read_text("utf-8")
    return [Known(**entry) for entry in tomllib.loads(text)["format"]]
