"""How many digits of a number its interval allows."""

from __future__ import annotations

import math

from probes.findings.rows import end

DIGITS = 3  # after the point, where no interval says how many


def digits(low: float | None, high: float | None, default: int = DIGITS) -> int:
    """Digits after the point that the interval's half-width allows.

    Two digits of the half-width up to 35 in its first two, one above (the rule of the Particle Data Group):
    12.34 ± 1.5 is written 12.3, 12.34 ± 8.1 is written 12. Without an interval: `default`.
    """
    if low is None or high is None or not math.isfinite(low) or not math.isfinite(high) or high <= low:
        return default
    half = (high - low) / 2
    leading = math.floor(math.log10(half))
    if half / 10**leading >= 3.55:
        return max(0, -leading)
    return max(0, 1 - leading)


def rounded(value: float | None, low: float | None, high: float | None, *, signed: bool = False) -> str:
    """The estimate with the digits that its interval allows; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "—"
    return _number(value, digits(low, high), signed)


def with_interval(value: float | None, low: float | None, high: float | None, *, signed: bool = False) -> str:
    """The estimate and its interval, all with the digits that the interval allows."""
    text = rounded(value, low, high, signed=signed)
    if text == "—" or low is None or high is None or not math.isfinite(low) or not math.isfinite(high):
        return text
    places = digits(low, high)
    ends = (end(float(one), places, "+" if signed else "").replace("-", "−") for one in (low, high))
    return f"{text} [{', '.join(ends)}]"


def _number(value: float, places: int, signed: bool) -> str:
    text = f"{value:{'+' if signed else ''}.{places}f}"
    if float(text) == 0:  # no minus zero
        text = ("+" if signed else "") + text.lstrip("+-")
    return text.replace("-", "−")
