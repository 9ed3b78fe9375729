"""RL over mid-training mixes: the accuracy curves of 35 published runs."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.comparison.published_rates import variance
from analysis.inference.exact_tests import holm
from analysis.inference.intervals import normal_quantile
from reports.published.data import load
from reports.published.parts import Grid, Run, card, interval, points

PROBLEMS = {"math500": 500, "gsm8k": 1319}
COLLAPSE = 0.1  # below the run's best by this much at the end
CANNOT = "rates of pass@1 alone: no word on coverage, nothing paired, one training run of each"


def ends(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """First and last measurement of every run and benchmark, unpaired binomial errors, Holm over all."""
    out: list[dict[str, Any]] = []
    for (benchmark, run), part in frame.groupby(["benchmark", "run"]):
        part = part.sort_values("step")
        m = PROBLEMS[str(benchmark)]
        first, last = float(part["accuracy"].iloc[0]), float(part["accuracy"].iloc[-1])
        error = math.sqrt((variance(first, m) + variance(last, m)) / m)
        half, d = normal_quantile(0.975) * error, last - first
        out.append(
            {
                "run": short(str(run)),
                "set": str(part["set"].iloc[0]),
                "benchmark": str(benchmark),
                "steps": int(part["step"].iloc[-1]),
                "first": first,
                "last": last,
                "best": float(part["accuracy"].max()),
                "measured": len(part),
                "difference": d,
                "low": d - half,
                "high": d + half,
                "p": math.erfc(abs(d) / error / math.sqrt(2)),
            }
        )
    for one, p in zip(out, holm([o["p"] for o in out]), strict=True):
        one["reading"] = "undetermined" if p > 0.05 else "up" if one["difference"] > 0 else "down"
        one["p_holm"] = float(p)
    return out


def short(run: str) -> str:
    """A run's name without what all of them share."""
    text = re.sub(r"^rl\.grpo_|_math\.8k|_\d{4}_\d{4}$", "", run)
    return re.sub(r"_rlctx\.4\.8k|_orzbase|stable\.130b_|analysis_", "", text)


def run(folder: Path | None = None) -> Run:
    """The section on OctoThinker."""
    found = ends(load("octothinker.csv.gz", folder))
    maths = [f for f in found if f["benchmark"] == "math500"]
    names = {f["run"]: f for f in maths}
    ups, n = sum(f["reading"] == "up" for f in found), len(found)
    fallen = sorted({f["run"] for f in found if f["best"] - f["last"] > COLLAPSE})
    rows = [
        (
            f["run"],
            f["benchmark"],
            str(f["steps"]),
            f"{f['first']:.3f}",
            f"{f['last']:.3f}",
            f"{f['best']:.3f}",
            points(f["difference"]),
            interval(f["low"], f["high"]),
            f["reading"],
        )
        for f in found
    ]
    return Run(
        name="OctoThinker: RL over mid-training mixes",
        source="github.com/GAIR-NLP/OctoThinker (Z. Wang et al., arXiv:2506.20512): accuracy along 35 RL "
        "runs from "
        "Llama-3.2 and Qwen2.5 bases after unlike mid-training, MATH500 and GSM8K",
        licence="Apache-2.0",
        can="whether accuracy at the end of a run is above that before RL, and how far apart the ends of "
        "runs over "
        "unlike mixes are.",
        cannot="expansion or sharpening: no count per problem was published, so there is no pass@K. Runs "
        "have different lengths and settings; the best of some hundred measurements is an optimistic number, "
        "so the "
        "last "
        "is read. Low accuracy at step 0 is in part answers that the grader could not read, not lack of "
        "ability.",
        cards=[_card(names["llama.3b"]), _card(names["llama.3b_decay_long.20B"])],
        grids=[
            Grid(
                f"All {n} pairs, Holm over all of them: {ups} up. Best: the largest of all measurements "
                f"of the "
                "run, for comparison only:",
                ("run", "benchmark", "steps", "step 0", "last", "best", "difference", "95%", "reading"),
                rows,
            )
        ],
        notes=[
            f"Runs whose last measurement is more than {100 * COLLAPSE:.0f} points below their best: "
            + ", ".join(f"`{name}`" for name in fallen)
            + ". The best alone would hide it.",
            _mixes(names),
        ],
        figure=("octothinker", "MATH500 accuracy along RL: Llama base, three mid-training mixes, Qwen base"),
        record={"ends": found, "fallen": fallen},
    )


def _mixes(names: dict[str, dict[str, Any]]) -> str:
    long, brief, mix = (names[f"llama.3b_decay_{x}.20B"]["last"] for x in ("long", "short", "long.short.mix"))
    error = normal_quantile(0.975) * math.sqrt((variance(long, 500) + variance(mix, 500)) / 500)
    base, qwen = names["llama.3b"]["last"], names["qwen.3b"]["last"]
    return (
        f"After RL on 3B models, MATH500 ends at {base:.3f} from the Llama base, at {brief:.3f}, {mix:.3f} "
        f"and "
        f"{long:.3f} after mid-training on the short, mixed and long mixes, and at {qwen:.3f} from the Qwen "
        f"base. "
        f"The long mix is above the mixed one by {points(long - mix)} points (±{100 * error:.1f}, "
        f"unpaired); its "
        "runs stop after 300 steps and those of the others go on to more than 600. That the mix decides "
        "what RL reaches is "
        "supported for the Llama base against all three mixes; the order among the mixes rests on one run "
        "of each."
    )


def _card(f: dict[str, Any]) -> str:
    words = {"up": "pass@1 up", "down": "pass@1 down"}
    return card(
        f"A = step 0, B = step {f['steps']} of RL, {f['run']}; {PROBLEMS[f['benchmark']]} problems of "
        f"{f['benchmark']}",
        words.get(f["reading"], "undetermined"),
        CANNOT,
        [
            f"Accuracy {f['first']:.3f} → {f['last']:.3f}: {points(f['difference'])} points (95% unpaired "
            f"{interval(f['low'], f['high'])}); best of {f['measured']} measurements {f['best']:.3f}."
        ],
    )
