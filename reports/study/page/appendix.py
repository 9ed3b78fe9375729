"""The later parts of the study's page: bases, side studies, the paper's numbers again, how it was made."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd

from reports.study.page.markdown import million, outcome, percent, points, table

COMMANDS = """```
make study          # all of it, resumable: runs/micro
make study-quick    # one start, one seed, fewer questions
make study-check    # pre-trains to the first start, runs one cell again, compares weights and counts
python -m reports.study.build --run runs/micro    # tables, findings, figures and this page
python -m reports.study.driver.real --model FOLDER    # the same question of a real model: runs/real
python -m reports.study.build --real runs/real    # its section of this page
```

The bytes repeat on AMD EPYC with and without AVX-512. On an Intel Xeon matrix products round otherwise:
`make study-check` says so there, and shows what the fresh cell solves beside the seeds above.
"""


def bases(found: dict[str, Any]) -> str:
    """What the base solves at every start, and how all samples came out."""
    held = found["samples"]
    keys = sorted((k for k in held["base"][0] if k.startswith("pass@")), key=lambda k: int(k[5:]))
    kinds = [k for k in ("facts", "stories") if k in held["base"][0]]
    rows = [
        [million(b["start"]), *(percent(b[k]) for k in (*keys, *kinds)), percent(b["guess_floor"], 2)]
        for b in held["base"]
    ]
    body = table(["tokens", *(f"{k} (%)" for k in (*keys, *kinds)), "guess floor (%)"], rows)
    large = f"pass@{found['options']['K']}"
    full = [million(b["start"]) for b in held["base"] if b[large] > 0.95]
    room = f"{large} of the base leaves little room to rise at {', '.join(full)}. " if full else ""
    return (
        f"## The bases\n\n{body}\n{room}The guess floor is the share of samples that would be right for "
        f"another problem's answer. Over all {held['checkpoints']} checkpoints ({held['samples']:,} "
        f"samples) at most {percent(held['most_truncated'])}% of a checkpoint's samples hit the length "
        f"limit, and at most {percent(held['most_without_answer'])}% had no answer in a box.\n"
    )


def reread(found: dict[str, Any]) -> str:
    """The paper's own numbers with the verdict on them."""
    rows = []
    for r in found["reread"]:
        place = [r["benchmark"].upper(), f"{r['tokens']:g}B", f"{r['a']} → {r['b']}", r["paper"]]
        rows.append([*place, *(points(n) for n in r["numbers"]), outcome(r)])
    body = table(["benchmark", "tokens", "", "the paper says", "pass@1", "pass@32", "verdict"], rows)
    sizes = {r["benchmark"].upper(): r["problems"] for r in found["reread"]}
    problems = " and ".join(f"{n:,} problems of {name}" for name, n in sizes.items())
    return (
        f"## The paper's own numbers, read again\n\n{body}\nFrom `reports/paper/figures.csv` (Bansal et "
        "al., arXiv:2606.04272), rates alone: no pairing and the largest possible spread are assumed, so "
        f"that intervals are the widest honest ones; {problems} are assumed, and one training run each. "
        "There n = k = 32, where pass@32 is 'any of 32 correct'.\n"
    )


def how(home: Path, found: dict[str, Any]) -> str:
    """Learning rates, commands, machine and time."""
    tuning = json.loads((home / "data" / "tuning.json").read_text("utf-8"))
    run = json.loads((home / "data" / "run.json").read_text("utf-8"))
    tasks = pd.read_csv(home / "data" / "tasks.csv")
    cells = tomllib.loads((home / "study.toml").read_text("utf-8"))
    way, chosen = tuning["how"], ", ".join(f"{b} {lr:g}" for b, lr in tuning["chosen"].items())
    tried = [
        [t["recipe"], f"{t['lr']:g}", percent(t["pass@1"]), percent(t["solved"])] for t in tuning["tries"]
    ]
    stages = [[r.stage, r.tasks, f"{float(str(r.core_seconds)) / 60:.1f}"] for r in tasks.itertuples()]
    packages = ", ".join(f"{k} {v}" for k, v in run.get("packages", {}).items())
    seeds = max(len(s) for s in found["seeds"].values())
    parts = [
        "## Learning rates\n",
        f"{len(way['rl'])} tries for each optimizer and recipe, from one start with one seed "
        f"({way['seed']}), with {cells['rl']['steps']} steps of RL on {cells['rl']['limit']} questions, on "
        f"`{way['problems']}` (n = {way['n']}, T = 1), before a test problem was asked. The rate of the "
        "best pass@1 in any of these rows is taken for every recipe and start that uses the optimizer: "
        f"{chosen}.\n",
        table(["recipe", "rate", "pass@1 (%)", f"solved in {way['n']} (%)"], tried),
        "## Repeat it\n",
        "`study.toml` has the cells and `plan.toml` all else; `data/` has the counts of every problem and "
        "cell, and the choice of learning rates; `findings.json` every number above.\n",
        COMMANDS,
        f"Run on {run.get('cores')} cores ({run.get('processor')}; {run.get('platform')}), Python "
        f"{run.get('python')}, {packages}: {run['core_hours']:g} core-hours, {run['wall_hours']:g} hours "
        f"on the clock beside other work. {run['cells']} cells were trained; the tables above are of "
        f"{len(found['starts'])} starts × 6 recipes × {seeds} {'seed' if seeds == 1 else 'seeds'} and "
        f"{found['problems']} problems.{_left(found)}\n",
        table(["stage", "tasks", "core-minutes"], stages),
    ]
    return "\n".join(parts)


def _left(found: dict[str, Any]) -> str:
    """What was planned and is not there."""
    return f" Planned and not run: {'; '.join(found['left'])}." if found["left"] else ""
