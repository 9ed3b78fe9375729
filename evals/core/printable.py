"""What is printed of texts by strangers: names, labels and errors never steer a terminal."""

from __future__ import annotations

import os
import sys

import typer

KEPT = "\n\t"


def printable(text: object) -> str:
    """Text without control characters, marks that turn its direction, and lone surrogates."""
    said = str(text)
    return said if said.isprintable() else "".join(c if c.isprintable() or c in KEPT else " " for c in said)


def say(text: object, err: bool = False) -> None:
    """Print a line for the user; every command prints through this."""
    typer.echo(printable(text), err=err)


def take_any_text() -> None:
    """Standard output and error that are closed swallow what is written; characters that their encoding
    lacks are replaced."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
