"""Published runs, judged: numbers that others published, read with the statistics of this project.

`build_published(out)` writes the page (`reports published --out DIR`).
"""

from __future__ import annotations

from reports.published.page import build_published

__all__ = ["build_published"]
