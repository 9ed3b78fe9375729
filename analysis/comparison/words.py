"""One number as it is read, and the verdict in words that stay true however many problems are asked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the two numbers that decide, in rates.

    estimate: Δpass@k. low, high: joint 1 - level region of all numbers. step_low, step_high: the interval by
    which a direction is claimed (step-down: the region of the numbers that have no direction yet); None
    where there is no step, low and high then serve. inner_low, inner_high: the 1 - 2·level interval, for
    equivalence (two one-sided tests). p: step-down p-value, or None where only rates are known.
    """

    k: int
    estimate: float
    low: float
    high: float
    inner_low: float
    inner_high: float
    p: float | None = None
    step_low: float | None = None
    step_high: float | None = None

    @property
    def claim(self) -> tuple[float, float]:
        """The interval by which a direction is claimed."""
        low = self.low if self.step_low is None else self.step_low
        return low, self.high if self.step_high is None else self.step_high


def points(x: float) -> str:
    """A rate as signed percentage points."""
    return f"{100 * x:+.1f}"


def sentence_of(
    outcome: str, kind: str | None, states: tuple[str, str], readings: tuple[Reading, Reading], margin: float
) -> str:
    """One sentence with both numbers; the verdict's own words."""
    first, large = readings
    K, size = large.k, f"{100 * margin:g} points"
    numbers = f"pass@1 {points(first.estimate)} points, pass@{K} {points(large.estimate)} points"
    if outcome == "expansion":
        text = f"Both rose: more is solved at the first try and within {K} tries"
        small = {
            "both below the margin": f", both by less than the margin of {size}",
            "coverage below the margin": f", the second by less than the margin of {size}",
            "pass@1 below the margin": f", the first by less than the margin of {size}",
        }
        text += small.get(kind or "", "")
    elif outcome == "sharpening":
        text = "Sharpened: the first try gained" + _other(states[1], f"what is solved within {K}", size)
    elif outcome == "coverage-only":
        text = f"More is solved within {K} tries" + _other(states[0], "the first try", size)
    elif outcome == "regression":
        fell = [name for name, s in zip(("pass@1", f"pass@{K}"), states, strict=True) if s == "down"]
        text = f"{' and '.join(fell)} fell, and nothing rose by the margin of {size} or more"
    elif outcome == "no-change":
        text = f"Neither number changed by the margin of {size} or more"
    else:
        text = "These samples do not decide" + (f": {kind}, the other number open" if kind else "")
    return f"{text} ({numbers})."


def _other(state: str, name: str, size: str) -> str:
    """How the other number of a sharpening, or of a gain in coverage alone, stands."""
    if state == "down":
        return f", and {name} fell"
    if state == "same":
        return f" more than {name}, which changed by less than the margin of {size}"
    return f" more than {name}, which did not gain the margin of {size}"


def percent(level: float) -> str:
    """An error level as the percent of its intervals: 0.05 gives 95%, 0.0025 gives 99.75%."""
    return f"{100 * (1 - level):.4g}%"


def reason_of(r: Reading, state: str, level: float, margin: float) -> str:
    """Why one number has its state: the interval or test that decided."""
    joint = f"[{points(r.low)}, {points(r.high)}]"
    inner = f"[{points(r.inner_low)}, {points(r.inner_high)}]"
    low, high = r.claim
    stepped = (low, high) != (r.low, r.high) and not (r.low > 0 or r.high < 0)
    by = f"after step-down, its interval [{points(low)}, {points(high)}]" if stepped else (
        f"the joint {percent(level)} region {joint}"
    )  # fmt: skip
    says = {
        "up": f"is up: {by} lies above 0",
        "down": f"is down: {by} lies below 0",
        "same": f"is the same: its {percent(2 * level)} interval {inner} lies within ±{100 * margin:g}",
        "not up": f"did not rise by {100 * margin:g} or more (at most {points(r.inner_high)}), "
        f"but down is not told from the same: joint region {joint}",
        "not down": f"did not fall by {100 * margin:g} or more (at least {points(r.inner_low)}), "
        f"but up is not told from the same: joint region {joint}",
        "open": f"is open: joint region {joint}, equivalence interval {inner} against ±{100 * margin:g}",
    }
    small = -margin < r.inner_low and r.inner_high < margin
    extra = f"; by less than the margin of {100 * margin:g}" if state in ("up", "down") and small else ""
    chance = "" if r.p is None else f" (p = {r.p:.2g})"
    return f"Δpass@{r.k} of {points(r.estimate)} points {says[state]}{extra}{chance}"
