"""The verdict card in the terminal: one screen that must not mislead a reader who sees nothing else."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

COLOURS = {
    "expansion": "green",
    "sharpening": "yellow",
    "coverage-only": "cyan",
    "regression": "red",
    "no-change": "blue",
    "undetermined": "magenta",
}
SHOWN = 6


def show(finding: dict[str, Any], console: Console | None = None) -> None:
    """Print one card for each comparison of an expand finding."""
    console = console or Console(highlight=False)
    for comparison in finding["comparisons"]:
        console.print(card(finding, comparison))


def card(finding: dict[str, Any], comparison: dict[str, Any]) -> Panel:
    """The card of one comparison."""
    verdict = comparison["verdict"]
    kind = f" ({verdict['kind']})" if verdict.get("kind") else ""
    colour = COLOURS.get(verdict["outcome"], "white")
    parts: list[RenderableType] = [
        Text(verdict["outcome"].upper() + kind, style=f"bold {colour}"),
        Text(verdict["sentence"]),
        Text(""),
        _numbers(comparison),
        Text(""),
        _support(comparison),
        Text(""),
        _checks(comparison["confounds"] + comparison["checks"]),
    ]
    if needed := verdict.get("needed"):
        parts.insert(2, Text(_needed(needed), style="italic"))
    problems = finding["problems"]
    title = f"{comparison['a']} → {comparison['b']}   {comparison['problems']} problems of {problems['name']}"
    return Panel(Group(*parts), title=Text(title), title_align="left", border_style=colour)


def _needed(needed: dict[str, Any]) -> str:
    parts = []
    if needed.get("problems"):
        parts.append(f"about {needed['problems']:,} problems")
    if needed.get("samples"):
        parts.append(f"{needed['samples']:,} samples per problem")
    return (
        "To settle it: " + " or ".join(parts) + "."
        if parts
        else "No feasible number of samples would settle it."
    )


def _numbers(comparison: dict[str, Any]) -> Table:
    """pass@k of both and their paired difference, at a few k, always with 1 and K."""
    options = comparison["options"]
    level = round(100 * (1 - options["level"]))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, side in (("k", "right"), ("A", "right"), ("B", "right"), ("B - A", "right")):
        table.add_column(name, justify=side)
    table.add_column(f"{level}% paired", justify="right")
    table.add_column("all k at once", justify="right")
    table.add_column("same model twice", justify="right")
    k, delta = comparison["k"], comparison["delta"]
    for i in _chosen(k, options["K"]):
        mark = " *" if k[i] in (1, options["K"]) else ""
        table.add_row(
            f"{k[i]}{mark}",
            f"{comparison['passk']['a']['estimate'][i]:.4f}",
            f"{comparison['passk']['b']['estimate'][i]:.4f}",
            f"{delta['estimate'][i]:+.4f}",
            _interval(delta["low"][i], delta["high"][i]),
            _interval(delta["band_low"][i], delta["band_high"][i]),
            _interval(delta["null_low"][i], delta["null_high"][i]),
        )
    crossover = comparison["crossover"]
    if crossover["k"] is None:
        text = "none up to n: the curves do not cross"
    else:
        text = f"{crossover['k']}, {level}% {crossover['low']} to {crossover['high'] or 'beyond n'}"
    table.caption = f"* the verdict rests on these two.  Crossover k*: {text}"
    table.caption_justify = "left"
    return table


def _chosen(k: list[int], declared: int) -> list[int]:
    """Indices of at most SHOWN values of k, spread over the grid, with 1 and the declared K."""
    must = {0, k.index(declared), len(k) - 1}
    spread = {round(j * (len(k) - 1) / (SHOWN - 1)) for j in range(SHOWN)}
    return sorted(must | spread)


def _interval(low: float, high: float) -> str:
    return f"[{low:+.3f}, {high:+.3f}]"


def _support(comparison: dict[str, Any]) -> Table:
    """Problems solved at least once by both, only B, only A, neither, beside the same-model expectation."""
    support = comparison["support"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"solved within {support['n']}")
    for name in ("both", "gained", "lost", "neither"):
        table.add_column(name, justify="right")
    table.add_row("observed", *(str(support[c]) for c in "PESO"))
    expected = support["expected"]
    means = [
        f"{expected[c]['mean']:.0f} ({expected[c]['low']:.0f}-{expected[c]['high']:.0f})" for c in "PESO"
    ]
    table.add_row("same model twice", *means)
    table.caption = (
        f"McNemar p = {support['mcnemar_p']:.3g}.  A problem counted as new may still have "
        f"p up to {support['detection_limit']:.3g} under A: {support['n']} samples cannot exclude it."
    )
    table.caption_justify = "left"
    return table


def _checks(checks: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column()
    table.add_column()
    marks = {True: ("ok", "green"), False: ("LOOK", "bold red"), None: ("?", "dim")}
    for item in sorted(checks, key=lambda c: (c["passed"] is True, c["passed"] is None)):
        mark, style = marks[item["passed"]]
        table.add_row(Text(mark, style=style), Text(item["name"]), Text(str(item["detail"])))
    return table
