"""The paper's own numbers, read again with the verdict function: what its rates alone can carry."""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.comparison.published_rates import verdict_from_changes, verdict_from_rates
from reports.paper.data import load_numbers
from reports.study.readings.contrasts import K

GSM8K, MATH = 1319, 5000  # problems of the test sets
CHANGES = "math_data_vs_scale"  # this figure has differences alone
ROWS = (  # figure, problems, a, b, tokens in billions, what the paper says of it
    ("fig3_gsm8k_sft_gold", GSM8K, "base", "rl", "4", "direct RL is effective early and expands"),
    ("fig3_gsm8k_sft_gold", GSM8K, "base", "rl", "10", "direct RL expands"),
    ("fig3_gsm8k_sft_gold", GSM8K, "base", "rl", "44", "direct RL expands"),
    ("fig2_gsm8k_single_sft", GSM8K, "sft", "sft-rl", "44", "RL after SFT sharpens"),
    ("fig3_gsm8k_sft_gold", GSM8K, "sft-gold", "sft-gold-rl", "10", "RL after SFT-Gold sharpens"),
    ("fig3_gsm8k_sft_gold", GSM8K, "sft-gold", "sft-gold-rl", "44", "RL after SFT-Gold sharpens"),
    ("math_passatk", MATH, "base", "rl", "10", "direct RL expands"),
    (CHANGES, MATH, "1B/50B", "direct RL", "10", "direct RL expands"),
    (CHANGES, MATH, "4B/50B", "direct RL", "10", "direct RL expands"),
    (CHANGES, MATH, "1B/60B-math", "direct RL", "10", "direct RL expands"),
    ("math_passatk", MATH, "sft-gold", "sft-gold-rl", "6", "RL after SFT-Gold sharpens"),
    ("math_passatk", MATH, "sft-gold", "sft-gold-rl", "10", "RL after SFT-Gold sharpens"),
    ("math_passatk", MATH, "sft-gold", "sft-gold-rl", "28", "RL after SFT-Gold sharpens"),
    ("a4_base_shots", GSM8K, "0-shot", "1-shot", "44", "the same base, another prompt"),
)


def reread() -> list[dict[str, Any]]:
    """One row per comparison: the published change at pass@1 and pass@K, and the verdict on it."""
    numbers = load_numbers()
    return [found for row in ROWS if (found := _row(numbers, *row)) is not None]


def _row(
    numbers: pd.DataFrame, figure: str, problems: int, a: str, b: str, tokens: str, says: str
) -> dict[str, Any] | None:
    mine = numbers[(numbers["figure"] == figure) & (numbers["x"] == tokens)]
    names = zip(mine["series"], mine["metric"], strict=True)
    rates = dict(zip(names, (mine["y"] / 100).tolist(), strict=True))
    if figure == CHANGES:
        if (a, "delta_pass@1") not in rates:
            return None
        change = {k: rates[a, f"delta_pass@{k}"] for k in (1, K)}
        found = verdict_from_changes(change, problems=problems, n=K)
    else:
        if not {(s, f"pass@{k}") for s in (a, b) for k in (1, K)} <= set(rates):
            return None
        before, after = ({k: rates[s, f"pass@{k}"] for k in (1, K)} for s in (a, b))
        found = verdict_from_rates(before, after, problems=problems, n=K)
    return {
        "benchmark": str(mine["benchmark"].iloc[0]),
        "figure": figure,
        "a": "base" if figure == CHANGES else a,
        "b": f"{b}, {a}" if figure == CHANGES else b,
        "tokens": float(tokens),
        "problems": problems,
        "paper": says,
        "outcome": found["outcome"],
        "kind": found["kind"],
        "numbers": found["numbers"],
        "assumed": found["assumed"],
    }
