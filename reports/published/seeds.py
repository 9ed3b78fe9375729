"""Seeds of direct RL at the early checkpoint, and MATH problems gained and lost, from the authors' fork."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.inference.exact_tests import mcnemar
from analysis.inference.intervals import paired_rates
from reports.published.data import load
from reports.published.general import SOURCE, STEP
from reports.published.parts import Claim, Grid, Run, card, interval, p_text, points

STEPS = (200, 400, 600, 800, 1000, 1160)
PROMPTS = 1319  # if the validation prompts are the test set of GSM8K; fewer would only widen the range


def seeds(folder: Path | None = None) -> Run:
    """The section on three seeds of direct RL from 4.2 billion tokens."""
    frame = load("fork_seeds.csv.gz", folder)
    value = frame.set_index(["split", "seed", "step"])["mean"]
    names = sorted(frame["seed"].unique())
    rows = [
        (str(s), *(f"{value[split, seed, s]:.3f}" for split in ("train", "validation") for seed in names))
        for s in STEPS
    ]
    spread = {split: _range(value, split, names, 1000) for split in ("train", "validation")}
    alike = _range(value, "validation", names[1:], 1000)  # the runs that logged alike
    error = 1.96 * float(np.sqrt(2 * 0.2 * 0.8 / PROMPTS))
    text = (
        f"At step 1000 the three seeds' training reward differs by {spread['train']:.3f} and their "
        f"validation "
        f"accuracy by {spread['validation']:.3f} (two equal seeds on {PROMPTS:,} prompts: within {error:.3f})"
    )
    return Run(
        name="The paper: three seeds at 4.2 billion tokens",
        source=SOURCE,
        licence="Apache-2.0",
        can="how far apart three runs of direct RL from one early checkpoint come out.",
        cannot="whether the seed alone did it: the first run logged validation every 5 steps and the others "
        "every "
        "20, so their settings differ in at least that; three runs give no useful interval of the spread. "
        "The "
        "number of validation prompts was not published.",
        cards=[
            card(
                "Three seeds of direct RL from the base at 4.2B tokens, GSM8K, n = 32",
                "like reward, unlike accuracy",
                "curves of rates; three runs of unlike length, one of them perhaps under other settings",
                [text + "."],
            )
        ],
        grids=[
            Grid(
                "Reward on training prompts and accuracy on validation prompts, means over 20 steps:",
                ("step", *(f"train, seed {s}" for s in names), *(f"validation, seed {s}" for s in names)),
                rows,
            )
        ],
        claims=[
            Claim(
                "Early checkpoints are brittle across seeds: like training reward, unlike test accuracy",
                "in part",
                text + ". But the spread is that of the first run alone, whose settings differ: the two "
                f"others, logged alike, differ by {alike:.3f} in validation, as two equal seeds would. One "
                "checkpoint.",
            )
        ],
        record={"step": 1000, "range": spread, "alike": alike, "two_equal_seeds": error},
    )


def _range(value: pd.Series, split: str, names: list[int], step: int) -> float:
    at = [float(value[split, seed, step]) for seed in names]
    return round(max(at) - min(at), 4)


def math(folder: Path | None = None) -> Run:
    """The section on MATH problems solved within 8 tries before and after direct RL."""
    found = [_transition(row) for _, row in load("fork_math_support.csv", folder).iterrows()]
    base = ", ".join(f"{100 * f['a'] / f['problems']:.2f}% at {f['tokens']:.1f}B" for f in found)
    heads = ("tokens (B)", "gained", "lost", "Δpass@8", "95%", "p", "A drawn twice", "authors")
    return Run(
        name="The paper: MATH problems gained and lost",
        source=SOURCE,
        licence="Apache-2.0",
        can="whether more of the 5,000 test problems are solved within 8 tries after direct RL, paired by "
        "problem, and how many would change if one model were drawn twice.",
        cannot="what the gain is. The base was asked with one example and the RL checkpoint without, so "
        "prompt and training are confounded; the texts were not published, so whether right answers carry a "
        "derivation (the authors call the gain at the early checkpoints “fake news”) cannot be checked here.",
        cards=[_math_card(f) for f in (found[0], found[-1])],
        grids=[
            Grid("Paired by problem; the last column is the authors' own remark:", heads, _math_rows(found))
        ],
        claims=[
            Claim(
                "The MATH gains of the earliest checkpoints are “fake news” (the authors' remark in "
                "the fork)",
                "not decidable",
                "The gains exceed what drawing the base twice gives "
                f"({found[0]['gained']} against at most {found[0]['same_model']}), so they are no sampling "
                "noise; whether they are bare guesses needs the texts and a guess floor, which were not "
                "published.",
            )
        ],
        notes=[
            f"The table's base differs from the paper's MATH figure: pass@8 of {base} here against 1.56, "
            "1.84, 5.86, 6.28 and 6.44% at 2, 6, 10, 20 and 28B in the figure: at 10B RL adds 5.2 points by "
            "the fork and 3.2 by the figure."
        ],
        record={"transitions": found},
    )


def _math_card(f: dict[str, Any]) -> str:
    a, b, tokens = f["a"], f["b"], f["tokens"]
    return card(
        f"A = base (1-shot), B = direct RL (0-shot), {tokens:.1f}B tokens; 5,000 MATH problems, n = 8",
        "pass@8 up",
        "pass@8 alone: no pass@1, so neither expansion nor sharpening; two prompts; no texts, so work or no "
        "work stays open",
        [
            f"Solved within 8 tries: A {a:,}, B {b:,}; {f['gained']} gained, {f['lost']} lost: "
            f"{points(f['difference'])} points (95% {interval(f['low'], f['high'])}), exact McNemar p "
            f"{p_text(f['p'])}.",
            f"A drawn twice gains at most about {f['same_model']} problems and loses as many.",
        ],
    )


def _math_rows(found: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (f"{f['tokens']:.1f}", f"{f['gained']}", f"{f['lost']}", points(f["difference"]),
         interval(f["low"], f["high"]), p_text(f["p"]), f"≤ {f['same_model']}", f"“{f['label']}”")
        for f in found
    ]  # fmt: skip


def _transition(row: Any) -> dict[str, Any]:
    m, gained, lost = int(row["problems"]), int(row["gained_E"]), int(row["lost_S"])
    low, high = paired_rates(gained, lost, m)
    rate = row["base_solved"] / m
    return {
        "tokens": round(row["pretrain_step"] * STEP, 1),
        "problems": m,
        "a": int(row["base_solved"]),
        "b": int(row["rl_solved"]),
        "gained": gained,
        "lost": lost,
        "difference": (gained - lost) / m,
        "low": float(low),
        "high": float(high),
        "p": float(mcnemar(gained, lost)),
        "same_model": int(np.ceil(m * rate * (1 - rate))),  # Σ q(1-q) is largest where all problems are alike
        "label": row["authors_label"],
    }
