"""The cell table in the terminal: everything that decides whether two accuracies may be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.comparison.options import declared_K
from evals.core.printable import printable

ACROSS = 4  # cells side by side
REPEATING = 0.05  # share of repeated samples at T > 0 from which a reader is warned


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "?" if value is None else f"{value:,}" if isinstance(value, int) else f"{value}"


def _rate(value: Any) -> str:
    return "?" if value is None else f"{value:.2%}"


def _number(value: Any) -> str:
    return "?" if value is None else f"{value:g}" if value < 1000 else f"{value:,.0f}"


def _stops(value: Any) -> str:
    return "?" if value is None else " ".join(repr(stop) for stop in value) or "none"


def _routes(value: Any) -> str:
    total = sum(value.values())
    return "\n".join(f"{route} {count / total:.1%}" for route, count in value.items())


ROWS: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("problems", "problems", _plain),
    ("n", "n", _plain),
    ("K (by default)", "k", _plain),
    ("temperature", "temperature", _number),
    ("top-p", "top_p", _number),
    ("top-k (0 = off)", "top_k", _plain),
    ("max tokens", "max_tokens", _plain),
    ("stops", "stops", _stops),
    ("template", "template", _plain),
    ("shots", "shots", _plain),
    ("chat", "chat", _plain),
    ("prompt hash", "prompt_hash", lambda v: "?" if v is None else v[:12]),
    ("engine", "engine_full", _plain),
    ("accuracy, strict", "strict", _rate),
    ("accuracy, lenient", "lenient", _rate),
    ("guess floor", "guess_floor", _rate),
    ("no answer found", "extraction_failures", _rate),
    ("answer found by", "routes", _routes),
    ("cut off", "truncated", _rate),
    ("cut off, lenient credit", "truncated_credited", _rate),
    ("verifier errors", "verifier_errors", _plain),
    ("mean tokens", "mean_tokens", lambda v: "?" if v is None else f"{v:,.1f}"),
    ("repeated samples", "duplicates", _rate),
)


def show_reports(reports: Sequence[dict[str, Any]]) -> None:
    """Print cell reports side by side, a few at a time, and warnings below."""
    console = Console(highlight=False)
    for start in range(0, len(reports), ACROSS):
        console.print(_table(reports[start : start + ACROSS]))
    for report in reports:
        for warning in warnings(report):
            console.print(Text(printable(f"CHECK: {report['checkpoint']}: {warning}"), style="yellow"))


def _table(reports: Sequence[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for report in reports:
        table.add_column(Text(printable(report["checkpoint"])), justify="right")
    full = [
        r | {"k": declared_K(r["n"], None) if r["n"] > 1 else None, "engine_full": _engine(r)}
        for r in reports
    ]
    for label, key, form in ROWS:
        table.add_row(label, *(Text(printable(form(r[key]))) for r in full))
    return table


def _engine(report: dict[str, Any]) -> str | None:
    known = [report[k] for k in ("engine", "engine_version", "dtype") if report[k]]
    return " ".join(known) or None


def warnings(report: dict[str, Any]) -> list[str]:
    """Sentences on what makes this cell's numbers doubtful."""
    found = []
    if (report["temperature"] or 0) > 0 and report["duplicates"] > REPEATING:
        found.append(
            f"{report['duplicates']:.1%} of a problem's samples repeat another at temperature "
            f"{report['temperature']:g}; few distinct samples carry less than n"
        )
    if report["n"] != report["n_most"]:
        found.append(f"problems have from {report['n']} to {report['n_most']} samples; finish the sampling")
    if report["verifier_errors"]:
        found.append(f"the verifier failed on {report['verifier_errors']:,} samples, counted as wrong")
    if report["golds"]:
        found.append(report["golds"])
    return found


def accuracy_lines(reports: Sequence[dict[str, Any]]) -> list[str]:
    """One line a cell: its name, strict and lenient accuracy, samples, and what was not found; then what is
    wrong with the golds."""
    width = max((len(str(r["checkpoint"])) for r in reports), default=0)
    return [
        f"{r['checkpoint']!s:<{width}}  {r['strict']:6.1%} strict  {r['lenient']:6.1%} lenient  "
        f"{r['samples']:,} samples of {r['problems']:,} problems, no answer in {r['extraction_failures']:.1%}"
        for r in reports
    ] + list(dict.fromkeys(f"CHECK: {r['golds']}" for r in reports if r["golds"]))
