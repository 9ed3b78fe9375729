"""The figures of a page: drawn once, written beside it, and set into it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from probes.findings.rows import plain_text
from reports.drawings import Drawing
from reports.figures.export import save
from reports.page.svg import inline

DRAWN = 4  # comparisons that get figures of their own; a page of many stays small and quick
DISTRIBUTED = 1  # comparisons that get a histogram and a flow as well, whose fit takes longest


def placed(drawings: Iterable[Drawing], folder: Path, prefix: str, about: str) -> list[dict[str, str]]:
    """Draw figures into `folder`: name, title, shape and inline SVG of each."""
    out = []
    for one in drawings:
        figure, name = one.draw(), prefix + one.name
        svg = save(figure, one.frame, folder, name)
        shape = "broad" if figure.get_size_inches()[0] > 4 else ""
        inlined = inline(svg, name, plain_text(f"{one.title}: {about}"))
        out.append({"name": name, "title": one.title, "shape": shape, "svg": inlined})
    return out
