"""The page of the study, from its findings alone: the same findings give the same bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.rounding import with_interval
from reports.study.page.answer import answer
from reports.study.page.appendix import bases, how, reread, side
from reports.study.page.markdown import bits, changed, measure, million, named, outcome, points, table
from reports.study.page.real import real

MARKS = {"reproduced": "reproduced", "not reproduced": "**not reproduced**"}


def page(home: Path) -> str:
    """README.md of a folder with findings.json, data/ and figures/."""
    found = json.loads((home / "findings.json").read_text("utf-8"))
    parts = [
        "# The paper's questions on two cores\n",
        answer(found),
        "![Every recipe minus the base it started from](figures/overview.png)\n",
        "*Every recipe minus the base of its start, in points: mean over training seeds with the 95% "
        "interval over seeds and problems; dots are seeds, where there are several.*\n",
        _claims(found),
        _planned(found),
        _controls(found),
        _general(found),
        _verdicts(found),
        "![pass@k over pre-training tokens](figures/passk.png)\n",
        bases(found),
        real(home),
        side(home, found),
        reread(found),
        how(home, found),
    ]
    return "\n".join(p for p in parts if p)


def _claims(found: dict[str, Any]) -> str:
    """The table of the paper's claims, at the first temperature with the others' outcome beside it."""
    first, *others = found["temperatures"]
    main = [c for c in found["claims"] if c["temperature"] == first]
    elsewhere = {(c["claim"], c["temperature"]): c["outcome"] for c in found["claims"]}
    rows = []
    for c in sorted([*main, *_further(found)], key=lambda c: c["question"]):
        says = [elsewhere.get((c["claim"], t), "—") for t in others]
        effect = c.get("effect") or _effects(c["parts"])
        rows.append([c["question"], c["claim"], effect, *(MARKS.get(o, o) for o in (c["outcome"], *says))])
    columns = ["", "the paper says", "effect in points", "here", *(f"at T = {t:g}" for t in others)]
    body = table(columns, rows)
    planned = [c["claim"] for c in main if c.get("primary")]
    text = f" Planned with 80% power ([PLAN.md](PLAN.md)): {'; '.join(planned)}. All else is exploratory."
    legend = _legend(found) + (text if planned else "")
    return f"## The paper's claims\n\n{body}\nSampled at T = {first:g}. {legend}\n"


def _planned(found: dict[str, Any]) -> str:
    """What the primary contrasts came to beside what the plan counted on."""
    primary = [
        c for c in found["claims"] if c.get("primary") and c["temperature"] == found["temperatures"][0]
    ]
    rows = [
        [
            f"{measure(p)}, {named(p['b_name'])} − {named(p['a_name'])}",
            ", ".join(map(million, p["starts"])),
            points(p),
            f"±{50 * (p['high'] - p['low']):.1f}",
            f"{100 * p['seed_sd']:.1f}" if p["seeds_known"] else "—",
            c["outcome"],
        ]
        for c in primary
        for p in c["parts"]
    ]
    if not rows:
        return ""
    columns = ["primary contrast", "starts", "effect in points", "half width", "spread of seeds", "outcome"]
    return (
        f"## Planned and found\n\n{table(columns, rows)}\n[The plan](PLAN.md) was made to find 3 points at "
        f"pass@{found['options']['K']}; the spread of seeds, a standard deviation in points, was not known "
        "when it was made.\n"
    )


def _effects(parts: list[dict[str, Any]]) -> str:
    lines = [f"{measure(p)}, {named(p['b_name'])} − {named(p['a_name'])}: {_effect(p)}" for p in parts]
    return "<br>".join(lines) or "—"


def _effect(part: dict[str, Any]) -> str:
    if part["state"] == "ceiling":
        return "both at the ceiling"
    return bits(part) if part["measure"] == "text" else points(part)


def _legend(found: dict[str, Any]) -> str:
    seeds = max(len(s) for s in found["seeds"].values())
    one = seeds == 1 or found["scale"]["parts"]
    marked = " † one training seed: the interval covers problems alone." if one else ""
    margin = 100 * found["options"]["margin"]
    return (
        f"Differences are paired by problem and averaged over {len(found['starts'])} starts unless the claim "
        f"names one; intervals count problems and training seeds ({seeds}) as samples, and are joint 95% "
        "where a claim has several parts. *Reproduced*: every part lies where the claim says. *Not "
        f"reproduced*: some part lies elsewhere, or is bounded by the margin of ±{margin:g} points. "
        "*Undetermined*: these samples do not decide. That a recipe leaves something *as it was* is a claim "
        f"of equivalence: it holds where the change is smaller than the margin.{marked}"
    )


def _further(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The claims whose evidence is not a difference of two recipes over starts."""
    rows = list(found["rollouts"])
    if found["scale"]["parts"]:
        text = "more math in the data does more than a larger model (after RL, from the first start's tokens)"
        rows.append({"question": "3", "claim": text, **found["scale"]})
    brittle, forecast = found["brittleness"], found["forecast"]
    if brittle["ratio"] is not None:
        ratio = with_interval(brittle["ratio"], brittle["low"], brittle["high"])
        text = (
            "early checkpoints are brittle: over seeds, test pass@1 after RL spreads more than at late ones"
        )
        effect = f"ratio of the seeds' standard deviations, early to late: {ratio}"
        rows.append(_row(text, brittle["outcome"], effect))
    if forecast["rho"] is not None:
        text = "the base's accuracy on the training prompts predicts what RL reaches"
        effect = f"rank correlation over starts {forecast['rho']:.2f}, p = {forecast['p']:.3f}"
        rows.append(_row(text, forecast["outcome"], effect))
    rows.append(_row("1 and 8 exemplars move the base; SFT has converged by 5 epochs", "not studied", "—"))
    return rows


