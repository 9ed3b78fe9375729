"""The `reports` command: thin shells over the functions that draw and write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Figures, tables and pages from findings.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Source = Annotated[Path, typer.Argument(help="findings.json, or the folder that a probe or a study wrote")]


@app.callback()
def _reports() -> None:
    """Figures, tables and pages from findings."""


@app.command()
def html(
    source: Source,
    out: Annotated[Path, typer.Option(help="folder of the page, its figures and numbers")] = Path("report"),
) -> None:
    """One self-contained page: verdict, figures, tables, problems gained and lost, checks, versions."""
    from reports.page.build import build_page

    typer.echo(f"written: {build_page(source, out)}")


@app.command()
def paper(
    data: Annotated[
        Path | None, typer.Option(help="the figures' numbers (default: the copy that ships)")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder of the figures")] = Path("report/paper"),
) -> None:
    """All figures of the paper, from its own numbers."""
    from reports.paper.draw import draw_paper

    for name in draw_paper(out, data):
        typer.echo(f"written: {out / name}.svg")


def main() -> None:
    """Entry point of the console command."""
    from evals.command import run

    run(app)
