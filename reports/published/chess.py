"""SFT against RL from it on chess moves: 18 pairs at one greedy sample each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from analysis.inference.exact_tests import holm, mcnemar
from analysis.inference.intervals import paired_rates
from reports.published.data import load
from reports.published.parts import Grid, Run, card, interval, p_text, points

FLOOR = 0.2  # a move drawn from the five that a problem offers
TASKS = {"bestmove": "best move", "worstmove": "worst move"}
CANNOT = "n = 1: pass@1 alone, no word on coverage; one training run of each"


def pairs(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """RL minus SFT of every arm and task: exact McNemar, Holm over all pairs; a rate is of right moves."""
    out: list[dict[str, Any]] = []
    for (arm, task), part in frame.groupby(["arm", "task"]):
        wide = part.pivot(index="problem", columns="stage", values="c").dropna()
        answered = part.groupby("stage")["answered"].mean()
        a, b = wide["SFT"], wide["RL"]
        gained, lost = int(((a == 0) & (b == 1)).sum()), int(((a == 1) & (b == 0)).sum())
        low, high = paired_rates(gained, lost, len(wide))
        out.append(
            {
                "arm": str(arm).split("_")[0],
                "task": TASKS[str(task)],
                "problems": len(wide),
                "sft": float(a.mean()),
                "rl": float(b.mean()),
                "gained": gained,
                "lost": lost,
                "difference": float(b.mean() - a.mean()),
                "low": float(low),
                "high": float(high),
                "p": float(mcnemar(gained, lost)),
                "answered": [float(answered["SFT"]), float(answered["RL"])],
            }
        )
    for one, p in zip(out, holm([o["p"] for o in out]), strict=True):
        one["p_holm"] = float(p)
        one["reading"] = "undetermined" if p > 0.05 else "up" if one["difference"] > 0 else "down"
    return out


def run(folder: Path | None = None) -> Run:
    """The section on chess."""
    found = pairs(load("lang_chess.csv.gz", folder))
    rows = [
        (
            f["arm"],
            f["task"],
            f"{f['sft']:.3f}",
            f"{f['rl']:.3f}",
            f"{f['gained']}",
            f"{f['lost']}",
            points(f["difference"]),
            interval(f["low"], f["high"]),
            p_text(f["p"]),
            p_text(f["p_holm"]),
            f["reading"],
        )
        for f in found
    ]
    by = {(f["arm"], f["task"]): f for f in found}
    ups = sum(f["reading"] == "up" for f in found)
    return Run(
        name="Chess: RL after nine kinds of SFT",
        source="github.com/lucasdino/lang-chess",
        licence="MIT",
        can="whether RL changed the share of right moves on 400 positions, paired by position, for nine SFT "
        "arms "
        "and two tasks (choose the best or the worst move of those offered).",
        cannot="anything on coverage: one greedy answer per position has no pass@K, so expansion and "
        "sharpening "
        "cannot be told apart. Guessing is right about one time in five, so a rate near .2 shows no skill "
        "and a "
        "rate below it no lack of it.",
        cards=[_card(by["SFT5", "worst move"]), _card(by["SFT1", "best move"])],
        grids=[
            Grid(
                f"All {len(found)} pairs, Holm over all of them (guess floor about {FLOOR}); {ups} are up:",
                (
                    "arm",
                    "task",
                    "SFT",
                    "RL",
                    "gained",
                    "lost",
                    "difference",
                    "95%",
                    "p",
                    "p (Holm)",
                    "reading",
                ),
                rows,
            )
        ],
        figure=("chess", "RL minus SFT for the 18 pairs, with 95% intervals"),
        record={"pairs": found, "guess_floor": FLOOR},
    )


def _card(f: dict[str, Any]) -> str:
    words = {"up": "pass@1 up", "down": "pass@1 down"}
    return card(
        f"A = {f['arm']}, B = RL from it; {f['problems']} positions, {f['task']}, greedy",
        words.get(f["reading"], "undetermined"),
        CANNOT,
        [
            f"pass@1 {f['sft']:.3f} → {f['rl']:.3f}: {f['gained']} gained, {f['lost']} lost, "
            f"{points(f['difference'])} points (95% {interval(f['low'], f['high'])}); exact McNemar p "
            f"{p_text(f['p'])}, "
            f"over 18 pairs {p_text(f['p_holm'])}. Guess floor about {FLOOR}.",
            f"With an answer: {f['answered'][0]:.1%} and {f['answered'][1]:.1%}.",
        ],
    )
