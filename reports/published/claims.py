"""The paper's claims on pass@k, judged on the points of its own figures (rates alone, unpaired)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.comparison.options import Options
from analysis.comparison.published_rates import verdict_from_changes, verdict_from_rates
from reports.paper.data import load_numbers
from reports.published.parts import Claim, interval, points

GSM8K, MATH = 1319, 5000  # problems of the test sets
GOLD, SINGLE, PARALLEL = "fig3_gsm8k_sft_gold", "fig2_gsm8k_single_sft", "fig6_parallel"
TIMES = ("2", "4", "6", "10", "12", "14", "20", "28", "44")


def rate(numbers: pd.DataFrame, figure: str, series: str, tokens: str, k: int) -> float | None:
    """One point of a figure as a rate; None where it is not drawn."""
    chosen = numbers[
        (numbers["figure"] == figure)
        & (numbers["series"] == series)
        & (numbers["x"] == tokens)
        & (numbers["metric"] == f"pass@{k}")
    ]
    return float(chosen["y"].iloc[0]) / 100 if len(chosen) else None


def along(
    numbers: pd.DataFrame, a: tuple[str, str], b: tuple[str, str], problems: int, K: int = 32
) -> dict[str, Any]:
    """{tokens: verdict} of b against a, each (figure, series), wherever both are drawn at 1 and K."""
    out = {}
    for tokens in TIMES:
        drawn = [{k: rate(numbers, *side, tokens, k) for k in (1, K)} for side in (a, b)]
        before, after = ({k: v for k, v in side.items() if v is not None} for side in drawn)
        if len(before) == len(after) == 2:
            out[tokens] = verdict_from_rates(before, after, problems=problems, n=32, options=Options(K=K))
    return out


def at(found: dict[str, Any], tokens: str, k: int) -> str:
    """The change of pass@k with its interval."""
    one = next(n for n in found[tokens]["numbers"] if n["k"] == k)
    return f"{points(one['estimate'])} ({interval(one['low'], one['high'])})"


def signs(found: dict[str, Any], k: int) -> tuple[list[str], list[str], list[str]]:
    """Tokens where pass@k is up, down, and open."""
    up: list[str] = []
    down: list[str] = []
    still: list[str] = []
    for tokens, verdict in found.items():
        one = next(n for n in verdict["numbers"] if n["k"] == k)
        (up if one["low"] > 0 else down if one["high"] < 0 else still).append(tokens)
    return up, down, still


def _at(tokens: list[str]) -> str:
    return f"{', '.join(tokens)}B" if tokens else "no checkpoint"


def outcomes(found: dict[str, Any]) -> str:
    """The verdicts, with where they hold."""
    names = dict.fromkeys(v["outcome"] for v in found.values())
    return "; ".join(
        f"{name} at {_at([t for t, v in found.items() if v['outcome'] == name])}" for name in names
    )


def claims() -> list[Claim]:
    """Every claim on pass@k."""
    numbers = load_numbers()
    return [
        *_early(numbers),
        *_gold(numbers),
        *_expansion(numbers),
        *_mix(numbers),
        *_parallel(numbers),
        *_open(),
    ]


def _early(numbers: pd.DataFrame) -> list[Claim]:
    rl = along(numbers, (SINGLE, "base"), (SINGLE, "rl"), GSM8K)
    sft = along(numbers, (SINGLE, "sft"), (SINGLE, "rl"), GSM8K)
    full = along(numbers, (SINGLE, "sft-rl"), (SINGLE, "rl"), GSM8K)
    a, b = (100 * (rate(numbers, SINGLE, s, "4", 1) or 0) for s in ("base", "rl"))
    up, _, still = signs(sft, 1)
    below = signs(full, 1)[1]
    return [
        Claim(
            "From 4B tokens direct RL lifts GSM8K pass@1 from about 2% to about 16–18%",
            "supported",
            f"{a:.1f} → {b:.1f} in the figure, {at(rl, '4', 1)}: a little below the text's range. The "
            f"best seed "
            "is shown, which is optimistic.",
        ),
        Claim(
            "With one demonstration a question, RL beats SFT on pass@1 from 10B tokens",
            "supported",
            f"Above at {_at(up)}, open at {_at(still)}.",
        ),
        Claim(
            "RL approaches SFT→RL on pass@1",
            "supported",
            f"Below it at {_at(below)}; the difference closes from {at(full, '10', 1)} at 10B to "
            f"{at(full, '20', 1)} at 20B and {at(full, '44', 1)} at 44B, where the two cannot be told apart.",
        ),
    ]


def _gold(numbers: pd.DataFrame) -> list[Claim]:
    found = {k: along(numbers, (GOLD, "rl"), (GOLD, "sft-gold"), GSM8K, k) for k in (8, 32)}
    up = {k: signs(found[k], k)[0] for k in found}
    return [
        Claim(
            "With all demonstrations SFT-Gold is above direct RL at pass@8 and pass@32",
            "supported",
            f"pass@8 above at {_at(up[8])}; pass@32 at {_at(up[32])}. At 44B: {at(found[8], '44', 8)} "
            f"and "
            f"{at(found[32], '44', 32)}.",
        )
    ]


def _expansion(numbers: pd.DataFrame) -> list[Claim]:
    gsm = along(numbers, (GOLD, "base"), (GOLD, "rl"), GSM8K)
    maths = along(numbers, ("math_passatk", "base"), ("math_passatk", "rl"), MATH)
    one = along(numbers, (SINGLE, "sft"), (SINGLE, "sft-rl"), GSM8K)
    gold = along(numbers, (GOLD, "sft-gold"), (GOLD, "sft-gold-rl"), GSM8K)
    hard = along(numbers, ("math_passatk", "sft-gold"), ("math_passatk", "sft-gold-rl"), MATH)
    return [
        Claim(
            "Direct RL expands: pass@1 and pass@32 rise, on GSM8K",
            "supported",
            f"{outcomes(gsm)}. Base 8-shot, RL 0-shot: part of it may be the prompt.",
        ),
        Claim(
            "Direct RL expands, on MATH",
            "in part",
            f"Not in general: {outcomes(maths)}. At 10B pass@1 {at(maths, '10', 1)}, pass@32 "
            f"{at(maths, '10', 32)}: "
            "by the paper's own definition sharpening.",
        ),
        Claim(
            "RL after SFT sharpens: pass@1 rises and pass@32 falls, on GSM8K",
            "supported",
            f"After SFT: {outcomes(one)}. After SFT-Gold: {outcomes(gold)}.",
        ),
        Claim(
            "RL after SFT sharpens, on MATH",
            "contradicted",
            f"After SFT-Gold: {outcomes(hard)}. At 10B pass@1 {at(hard, '10', 1)}, pass@32 "
            f"{at(hard, '10', 32)}.",
        ),
    ]


def _mix(numbers: pd.DataFrame) -> list[Claim]:
    parts = []
    mine = numbers[numbers["figure"] == "math_data_vs_scale"].set_index(["series", "metric", "x"])["y"]
    for tokens in ("10", "20"):
        d = {
            k: float(
                mine["1B/60B-math", f"delta_pass@{k}", tokens] - mine["4B/50B", f"delta_pass@{k}", tokens]
            )
            / 200
            for k in (1, 32)
        }
        numbered = verdict_from_changes(d, problems=MATH, n=32)[
            "numbers"
        ]  # at half the change: twice its interval
        one = {
            n["k"]: f"{points(2 * n['estimate'])} ({interval(2 * n['low'], 2 * n['high'])})" for n in numbered
        }
        parts.append(f"at {tokens}B pass@1 {one[1]}, pass@32 {one[32]}")
    return [
        Claim(
            "On MATH the pre-training mix is a stronger lever than model scale",
            "in part",
            f"What RL adds, 1B with more math minus 4B: {'; '.join(parts)} (the difference of two "
            f"changes): more at pass@32, not told apart at pass@1 at 10B. One pre-training run of each, and "
            "the mix also has 10B tokens more: mix and amount are confounded.",
        )
    ]


def _parallel(numbers: pd.DataFrame) -> list[Claim]:
    versus = {
        s: along(numbers, (f, s), (PARALLEL, "parallel"), GSM8K)
        for f, s in ((PARALLEL, "rl"), (PARALLEL, "sft"), (PARALLEL, "sft-rl"), (GOLD, "sft-gold"))
    }
    up = {s: signs(found, 32)[0] for s, found in versus.items()}
    below = signs(versus["sft-gold"], 32)[1]
    _, lower, same = signs(versus["rl"], 1)
    return [
        Claim(
            "Parallel averaging has the best pass@32 at every checkpoint",
            "contradicted",
            f"Best among the recipes of its own figure (above RL at {_at(up['rl'])}, above SFT→RL at "
            f"{_at(up['sft-rl'])}), but SFT-Gold of another figure of the paper is above it at every "
            f"checkpoint, "
            f"told apart at {_at(below)} (parallel − SFT-Gold {at(versus['sft-gold'], '6', 32)} at 6B, "
            f"{at(versus['sft-gold'], '44', 32)} at 44B). SFT-Gold uses more demonstrations.",
        ),
        Claim(
            "Parallel averaging has a lower pass@1 than direct RL",
            "supported",
            f"Below at {_at(lower)}, open at {_at(same)}; {at(versus['rl'], '20', 1)} at 20B.",
        ),
    ]


def _open() -> list[Claim]:
    """Claims whose numbers were not published in a form that anything can be read from."""
    none = "Nothing was published that a test could use: "
    return [
        Claim(
            "More rollouts per prompt (64 against 5) are more sample-efficient and less compute-efficient",
            "not decidable",
            none + "the curves are there, the number of problems of the easy and hard sets is not, and each "
            "setting is one run.",
        ),
        Claim(
            "The base's pass@k on the training prompts predicts what RL reaches",
            "not decidable",
            none + "the base's values on the training prompts are not among the published points.",
        ),
        Claim(
            "SFT has converged after 5 epochs",
            "not decidable",
            none + "no values along the epochs are among the published points.",
        ),
    ]


def prompt_note() -> str:
    """What the base's prompt alone changes, which every base comparison carries."""
    found = along(load_numbers(), ("a4_base_shots", "0-shot"), ("a4_base_shots", "1-shot"), GSM8K)
    return (
        f"The prompt moves the base as much as RL does: 1-shot minus 0-shot of the same base at 44B is "
        f"{at(found, '44', 1)} points at pass@1 and {at(found, '44', 32)} at pass@32. The paper compares "
        f"8-shot "
        "bases with 0-shot trained checkpoints, and every verdict against a base carries that difference."
    )
