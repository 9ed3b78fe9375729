"""Controls, general capability and verdicts of the study's page."""

from __future__ import annotations

from typing import Any

from reports.study.page.markdown import changed, effect, million, named, outcome, points, table
from reports.study.readings.claims import NARROW
from reports.study.readings.tables import MOST_BITS

BEHAVES = {None: "not told", True: "yes", False: "**no**"}
WIDE = ", wider than planned"


def control_table(found: dict[str, Any]) -> str:
    """The base against itself, and random rewards."""
    rows = [
        [
            c["control"],
            f"{c['temperature']:g}",
            f"pass@{c['k']}",
            points(c),
            f"±{50 * (c['high'] - c['low']):.1f}",
            changed(c),
            BEHAVES[c["behaves"]] + (WIDE if c["behaves"] and c["high"] - c["low"] > 2 * NARROW else ""),
        ]
        for c in found["controls"]
    ]
    body = table(["control", "T", "", "effect in points", "half width", "state", "behaves"], rows)
    return (
        f"## Controls\n\n{body}\nA second draw of the base behaves where it is the same within the margin, "
        "and does not where it goes up or down; random rewards behave where a rise is ruled out, harm is "
        f"no fault. An interval wider than ±{100 * NARROW:g} points that holds zero tells nothing. A base "
        f"has {found['asked']['base']} samples of a problem on both sides here, so that its control is "
        "quieter than a contrast with a recipe. Intervals are joint 95% over the two k, 97.5% each.\n"
    )


def general_table(found: dict[str, Any]) -> str:
    """General capability of every recipe against the base, where the study measured it in full."""
    rows = [
        [named(r["recipe"]), r["what"], _base(r), effect(r), changed(r)] for r in found.get("general", ())
    ]
    if not rows:
        return ""
    body = table(["recipe", "", "base", "recipe − base, in points or bits", "state"], rows)
    return (
        f"## General capability\n\n{body}\nAll starts. Accuracy is of facts to recall and stories to "
        "complete, half of the items each (chance 25%), and bits per byte are of held-out documents of "
        "the world's four kinds. *Same*: within 2 points, or 0.02 bits per byte.\n"
    )


def _base(row: dict[str, Any]) -> str:
    return f"{MOST_BITS * row['a']:.3f} bits" if row["measure"] == "text" else f"{100 * row['a']:.1f}%"


def verdict_table(found: dict[str, Any]) -> str:
    """The verdict of every recipe, over all starts and from each."""
    mine = [v for v in found["verdicts"] if v["temperature"] == found["temperatures"][0]]
    columns = ["recipe", "starts", "pass@1", f"pass@{found['options']['K']}", "verdict"]
    rows = [
        [
            named(v["recipe"]),
            "all" if v["start"] is None else million(v["start"]),
            *(points(r) for r in v["readings"]),
            outcome(v["verdict"]),
        ]
        for v in mine
        if v["start"] is None or len(found["starts"]) > 1
    ]
    rows += [
        [f"{named(v['recipe'])} against {named(v['against'])}", "all", *(points(r) for r in v["readings"]),
         outcome(v["verdict"])]
        for v in found["after"]
        if v["temperature"] == found["temperatures"][0]
    ]  # fmt: skip
    intro = (
        "Every recipe against the base, over all starts and from each (by tokens seen), and RL after SFT "
        "against that SFT, seed by seed; joint 95% intervals."
    )
    return f"## Verdicts\n\n{intro}\n\n{table(columns, rows)}"