def _row(claim: str, outcome: str, effect: str) -> dict[str, Any]:
    return {"question": "7", "claim": claim, "outcome": outcome, "parts": [], "effect": effect}


def _controls(found: dict[str, Any]) -> str:
    rows = [
        [c["control"], f"{c['temperature']:g}", f"pass@{c['k']}", points(c), changed(c),
         {None: "not told", True: "yes", False: "**no**"}[c["behaves"]]]
        for c in found["controls"]
    ]  # fmt: skip
    body = table(["control", "T", "", "effect in points", "state", "behaves"], rows)
    return (
        f"## Controls\n\n{body}\nA second draw of the base must go neither up nor down; random rewards must "
        "not raise anything, and may do harm.\n"
    )


def _general(found: dict[str, Any]) -> str:
    """General capability of every recipe against the base, where the study measured it in full."""
    rows = [
        [
            named(r["recipe"]),
            "held-out text" if r["measure"] == "text" else "accuracy",
            _effect(r),
            changed(r),
        ]
        for r in found.get("general", ())
    ]
    if not rows:
        return ""
    body = table(["recipe", "", "recipe − base, in points or bits", "state"], rows)
    return (
        f"## General capability\n\n{body}\nFacts to recall and stories to complete, half of the items each, "
        "and held-out documents of every kind; all starts. *Same*: within 2 points, or 0.02 bits per byte.\n"
    )


def _verdicts(found: dict[str, Any]) -> str:
    """The verdict of every recipe, over all starts and from each."""
    starts = found["starts"]
    mine = [v for v in found["verdicts"] if v["temperature"] == found["temperatures"][0]]
    columns = ["recipe", "pass@1", f"pass@{found['options']['K']}", "all starts", *map(million, starts)]
    rows = []
    for recipe in dict.fromkeys(v["recipe"] for v in mine):
        by = {v["start"]: v for v in mine if v["recipe"] == recipe}
        readings = [points(r) for r in by[None]["readings"]]
        rows.append([named(recipe), *readings, *(outcome(by[s]["verdict"]) for s in (None, *starts))])
    intro = "Every recipe against the base, over all starts and from each (by tokens seen)."
    return f"## Verdicts\n\n{intro}\n\n{table(columns, rows)}"
