"""Tables of a study whose every probability is known."""

import numpy as np
import pandas as pd

from reports.study.driver.plan import RECIPES
from reports.study.readings.tables import Tables

STARTS = (1000, 2000, 3000, 4000)
PROBLEMS, N, ITEMS, DOCUMENTS = 60, 64, 200, 40

EASY, RARE = 30, 15  # of PROBLEMS: often solved by the base, and seldom; the rest never
RATES = {  # recipe → success rate of (easy, rare, other) problems
    "base": (0.30, 0.05, 0.0),
    "rl": (0.60, 0.15, 0.05),  # expansion
    "sft": (0.45, 0.08, 0.0),
    "sft-rl": (0.85, 0.0, 0.0),  # sharpening: pass@1 up, the rare are lost
    "sft-gold": (0.40, 0.30, 0.25),
    "sft-gold-rl": (0.90, 0.10, 0.0),
    "parallel": (0.50, 0.40, 0.40),
}
GENERAL = {
    "base": 0.9,
    "rl": 0.9,
    "parallel": 0.9,
    "sft": 0.6,
    "sft-gold": 0.5,
    "sft-rl": 0.6,
    "sft-gold-rl": 0.5,
}


def planted(
    rates: dict[str, tuple[float, float, float]] = RATES,
    *,
    seeds: tuple[int, ...] = (0, 1, 2),
    key: int = 0,
    general: dict[str, float] = GENERAL,
    arms: dict[str, tuple[float, float, float]] | None = None,
) -> Tables:
    """A study with the claims' answers known: rates of every recipe, the same at all starts and seeds."""
    rng = np.random.default_rng(key)
    counts, items, training = [], [], []
    for start in STARTS:
        for recipe in ("base", *RECIPES):
            for seed in (0,) if recipe == "base" else seeds:
                place = {"start": start, "recipe": recipe, "seed": seed}
                for draw in (0, 1) if recipe == "base" else (0,):
                    counts.append(_counts(rng, rates[recipe]).assign(where="cells", draw=draw, **place))
                items.append(_items(rng, general[recipe]).assign(**place))
                if recipe != "base":
                    training.append(_training(rng, 6).assign(where="cells", **place))
    for seed, recipe in [(s, r) for s in seeds for r in arms or ()]:
        place = {"where": "arms", "start": 2000, "recipe": recipe, "seed": seed}
        counts.append(_counts(rng, (arms or {})[recipe]).assign(draw=0, **place))
        training.append(_training(rng, 6).assign(**place))
    for seed in seeds if arms is None else ():
        place = {"where": "random", "start": 2000, "recipe": "random", "seed": seed}
        counts.append(_counts(rng, rates["base"]).assign(draw=0, **place))
    return Tables(
        counts=pd.concat(counts, ignore_index=True).assign(temperature=1.0),
        cells=pd.DataFrame(),
        training=pd.concat(training, ignore_index=True),
        capability=pd.concat(items, ignore_index=True),
        tuning={},
        tasks=pd.DataFrame(),
        run={},
    )


def _counts(rng: np.random.Generator, rates: tuple[float, float, float]) -> pd.DataFrame:
    p = np.repeat(rates, (EASY, RARE, PROBLEMS - EASY - RARE))
    return pd.DataFrame({"problem": [f"p{i:02d}" for i in range(PROBLEMS)], "n": N, "c": rng.binomial(N, p)})


def _items(rng: np.random.Generator, rate: float) -> pd.DataFrame:
    hard = np.arange(ITEMS) >= rate * ITEMS  # the same items are hard for all, as in life
    correct = np.where(rng.random(ITEMS) < 0.01, hard, ~hard)
    kinds = np.where(np.arange(ITEMS) % 2, "world_facts", "world_stories")
    items = pd.DataFrame({"task": kinds, "item": [f"i{i}" for i in range(ITEMS)], "correct": correct})
    bits = 2 - rate + rng.normal(0, 0.01, DOCUMENTS)  # text is the harder to expect, the more is forgotten
    kinds = np.array(["facts", "stories", "problems", "drills"])[np.arange(DOCUMENTS) % 4]
    kinds = np.char.add("world_text_", kinds)
    texts = pd.DataFrame({"task": kinds, "item": [f"d{i}" for i in range(DOCUMENTS)], "bits": bits})
    return pd.concat([items, texts], ignore_index=True)


def _training(rng: np.random.Generator, steps: int) -> pd.DataFrame:
    step = np.arange(1, steps + 1)
    correct = 0.2 + 0.5 * step / 24 + rng.normal(0, 0.005, steps)
    return pd.DataFrame({"step": step, "reward": correct, "correct": correct, "prompts": 16, "n": 8})
