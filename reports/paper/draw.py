"""Drawing all figures of the paper into a folder."""

from __future__ import annotations

from pathlib import Path

from evals.core.errors import UserError
from evals.core.files import write_file
from evals.core.progress import Report, over
from reports.figures.export import save
from reports.paper.data import CITATION, load_numbers
from reports.paper.select import DRAWINGS, rows_of


def draw_paper(out: Path, data: Path | None = None, progress: Report | None = None) -> list[str]:
    """Write SVG, PNG and CSV of every figure that the numbers hold; returns their names.

    data: a CSV as `reports.paper.data.load_numbers` reads it (default: the copy that ships).
    progress(done, total): of figures.
    """
    numbers = load_numbers(data)
    drawn = []
    for drawing in over(DRAWINGS, progress):
        rows = rows_of(drawing, numbers)
        if rows.empty:
            continue
        save(drawing.draw(rows), rows, out, drawing.name)
        drawn.append(drawing.name)
    if not drawn:
        known = ", ".join(d.figure for d in DRAWINGS)
        raise UserError(
            f"{data} holds none of the paper's figures; the column figure must name one of {known}"
        )
    write_file(out / "CITATION.txt", CITATION + "\n")
    return drawn
