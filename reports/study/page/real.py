"""The section of the study's page on a real language model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.study.page.markdown import named, outcome, percent, points, table


def real(home: Path) -> str:
    """Verdicts of every recipe and seed against their start, and failed checks; empty without a run."""
    path = home / "data" / "real.json"
    if not path.is_file():
        return ""
    held = json.loads(path.read_text("utf-8"))
    pairs = held["pairs"]
    K = pairs[0]["readings"][1]["k"]
    rows = [
        [
            f"{named(p['recipe'])}, seed {p['seed']}",
            *(f"{percent(r['a'])} → {percent(r['b'])}, {points(r)}" for r in p["readings"]),
            outcome(p["verdict"]),
            _crossover(p["crossover"]),
            ", ".join(points(r) for r in p["by_template"]["readings"]),
            outcome(p["by_template"]["verdict"]),
            *(_change(p["without"][key]) for key in ("truncated", "extraction_failures")),
        ]
        for p in pairs
    ]
    columns = ["", "pass@1 (%), difference", f"pass@{K} (%), difference", "verdict", "caught up at k",
               "by templates", "verdict by templates", "at the length limit (%)",
               "no answer (%)"]  # fmt: skip
    return (
        f"## A real language model\n\n{table(columns, rows)}\n{held['model']['architectures'][0]} "
        f"({held['model']['num_hidden_layers']} layers of {held['model']['hidden_size']}), asked the "
        f"world's problems in its chat template: {pairs[0]['problems']} problems × {pairs[0]['n']} "
        "samples, from a start that a little SFT on other questions made, since the model as it is earns "
        "no reward. One comparison each; intervals are over problems, as the plan counts them, and not "
        "over training seeds; verdicts are those that stand after Holm over all pairs and after the "
        "checks. *Caught up at k*: the tries with which the start solves as much, with its 95% interval. "
        f"*By templates*: the {held['templates']} templates of the problems are resampled, as `probes "
        "expand` does unasked, which answers for problems of other templates too. "
        f"{_checks(pairs)} {_limits(pairs)} {held['core_hours']:g} core-hours; not planned for power, so "
        "exploratory.\n"
    )


def _crossover(found: dict[str, Any] | None) -> str:
    if not found or found["k"] is None:
        return "—"
    return f"{found['k']} ({found['low']} to {found['high']})"


def _change(rates: list[float | None]) -> str:
    return " → ".join("—" if r is None else percent(r) for r in rates)


def _checks(pairs: list[dict[str, Any]]) -> str:
    """Failed checks by name; their numbers stand in the table."""
    failed = list(dict.fromkeys(f for p in pairs for f in p["failed"]))
    unknown = list(dict.fromkeys(u for p in pairs for u in p["unknown"]))
    text = f"Checks that failed somewhere: {', '.join(failed)}." if failed else "All checks passed."
    if "clusters" in failed:
        text += " So few clusters as the templates make their intervals somewhat too narrow."
    return text + (f" Not checked: {', '.join(unknown)}." if unknown else "")


def _limits(pairs: list[dict[str, Any]]) -> str:
    """What such intervals and seeds cannot show."""
    last = [p["readings"][1] for p in pairs]
    halves = sorted(100 * (r["high"] - r["low"]) / 2 for r in last)
    seeds = len({p["seed"] for p in pairs})
    return (
        f"Intervals at pass@{last[0]['k']} reach {halves[0]:.1f} to {halves[-1]:.1f} points to either side: "
        f"smaller changes cannot be shown; nor, by {seeds} seeds, how much seeds differ."
    )
