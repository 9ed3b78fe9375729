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
        ]
        for p in pairs
    ]
    body = table(["", "pass@1 (%), difference", f"pass@{K} (%), difference", "verdict"], rows)
    failed = list(dict.fromkeys(f for p in pairs for f in p["failed"]))
    checks = (
        f"Checks that a referee would ask about: {'; '.join(failed)}." if failed else "All checks passed."
    )
    unknown = list(dict.fromkeys(u for p in pairs for u in p["unknown"]))
    open_ = f" Not checked: {', '.join(unknown)}." if unknown else ""
    return (
        f"## A real language model\n\n{body}\n{held['model']['architectures'][0]} "
        f"({held['model']['num_hidden_layers']} layers of {held['model']['hidden_size']}), asked the "
        f"world's problems in its chat template: {pairs[0]['problems']} problems × {pairs[0]['n']} "
        "samples, from a start that a little SFT on other questions made, since the model as it is earns "
        "no reward. One comparison each; intervals are over problems, not over training seeds; verdicts "
        f"are those that stand after Holm over all pairs and after the checks. {checks}{open_} "
        f"{_limits(pairs)} "
        f"{held['core_hours']:g} core-hours; not planned for power, so exploratory.\n"
    )


def _limits(pairs: list[dict[str, Any]]) -> str:
    """What such intervals and seeds cannot show."""
    last = [p["readings"][1] for p in pairs]
    halves = sorted(100 * (r["high"] - r["low"]) / 2 for r in last)
    seeds = len({p["seed"] for p in pairs})
    return (
        f"Intervals at pass@{last[0]['k']} reach {halves[0]:.1f} to {halves[-1]:.1f} points to either side: "
        f"smaller changes cannot be shown; nor, by {seeds} seeds, how much seeds differ."
    )
