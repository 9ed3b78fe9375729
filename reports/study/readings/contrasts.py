"""Differences between two recipes, with training seeds and problems as samples, and what they decide."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.comparison.verdict import Reading, size, state, verdict
from analysis.inference.intervals import normal_quantile
from analysis.inference.seeds import crossed_interval, seed_difference

Pair = tuple[np.ndarray, np.ndarray]
LEVEL, MARGIN, POWER = 0.05, 0.02, 0.8
K = 32  # of the verdict, declared in plan.toml before the test problems were asked
AGREES = {  # what a claim says → states that agree with it, states that speak against it
    "up": ({"up"}, {"down", "same", "not up"}),
    "down": ({"down"}, {"up", "same", "not down"}),
    "same": ({"within"}, {"beyond"}),
}


def reading(
    b: np.ndarray,
    a: np.ndarray,
    k: int,
    *,
    parts: int = 1,
    any_part: bool = False,
    paired: bool = False,
    margin: float = MARGIN,
) -> dict[str, Any]:
    """The difference b - a, (S, M) each, as a reading: estimate, low, high at level / parts, and its state.

    any_part: one of the parts alone can decide, so that the interval that is held against the margin, of 2 ·
    level, is divided by the parts too. paired: seed s of b was trained from seed s of a; only seeds that both
    have are taken by the caller. margin: within which the two are the same. crossed: the interval with noise
    of problems × seeds counted once. detectable: the effect that an
    estimate with this error shows with 80% power.
    """
    outer = seed_difference(a, b, level=LEVEL / parts, paired=paired)
    inner = seed_difference(a, b, level=2 * LEVEL / (parts if any_part else 1), paired=paired)
    held = Reading(k, outer["estimate"], outer["low"], outer["high"], inner["low"], inner["high"])
    return {
        "k": k,
        **{key: getattr(held, key) for key in ("estimate", "low", "high", "inner_low", "inner_high")},
        "a": float(a.mean()),
        "b": float(b.mean()),
        "per_seed": outer["per_seed"],
        "seed_sd": outer["seed_sd"],
        "seeds": outer["seeds"],
        "seeds_known": outer["seeds_known"],
        "units": int(b.shape[1]),
        "level": LEVEL / parts,
        "crossed": list(crossed_interval(a, b, level=LEVEL / parts, paired=paired)),
        "state": state(held, LEVEL, margin),
        "size": size(held, margin),
        "detectable": (outer["high"] - outer["low"]) / 2 + normal_quantile(POWER) * outer["error"],
    }


def outcome(parts: list[dict[str, Any]]) -> str:
    """Of a claim from its parts (state, size, says): every part must agree, one against it is enough to fail.

    A claim of a direction is held against 0; that nothing changes is a claim of equivalence, held against the
    margin alone: a change that is shown to be smaller agrees with it, one shown to be larger does not.
    """
    if not parts:
        return "not studied"
    found = [(p["size"] if p["says"] == "same" else p["state"], *AGREES[p["says"]]) for p in parts]
    if all(state in agrees for state, agrees, _ in found):
        return "reproduced"
    if any(state in against for state, _, against in found):
        return "not reproduced"
    return "undetermined"


def below_margin(parts: list[dict[str, Any]]) -> bool:
    """Whether a claimed direction is there and shown to be smaller than the margin, in some part."""
    return any(p["says"] != "same" and p["state"] == p["says"] and p["size"] == "within" for p in parts)


def gap_sign(first: Pair, large: Pair, paired: bool = False) -> int:
    """1 where pass@1 is shown to gain more than pass@K, -1 where less, else 0; each pair (b, a), (S, M)."""
    b, a = ((y - x).clip(0, 1) for x, y in zip(first, large, strict=True))  # what is left to gain by trying
    found = seed_difference(b, a, level=LEVEL, paired=paired)
    return int(found["low"] > 0) - int(found["high"] < 0)


def seeds_verdict(first: dict[str, Any], large: dict[str, Any], gap: int) -> dict[str, Any]:
    """The verdict of two readings at k = 1 and K that were made with parts = 2; gap: of `gap_sign`."""
    readings = [
        Reading(r["k"], r["estimate"], r["low"], r["high"], r["inner_low"], r["inner_high"])
        for r in (first, large)
    ]
    return verdict(*readings, level=LEVEL, margin=MARGIN, gap=gap)
