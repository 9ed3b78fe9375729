"""The `reports` command: thin shells over the functions that draw and write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evals.core.command import program, run
from evals.core.printable import say
from evals.core.progress import Line

app = program("Figures, tables and pages from findings.")

Source = Annotated[Path, typer.Argument(help="findings.json, or the folder that a probe or a study wrote")]


@app.command()
def html(
    source: Source,
    out: Annotated[Path, typer.Option(help="folder of the page, its figures and numbers")] = Path("report"),
) -> None:
    """One self-contained page: verdict, figures, tables, problems gained and lost, checks, versions."""
    from reports.page.build import build_page

    say(f"written: {build_page(source, out, Line('draw'))}")


@app.command()
def paper(
    data: Annotated[
        Path | None, typer.Option(help="the figures' numbers (default: the copy that ships)")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder of the figures")] = Path("report/paper"),
) -> None:
    """All figures of the paper, from its own numbers."""
    from reports.paper.draw import draw_paper

    for name in draw_paper(out, data, Line("draw")):
        say(f"written: {out / name}.svg")


@app.command()
def figures(
    run: Annotated[Path, typer.Argument(help="folder of a study, or of findings of its cells")],
    out: Annotated[Path, typer.Option(help="folder of the figures")] = Path("report/figures"),
) -> None:
    """The paper's figures, from a study of your own, with intervals."""
    from reports.paper.own import NEEDS, draw_study

    drawn, left = draw_study(run, out, Line("draw"))
    for name in drawn:
        say(f"written: {out / name}.svg")
    for name in left:
        say(f"not drawn: {name} (needs {NEEDS[name]})")


@app.command()
def tables(
    source: Source,
    out: Annotated[Path, typer.Option(help="folder of the tables")] = Path("report/tables"),
) -> None:
    """Tables as booktabs LaTeX, Markdown and CSV, with the digits that the intervals allow."""
    from reports.tables import write_tables

    for name in write_tables(source, out):
        say(f"written: {out / name}.tex, .md and .csv")


@app.command()
def compare(
    first: Source,
    second: Source,
    out: Annotated[Path, typer.Option(help="folder of the figure and the table")] = Path("report/compare"),
) -> None:
    """Two studies or findings side by side."""
    from reports.compare import compare_studies

    for name in compare_studies(first, second, out):
        say(f"written: {out / name}.svg, .tex and .md")


@app.command()
def published(
    out: Annotated[Path, typer.Option(help="folder of the page, its figures and numbers")] = Path(
        "report/published"
    ),
    data: Annotated[Path | None, typer.Option(help="folder of the numbers (default: what ships)")] = None,
) -> None:
    """Published runs, judged: verdict cards on numbers of others, and the paper's claims on its own data."""
    from reports.published import build_published

    say(f"written: {build_published(out, data)}")


def main() -> None:
    """Entry point of the console command."""
    run(app)
