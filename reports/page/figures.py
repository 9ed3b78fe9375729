"""The figures of a page: drawn once, written beside it, and set into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reports import curves, frames, support
from reports.export import save
from reports.page.svg import inline

DRAWN = 8  # comparisons that get figures of their own; a page of many stays small and quick


def comparison_figures(
    finding: dict[str, Any], comparison: dict[str, Any], folder: Path, prefix: str = ""
) -> list[dict[str, str]]:
    """Draw the figures of one comparison into `folder`: name, title and inline SVG of each."""
    a, b, options = comparison["a"], comparison["b"], comparison["options"]
    n = comparison["support"]["n"]
    passk, delta, solved = (
        frames.curves(finding, comparison),
        frames.delta(comparison),
        frames.support(comparison),
    )
    made = [
        ("passk", "pass@k of both", curves.passk_curves(passk, options["K"]), passk),
        (
            "delta",
            "Difference of pass@k",
            curves.delta_curve(delta, a, b, options["K"], options["level"]),
            delta,
        ),
        ("support", "Problems solved at least once", support.solve_table(solved, a, b, n), solved),
    ]
    out = []
    for name, title, drawn, frame in made:
        svg = save(drawn, frame, folder, prefix + name)
        out.append(
            {"name": prefix + name, "title": title, "svg": inline(svg, prefix + name, f"{title}: {a}, {b}")}
        )
    return out
