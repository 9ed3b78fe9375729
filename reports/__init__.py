"""Figures, tables and pages from findings.

`plot(found, "passk")` draws what `probes` found; `build_page` writes the page of a folder of findings. A
plotting function of `reports.figures` takes a tidy frame (its docstring names the columns) and returns a
matplotlib figure; `reports.figures.export.save` writes it as SVG, PNG and the CSV behind it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reports.drawings import plot
    from reports.inputs import load_findings
    from reports.page.build import build_page
    from reports.tables import write_tables

_HOMES = {
    "build_page": "reports.page.build",
    "load_findings": "reports.inputs",
    "plot": "reports.drawings",
    "write_tables": "reports.tables",
}
__all__ = ["build_page", "load_findings", "plot", "write_tables"]


def __getattr__(name: str) -> Any:
    """Import a public function when it is first used, so that the command answers at once."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'reports' has no attribute {name!r}")
