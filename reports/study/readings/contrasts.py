"""Differences between two recipes, with training seeds and problems as samples, and what they decide."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis.comparison.verdict import Reading, size, state, verdict
from analysis.inference.seeds import seed_difference

LEVEL, MARGIN = 0.05, 0.02
K = 32  # of the verdict, declared in plan.toml before the test problems were asked
AGREES = {  # what a claim says → states that agree with it, states that speak against it
    "up": ({"up"}, {"down", "same", "not up"}),
    "down": ({"down"}, {"up", "same", "not down"}),
    "same": ({"same"}, {"up", "down"}),  # but where the change is shown to be smaller than the margin
}


def reading(
    b: np.ndarray, a: np.ndarray, k: int, *, parts: int = 1, paired: bool = False, margin: float = MARGIN
) -> dict[str, Any]:
    """The difference b - a, (S, M) each, as a reading: estimate, low, high at level / parts, and its state.

    paired: seed s of b was trained from seed s of a; only seeds that both have are taken by the caller.
    margin: within which the two are the same.
    """
    outer = seed_difference(a, b, level=LEVEL / parts, paired=paired)
    inner = seed_difference(a, b, level=2 * LEVEL, paired=paired)
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
        "state": state(held, LEVEL, margin),
        "size": size(held, margin),
    }


def outcome(parts: list[dict[str, Any]]) -> str:
    """Of a claim from its parts (state, size, says): every part must agree, one against it is enough to fail.

    "same" is a claim of equivalence: a change within the margin agrees with it, be it shown to be one or not.
    """
    if not parts:
        return "not studied"
    states = [_held_against(p) for p in parts]
    if all(s in AGREES[p["says"]][0] for s, p in zip(states, parts, strict=True)):
        return "reproduced"
    if any(s in AGREES[p["says"]][1] for s, p in zip(states, parts, strict=True)):
        return "not reproduced"
    return "undetermined"


def _held_against(part: dict[str, Any]) -> str:
    small = part["says"] == "same" and part.get("size") == "within"
    return "same" if small else str(part["state"])


def seeds_verdict(first: dict[str, Any], large: dict[str, Any]) -> dict[str, Any]:
    """The verdict of two readings at k = 1 and K that were made with parts = 2."""
    readings = [
        Reading(r["k"], r["estimate"], r["low"], r["high"], r["inner_low"], r["inner_high"])
        for r in (first, large)
    ]
    return verdict(*readings, level=LEVEL, margin=MARGIN)
