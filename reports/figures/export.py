"""Writing a figure: SVG and PNG with deterministic bytes, and the CSV behind it."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import pandas as pd

from evals.core.files import plain_cell, write_file
from reports.figures.style import style


def png_bytes(figure: Any) -> bytes:
    """The figure as PNG, without date and program version."""
    with style():
        return _png(figure)


def _svg(figure: Any) -> bytes:
    """The figure as SVG; where the font is not installed, one of the same widths or any without serifs."""
    svg = _rendered(figure, "svg", {"Date": None, "Creator": None})
    return svg.replace(b"'DejaVu Sans'", b"'DejaVu Sans', Verdana, sans-serif")


def _png(figure: Any) -> bytes:
    return _rendered(figure, "png", {"Software": None})


def _rendered(figure: Any, kind: str, metadata: dict[str, None]) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, metadata=metadata)
    return stream.getvalue()


def csv_text(frame: pd.DataFrame) -> str:
    """The numbers behind a figure; an empty cell is a number that does not exist."""
    shown = frame.rename(columns=plain_cell)
    for name in shown.select_dtypes(["object", "string"]).columns:
        shown[name] = shown[name].map(plain_cell)
    return str(shown.to_csv(index=False, lineterminator="\n"))


def save(figure: Any, frame: pd.DataFrame, folder: Path, name: str) -> str:
    """Write name.svg, name.png and name.csv into `folder`; returns the SVG text."""
    with style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # a browser has other fonts
        if (engine := figure.get_layout_engine()) is not None:  # laid out once, for both formats
            engine.execute(figure)
            figure.set_layout_engine("none")
        svg, png = _svg(figure), _png(figure)
    write_file(folder / f"{name}.csv", csv_text(frame).encode("utf-8", "replace"))
    write_file(folder / f"{name}.png", png)
    write_file(folder / f"{name}.svg", svg)
    return svg.decode("utf-8")
