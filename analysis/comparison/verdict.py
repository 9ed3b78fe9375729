"""The verdict: a pure function of two numbers with their intervals, and of what was declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

OUTCOMES = ("expansion", "sharpening", "coverage-only", "regression", "no-change", "undetermined")


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the two numbers that decide, in rates.

    estimate: Δpass@k. low, high: joint 1 - level region of both numbers, for direction. inner_low,
    inner_high: its 1 - 2·level interval, for equivalence (two one-sided tests). p: joint sign-flip p-value,
    or None where only rates are known.
    """

    k: int
    estimate: float
    low: float
    high: float
    inner_low: float
    inner_high: float
    p: float | None = None


def state(reading: Reading, level: float, margin: float) -> str:
    """ "same", "up", "down", or "open"; "not up" and "not down" are open readings bounded by the margin.

    A difference whose 1 - 2·level interval lies within the margin is "same", even if it differs from 0:
    the margin was declared as the size below which a change does not count.
    """
    if -margin < reading.inner_low and reading.inner_high < margin:
        return "same"
    sure = reading.p is None or reading.p <= level
    if sure and reading.low > 0:
        return "up"
    if sure and reading.high < 0:
        return "down"
    if reading.inner_high < margin:
        return "not up"
    return "not down" if reading.inner_low > -margin else "open"


def decide(first: str, large: str, K: int) -> tuple[str, str | None]:
    """Outcome and kind from the states (`state`) of pass@1 and pass@K: the table of the README."""
    if first == large == "same":
        return "no-change", None
    if first == "up":
        kinds = {"down": "coverage lost", "same": "coverage equivalent", "not up": "coverage not gained"}
        if large == "up":
            return "expansion", None
        return ("sharpening", kinds[large]) if large in kinds else ("undetermined", "pass@1 up")
    if large == "up":
        kinds = {"down": "pass@1 lost", "same": "pass@1 equivalent", "not up": "pass@1 not gained"}
        return ("coverage-only", kinds[first]) if first in kinds else ("undetermined", f"pass@{K} up")
    ruled_out = ("down", "same", "not up")
    if "down" in (first, large) and first in ruled_out and large in ruled_out:
        if first == large:
            return "regression", "both lost"
        return "regression", "pass@1 lost" if first == "down" else "coverage lost"
    if "down" in (first, large):
        return "undetermined", "pass@1 down" if first == "down" else f"pass@{K} down"
    return "undetermined", None


def verdict(
    first: Reading, large: Reading, *, level: float, margin: float, needed: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The verdict as a JSON-safe dict: outcome, kind, sentence, reasons, needed, and the two readings.

    first, large: Δpass@1 and Δpass@K. needed: problems and samples that would settle an undetermined verdict
    (`analysis.comparison.planning.needed`), kept only there. The direction of a number is claimed only
    where its joint
    region excludes 0 and its joint sign-flip p-value is at most the level, so that two draws of one model
    give a verdict other than no-change or undetermined with probability at most `level`.
    """
    states = state(first, level, margin), state(large, level, margin)
    outcome, kind = decide(*states, large.k)
    return {
        "outcome": outcome,
        "kind": kind,
        "sentence": _sentence(outcome, kind, first, large),
        "reasons": [_reason(r, s, level, margin) for r, s in zip((first, large), states, strict=True)],
        "needed": needed if outcome == "undetermined" else None,
        "states": {"pass@1": states[0], "pass@K": states[1]},
        "numbers": [_number(r) for r in (first, large)],
    }


def _points(x: float) -> str:
    return f"{100 * x:+.1f}"


def _sentence(outcome: str, kind: str | None, first: Reading, large: Reading) -> str:
    K = large.k
    numbers = f"pass@1 {_points(first.estimate)} points, pass@{K} {_points(large.estimate)} points"
    says = {
        "expansion": f"Both rose: more is solved at the first try and within {K} tries",
        "coverage-only": f"More is solved within {K} tries, but not at the first",
        "regression": "The later checkpoint is worse, and better at neither",
        "no-change": "Both numbers are the same within the margin",
        "undetermined": "These samples do not decide",
    }
    sharpened = {
        "coverage lost": f"but fewer problems are solved within {K}",
        "coverage equivalent": f"and what is solved within {K} is the same within the margin",
        "coverage not gained": f"and what is solved within {K} did not grow beyond the margin",
    }
    text = (
        f"Sharpened: the first try is better, {sharpened[kind or '']}"
        if outcome == "sharpening"
        else says[outcome]
    )
    if outcome == "undetermined" and kind:
        text += f": {kind}, the other number open"
    return f"{text} ({numbers})."


def _reason(r: Reading, state: str, level: float, margin: float) -> str:
    joint = f"[{_points(r.low)}, {_points(r.high)}]"
    inner = f"[{_points(r.inner_low)}, {_points(r.inner_high)}]"
    says = {
        "up": f"is up: the joint {1 - level:.0%} region {joint} lies above 0",
        "down": f"is down: the joint {1 - level:.0%} region {joint} lies below 0",
        "same": f"is the same: its {1 - 2 * level:.0%} interval {inner} lies within ±{100 * margin:g}",
        "not up": f"did not rise by {100 * margin:g} or more (at most {_points(r.inner_high)}), "
        f"but down is not told from the same: joint region {joint}",
        "not down": f"did not fall by {100 * margin:g} or more (at least {_points(r.inner_low)}), "
        f"but up is not told from the same: joint region {joint}",
        "open": f"is open: joint region {joint}, equivalence interval {inner} against ±{100 * margin:g}",
    }
    differs = r.low > 0 or r.high < 0
    extra = "; it differs from 0, but by less than the margin" if state == "same" and differs else ""
    chance = "" if r.p is None else f" (sign-flip p = {r.p:.2g})"
    return f"Δpass@{r.k} of {_points(r.estimate)} points {says[state]}{extra}{chance}"


def _number(r: Reading) -> dict[str, Any]:
    return {name: getattr(r, name) for name in Reading.__slots__}
