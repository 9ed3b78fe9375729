"""One screen per finding: estimates of each checkpoint, paired differences, checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

PASSED = 4  # checks that passed and have a line of their own
NAME = 24  # characters of a checkpoint's name in a heading


def show(finding: dict[str, Any], console: Console | None = None) -> None:
    """Print a finding: cards for `expand`, a table for every other probe."""
    console = console or Console(highlight=False)
    if finding["probe"] == "expand":
        from probes.findings.card import card

        for comparison in finding["comparisons"]:
            console.print(card(finding, comparison))
        return
    problems = finding.get("problems")
    where = f"  {problems['count']} problems of {named(problems)}" if problems else ""
    console.print(Text(f"{finding['probe']}{where}", style="bold"))
    if finding.get("estimates"):
        console.print(estimates(finding))
    for block in finding.get("tables", ()):
        console.print(plain(block))
    for note in finding.get("notes", ()):
        console.print(Text(plain_text(note)))
    console.print(checks(finding["checks"]))


def estimates(finding: dict[str, Any]) -> Table:
    """Measures down, checkpoints across, then each paired difference with its interval.

    A measure without a difference shows the interval of its estimate.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    names = list(dict.fromkeys(e["checkpoint"] for e in finding["estimates"]))
    pairs = list(dict.fromkeys((d["a"], d["b"]) for d in finding["differences"]))
    table.add_column("measure")
    for name in names:
        table.add_column(Text(heading(name)), justify="right")
    level = finding["options"]["level"]
    percent = "" if level is None else f", {round(100 * (1 - level))}% paired"
    for a, b in pairs:
        says = "difference" if len(pairs) == 1 else f"{short(b)} - {short(a)}"
        table.add_column(Text(says + percent), justify="right", no_wrap=len(pairs) == 1)
    rows: dict[str, dict[str, Any]] = {}
    for e in finding["estimates"]:
        rows.setdefault(e["measure"], {})[e["checkpoint"]] = e
    changes = {(d["measure"], d["a"], d["b"]): d for d in finding["differences"]}
    for measure, by_name in rows.items():
        one = next(iter(by_name.values()))
        deltas = [changes.get((measure, a, b)) for a, b in pairs]
        alone = not any(deltas)
        cells = [estimate(by_name.get(n), one["digits"], interval=alone) for n in names]
        unit = "" if one["unit"] == "rate" else f" ({one['unit']})"
        table.add_row(
            Text(plain_text(one["label"] + unit)), *cells, *(change(d, one["digits"]) for d in deltas)
        )
    return table


def estimate(row: dict[str, Any] | None, digits: int, *, interval: bool) -> str:
    """An estimate, with its interval if asked for; a dash where there is none."""
    if row is None or row["estimate"] is None:
        return "-"
    text = number(row["estimate"], digits)
    if not interval or row["low"] is None:
        return text
    return f"{text} [{number(row['low'], digits)}, {number(row['high'], digits)}]"


def change(row: dict[str, Any] | None, digits: int) -> str:
    """A difference with its interval, or a dash."""
    if row is None or row["estimate"] is None:
        return "-"
    text = signed(row["estimate"], digits)
    if row["low"] is None:
        return f"{text} (no interval)"
    return f"{text} [{signed(row['low'], digits)}, {signed(row['high'], digits)}]"


def number(value: float | None, digits: int) -> str:
    """A number, or a dash where there is none; what rounds to 0 has no sign."""
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def signed(value: float, digits: int) -> str:
    """A number with its sign, also +0."""
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def heading(name: str) -> str:
    """A checkpoint's name over a column, what scores it on a second line."""
    drawn, under, scorer = name.partition(" under ")
    return short(drawn) + (f"\nunder {short(scorer)}" if under else "")


def plain(block: dict[str, Any]) -> Table:
    """A block {"title", "columns", "rows"} of a finding as a table; numbers to the right."""
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    table.title = Text(plain_text(block["title"])) if block.get("title") else None
    for i, name in enumerate(block["columns"]):
        numeric = all(not isinstance(r[i], str) for r in block["rows"])
        table.add_column(Text(plain_text(str(name))), justify="right" if numeric else "left")
    for row in block["rows"]:
        table.add_row(*(Text(_cell(v)) for v in row))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else plain_text(str(value))


def checks(items: list[dict[str, Any]]) -> Table:
    """Checks, what needs a look first; those that passed share a line where they are many."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column()
    table.add_column()
    marks = {True: ("ok", "green"), False: ("LOOK", "bold red"), None: ("?", "dim")}
    passed = [item["name"] for item in items if item["passed"]]
    few = len(passed) <= PASSED
    for item in sorted(items, key=lambda c: (c["passed"] is True, c["passed"] is None)):
        if item["passed"] and not few:
            continue
        mark, style = marks[item["passed"]]
        table.add_row(Text(mark, style=style), Text(item["name"]), Text(plain_text(str(item["detail"]))))
    if not few:
        table.add_row(Text("ok", style="green"), Text(f"{len(passed)} checks"), Text(", ".join(passed)))
    return table


def plain_text(text: str) -> str:
    """Text that a terminal shows as it is: no control characters, no marks that turn its direction."""
    return "".join(c if c.isprintable() else " " for c in text)


def named(problems: dict[str, Any]) -> str:
    """The name of a problem set; of a local file without its folders."""
    name = str(problems["name"])
    return plain_text(Path(name).name if name.startswith(("/", ".", "~")) else name)


def short(name: str) -> str:
    """The end of a long name, where names of checkpoints differ."""
    name = plain_text(name)
    return name if len(name) <= NAME else "…" + name[-(NAME - 1) :]
