"""The verdict card in the terminal: one screen that must not mislead a reader who sees nothing else."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from probes.findings.terminal import named, plain_text, short

COLOURS = {
    "expansion": "green",
    "sharpening": "yellow",
    "coverage-only": "cyan",
    "regression": "red",
    "no-change": "blue",
    "undetermined": "magenta",
}
SHOWN = 5  # rows of pass@k beside 1, K and n
MARKS = {True: ("ok", "green"), False: ("LOOK", "bold red"), None: ("?", "dim")}


def card(finding: dict[str, Any], comparison: dict[str, Any]) -> Panel:
    """The card of one comparison of an expand finding."""
    verdict = comparison["verdict"]
    headline = comparison.get("adjusted") or verdict  # of several pairs, what stands after Holm
    kind = f": {headline['kind']}" if headline.get("kind") else ""
    colour = COLOURS.get(headline["outcome"], "white")
    checks = comparison["confounds"] + comparison["checks"]
    parts: list[RenderableType] = [
        Text(headline["outcome"].upper() + kind, style=f"bold {colour}"),
        *_alone(comparison),
        Text(verdict["sentence"]),
        *_caveats(comparison, checks),
        Text(""),
        _numbers(comparison),
        *(Text(line) for line in _about_curves(comparison)),
        Text(""),
        _support(comparison),
        *(Text(line) for line in _about_support(comparison)),
        Text(""),
        *_robustness(comparison),
        _checks(checks),
        Text(_declared(comparison), style="dim"),
    ]
    where = f"{comparison['problems']:,} problems of {named(finding['problems'])}"
    title = f"A = {short(comparison['a'])}, B = {short(comparison['b'])}, {where}"
    return Panel(Group(*parts), title=Text(title), title_align="left", border_style=colour)


def _alone(comparison: dict[str, Any]) -> list[Text]:
    """With several pairs: how many, and what the pair would be alone where that differs."""
    adjusted, verdict = comparison.get("adjusted"), comparison["verdict"]
    if not adjusted:
        return []
    text = f"One of {adjusted['pairs']} pairs, adjusted by Holm: tested at {adjusted['level']:.2g}"
    if (adjusted["outcome"], adjusted["kind"]) != (verdict["outcome"], verdict["kind"]):
        kind = f" ({verdict['kind']})" if verdict.get("kind") else ""
        text += f"; alone it would be {verdict['outcome']}{kind}, of which the rest of this card speaks"
    return [Text(f"{text}.", style="bold")]


def _caveats(comparison: dict[str, Any], checks: list[dict[str, Any]]) -> list[Text]:
    """What must be read in one breath with the verdict: what would settle it, and what is wrong with it."""
    lines = []
    if needed := comparison["verdict"].get("needed"):
        lines.append(Text(_needed(needed), style="italic"))
    if looks := comparison.get("looks"):
        lines.append(Text(_looked(looks)))
    lines += [Text(text, style="bold red") for text in _ends(comparison, checks)]
    failed = [c["name"] for c in checks if c["passed"] is False]
    if (comparison.get("robustness") or {}).get("robust") is False:
        failed.append("it hangs on how the question is asked")
    if failed:
        lines.append(Text(f"Look before you believe it: {', '.join(failed)} (below).", style="bold red"))
    unknown = [c["name"] for c in checks if c["passed"] is None and c["name"] != "K declared"]
    if unknown and not failed:
        lines.append(Text(f"Not known here: {', '.join(unknown)}.", style="dim"))
    return lines


def _ends(comparison: dict[str, Any], checks: list[dict[str, Any]]) -> list[str]:
    """What a reader must know who looks no further: nothing (or all) is solved, or luck alone would do."""
    by_name = {c["name"]: c for c in checks}
    lines = []
    ends = by_name.get("floor and ceiling")
    if ends and ends["passed"] is False:
        lines.append(str(ends["detail"])[:1].upper() + str(ends["detail"])[1:] + ".")
    floor = by_name.get("guess floor")
    rates = [comparison["passk"][side]["estimate"][0] for side in "ab"]
    if floor and floor["value"] and max(floor["value"]) >= 0.5 * max(rates):
        lines.append(
            f"Guessing explains much of it: {floor['value'][0]:.1%} and {floor['value'][1]:.1%} of samples "
            f"would be right for another problem, {rates[0]:.1%} and {rates[1]:.1%} are right for their own."
        )
    return lines


def _looked(looks: list[dict[str, Any]]) -> str:
    path = ", ".join(str(look["n"]) for look in looks)
    last = looks[-1]
    ended = "and not decided" if last["outcome"] == "undetermined" else f"decided at n = {last['n']}"
    return (
        f"Sampled until decided: looked at n = {path}, {ended}. The error of all looks together is kept: "
        f"this one was at level {last['spent_level']:.2g}."
    )


def _needed(needed: dict[str, Any]) -> str:
    parts = []
    if needed.get("problems"):
        parts.append(f"about {needed['problems']:,} problems at this n")
    if needed.get("samples"):
        parts.append(f"about {needed['samples']:,} samples of each of these problems")
    if not parts:
        return "No feasible number of problems or samples would settle it at these differences."
    return "To settle it: " + " or ".join(parts) + "."


def _numbers(comparison: dict[str, Any]) -> Table:
    """pass@k of both and their paired difference, at a few k, always with 1, K and n."""
    options = comparison["options"]
    percent = round(100 * (1 - options["level"]))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("k", "A", "B", "B - A", f"{percent}% paired", "all k at once", "by chance"):
        table.add_column(name, justify="right", no_wrap=True)
    k, delta = comparison["k"], comparison["delta"]
    for i in chosen(k, options["K"]):
        table.add_row(
            f"*{k[i]}" if k[i] in (1, options["K"]) else f"{k[i]}",
            f"{comparison['passk']['a']['estimate'][i]:.4f}",
            f"{comparison['passk']['b']['estimate'][i]:.4f}",
            f"{delta['estimate'][i]:+.4f}",
            _interval(delta["low"][i], delta["high"][i]),
            _interval(delta["band_low"][i], delta["band_high"][i]),
            _chance(delta["null_high"][i]),
        )
    return table


def chosen(k: list[int], declared: int) -> list[int]:
    """Indices of 1, the declared K, the last k, and at most SHOWN powers of two between them."""
    must = {0, k.index(declared), len(k) - 1}
    powers = [i for i, value in enumerate(k) if value & (value - 1) == 0 and i not in must]
    step = max(1, -(-len(powers) // SHOWN))
    return sorted(must | set(powers[::step]))


def _interval(low: float, high: float) -> str:
    """An interval of rates without leading zeros, so that a row fits a narrow terminal."""
    return f"[{_signed(low)}, {_signed(high)}]"


def _chance(high: float | None) -> str:
    return "?" if high is None else f"±{high:.3f}".replace("0.", ".", 1)


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("0.", ".", 1)


def _about_curves(comparison: dict[str, Any]) -> list[str]:
    crossover, level = comparison["crossover"], comparison["options"]["level"]
    percent = round(100 * (1 - level))
    n = comparison["k"][-1]
    if n == 1:
        return [
            "pass@1, problems resampled. One sample of each problem: no k beyond 1, no curve, no crossover."
        ]
    lines = [
        f"pass@k, problems resampled. The verdict rests on the two k with *, jointly. By chance: {percent}% "
        "of the differences between two draws of A itself."
    ]
    if crossover["k"] is None:
        text = f"none up to k = {n}"
        if crossover["low"] is not None:
            text += f" (but {percent}% interval from {crossover['low']})"
    else:
        text = f"k = {crossover['k']}, {percent}% {crossover['low']} to {crossover['high'] or 'beyond n'}"
    return [*lines, f"Crossover k*, where A catches up with B: {text}."]


def _support(comparison: dict[str, Any]) -> Table:
    """Problems solved at least once by both, only B, only A, neither, beside the same-model expectation."""
    support = comparison["support"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"solved within {support['n']}", no_wrap=True)
    for name in ("by both", "only B", "only A", "by neither"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("observed: problems", *(f"{support[c]:,}" for c in "PESO"))
    expected = support["expected"]
    means = [_expected(expected[c]) for c in "PESO"]
    table.add_row("A drawn twice gives", *means)
    return table


def _expected(cell: dict[str, Any]) -> str:
    return "?" if cell["mean"] is None else f"{cell['mean']:.0f} ({cell['low']:.0f}-{cell['high']:.0f})"


def _about_support(comparison: dict[str, Any]) -> list[str]:
    support = comparison["support"]
    return [
        f"Only B against only A: exact McNemar p = {support['mcnemar_p']:.2g}. Solved only by B is "
        f"not yet new: A may have p up to {support['detection_limit']:.2g} there, which "
        f"{support['n']} failure{'s' if support['n'] > 1 else ''} cannot exclude."
    ]


def _robustness(comparison: dict[str, Any]) -> list[RenderableType]:
    """Whether the verdict survives other gradings, prompts and budgets."""
    held = comparison.get("robustness")
    if not held:
        return []
    style = "green" if held["robust"] else "bold red" if held["robust"] is False else "dim"
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("asked otherwise")
    for name in ("Δpass@1", "Δpass@K"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for row in held["rows"]:
        if row["outcome"] is None:
            table.add_row(Text(row["name"]), "-", "-", Text(row["detail"], style="dim"))
            continue
        verdict = comparison["verdict"]
        same = (row["outcome"], row["kind"]) == (verdict["outcome"], verdict["kind"])
        kind = f": {row['kind']}" if row["kind"] else ""
        table.add_row(
            Text(row["name"]),
            f"{row['first']:+.4f}",
            f"{row['large']:+.4f}",
            Text(row["outcome"] + kind, style="" if same else "bold red"),
        )
    return [table, Text(held["sentence"], style=style), Text("")]


def _checks(checks: list[dict[str, Any]]) -> Table:
    """Checks, failed ones first; those that cannot be made for one reason share a line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column()
    unknown: dict[str, list[str]] = {}
    for item in checks:
        if item["passed"] is None:
            unknown.setdefault(str(item["detail"]), []).append(item["name"])
    shown = sorted((c for c in checks if c["passed"] is not None), key=lambda c: bool(c["passed"]))
    for item in [c for c in shown if not c["passed"]]:
        _row(table, item["passed"], item["name"], item["detail"])
    for detail, names in unknown.items():
        if len(names) < 3:
            for name in names:
                _row(table, None, name, detail)
        else:
            _row(table, None, "not checked", f"{', '.join(names)}: {detail}")
    for item in [c for c in shown if c["passed"]]:
        _row(table, item["passed"], item["name"], item["detail"])
    return table


def _row(table: Table, passed: bool | None, name: str, detail: Any) -> None:
    mark, style = MARKS[passed]
    table.add_row(Text(mark, style=style), Text(name), Text(plain_text(str(detail))))


def _declared(comparison: dict[str, Any]) -> str:
    options = comparison["options"]
    return (
        f"Declared: level {options['level']:g}, K = {options['K']}, "
        f"margin ±{100 * options['margin']:g} points. "
        "One training run of each: other training seeds are not covered."
    )
