"""Figures, tables and pages from findings.

A plotting function takes a tidy frame (its docstring names the columns) and returns a matplotlib figure;
`reports.figures.export.save` writes it as SVG, PNG and the CSV behind it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {"build_page": "reports.page.build", "load_findings": "reports.inputs"}
__all__ = ["build_page", "load_findings"]


def __getattr__(name: str) -> Any:
    """Import a public function when it is first used, so that the command answers at once."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'reports' has no attribute {name!r}")
