"""The page of the study, from its findings alone: the same findings give the same bytes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from reports.study.page.answer import answer
from reports.study.page.appendix import bases, how, reread
from reports.study.page.markdown import effect, measure, million, named, points, table
from reports.study.page.real import real
from reports.study.page.sections import control_table, general_table, verdict_table

MARKS = {"reproduced": "reproduced", "not reproduced": "**not reproduced**"}


def page(home: Path) -> str:
    """README.md of a folder with findings.json, data/ and figures/."""
    found = json.loads((home / "findings.json").read_text("utf-8"))
    parts = [
        "# The paper's questions on two cores\n",
        answer(found),
        "![Every recipe minus the base it started from](figures/overview.png)\n",
        "*Every recipe minus the base of its start, in points: mean over training seeds with the "
        "pointwise 95% interval over problems and, where there are several, seeds (dots).*\n",
        _recipes(home),
        _claims(found),
        _planned(found),
        control_table(found),
        general_table(found),
        verdict_table(found),
        "![pass@k over pre-training tokens](figures/passk.png)\n",
        bases(found),
        _rewards(home),
        real(home),
        reread(found),
        how(home, found),
    ]
    return "\n".join(p for p in parts if p)


def _recipes(home: Path) -> str:
    """What the recipes are and how much they train, by study.toml."""
    rl = tomllib.loads((home / "study.toml").read_text("utf-8"))["rl"]
    drawn = rl["prompts"] * rl["n"] * rl["steps"]
    return (
        "*RL*: GRPO with the verifier's reward. *SFT*: training on one demonstration of each question; "
        "*SFT-Gold*: on one in every style that the world has. *SFT→RL*, *SFT-Gold→RL*: RL from there. "
        "*Parallel*: steps of RL and of SFT from the same weights, averaged. All train on the same "
        f"{rl['limit']} questions; RL draws {drawn:,} responses in {rl['steps']} steps.\n"
    )


def _claims(found: dict[str, Any]) -> str:
    """The table of the claims, at the first temperature with the others' outcome beside it."""
    first, *others = found["temperatures"]
    main = [c for c in found["claims"] if c["temperature"] == first]
    elsewhere = {(c["claim"], c["temperature"]): c["outcome"] for c in found["claims"]}
    rows = []
    for c in sorted(main, key=lambda c: c["question"]):
        says = [elsewhere.get((c["claim"], t), "—") for t in others]
        here = MARKS.get(c["outcome"], c["outcome"]) + (", below the margin" if c["below_margin"] else "")
        claim = f"{c['claim']} (primary)" if c.get("primary") else c["claim"]
        rows.append([c["question"], claim, _effects(c["parts"], found["starts"]), here, *says])
    columns = ["", "claim", "effect in points", "here", *(f"at T = {t:g}" for t in others)]
    body = table(columns, rows)
    return f"## The paper's claims, and ours\n\n{body}\nSampled at T = {first:g}. {_legend(found, main)}\n"


def _effects(parts: list[dict[str, Any]], every: list[int]) -> str:
    lines = []
    for p in parts:
        start = "" if p["starts"] == every else f" from {', '.join(map(million, p['starts']))}"
        lines.append(f"{measure(p)}, {named(p['b_name'])} − {named(p['a_name'])}{start}: {effect(p)}")
    return "<br>".join(lines) or "—"


def _legend(found: dict[str, Any], claims: list[dict[str, Any]]) -> str:
    seeds = max(len(s) for s in found["seeds"].values())
    unknown = any(p["seeds_known"] is False for c in claims for p in c["parts"])
    marked = " † no spread of training seeds is known: the interval covers problems alone." if unknown else ""
    margin, K = 100 * found["options"]["margin"], found["options"]["K"]
    return (
        f"Differences are paired by problem and averaged over {len(found['starts'])} starts unless one is "
        f"named; intervals count problems and training seeds ({seeds} of a recipe) as samples, and are "
        "joint 95% where a claim has several parts. There is one pre-training run and one set of training "
        "questions; seeds are of the training after it. All contrasts with a base share its samples. From "
        f"{found['asked']['cells']} samples pass@{K} of one problem and one cell is "
        f"{'0 or 1' if found['asked']['cells'] == K else 'coarse'}: its noise is in the "
        "interval.\n\n*Reproduced*: every part lies where the claim says; a direction is held against "
        f"zero, and *below the margin* says that it is shown to be smaller than {margin:g} points (0.02 "
        "bits per byte). That something is *as it was*, or *within the margin*, holds where the change is "
        "shown to be smaller than the margin, by a 90% interval divided by the number of parts. *Not "
        "reproduced*: some part is shown to lie in the other direction, or not to reach the margin in the "
        "direction that the claim says, or to be larger than the margin where nothing should change. "
        f"*Undetermined*: these samples do not decide.{marked}"
    )


def _planned(found: dict[str, Any]) -> str:
    """What the primary contrasts came to, and what they could have found."""
    first = found["temperatures"][0]
    primary = [c for c in found["claims"] if c.get("primary") and c["temperature"] == first]
    rows = [
        [
            f"{measure(p)}, {named(p['b_name'])} − {named(p['a_name'])}",
            ", ".join(map(million, p["starts"])),
            points(p),
            f"±{50 * (p['high'] - p['low']):.1f}",
            f"{100 * p['detectable']:.1f}",
            f"{100 * p['seed_sd']:.1f}" if p["seed_sd"] is not None else "—",
            c["outcome"],
            points({**p, "low": p["crossed"][0], "high": p["crossed"][1]}),
        ]
        for c in primary
        for p in c["parts"]
    ]
    if not rows:
        return ""
    columns = ["primary contrast", "starts", "effect in points", "half width", "found with 80% power from",
               "spread of seeds", "outcome", "noise counted once"]  # fmt: skip
    seeds = max(len(s) for s in found["seeds"].values())
    return (
        f"## Planned and found\n\n{table(columns, rows)}\n[The plan](PLAN.md), written before any cell was "
        f"run, wanted 3 points at pass@{found['options']['K']} with 80% power, and counted on 3.3 at its "
        "budget if training seeds did not differ. The spread of seeds, of the first of the two as a "
        f"standard deviation in points, was not known then; {seeds} seeds widen every interval by it, and "
        "by few degrees of freedom. *Noise counted once*: the planned intervals count the noise of drawing "
        "with the problems and again with the seeds, and are too wide where it dominates. The last column "
        "is the interval of crossed random effects, which covers a little less than it says; it was looked "
        "at when all seeds were there, and decides nothing. What is *not reproduced* by an end near zero "
        "rests on that choice. All other contrasts are exploratory. Claim 3 and the paper's sweep of "
        "rollouts were left out beforehand; rules of this page that were changed when some seeds were there "
        "stand in the plan.\n"
    )


def _rewards(home: Path) -> str:
    text = "Training reward against test pass@1, one point a run"
    there = (home / "figures" / "brittleness.png").is_file()
    return f"![{text}](figures/brittleness.png)\n\n*{text}.*\n" if there else ""
