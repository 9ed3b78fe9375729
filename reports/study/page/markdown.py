"""Markdown of the study's numbers: tables, points with their intervals, names of recipes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reports.rounding import with_interval
from reports.study.readings.tables import MOST_BITS

NAMES = {"rl": "RL", "sft": "SFT", "sft-gold": "SFT-Gold", "sft-rl": "SFT→RL", "sft-gold-rl": "SFT-Gold→RL",
         "parallel": "Parallel", "random": "RL with random rewards", "maxrl": "MaxRL (groups of 16)",
         "pass-at-k": "RL for pass@k (groups of 16)",
         "n-4": "RL (groups of 4)", "n-32": "RL (groups of 32)"}  # fmt: skip

MEASURES = {"general": "general capability", "text": "held-out text"}


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(str(c).replace("|", "/") for c in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def points(part: dict[str, Any]) -> str:
    """A difference of rates as points, with its interval; † where the seeds' share of it is not known."""
    values = [None if part[key] is None else 100 * part[key] for key in ("estimate", "low", "high")]
    text = with_interval(*values, signed=True)
    return f"{text}†" if part.get("seeds_known") is False else text


def bits(part: dict[str, Any]) -> str:
    """A difference in bits per byte, with its interval."""
    values = [None if part[key] is None else MOST_BITS * part[key] for key in ("estimate", "low", "high")]
    text = with_interval(*values, signed=True)
    return f"{text}{'†' if part.get('seeds_known') is False else ''} bits per byte"


def effect(part: dict[str, Any]) -> str:
    """A difference with its interval in the unit of its measure."""
    if part["state"] == "ceiling":
        return "both at the ceiling"
    return bits(part) if part["measure"] == "text" else points(part)


def changed(part: dict[str, Any]) -> str:
    """The state of a difference, with a word where it is shown to be smaller than the margin."""
    small = part["state"] in ("up", "down") and part.get("size") == "within"
    return f"{part['state']}, within the margin" if small else str(part["state"])


def percent(rate: float, places: int = 1) -> str:
    """A rate as a number of percent, without the sign."""
    return f"{100 * rate:.{places}f}"


def named(recipe: str) -> str:
    """A recipe as the page writes it."""
    return NAMES.get(recipe, recipe)


def measure(part: dict[str, Any]) -> str:
    """What a part of a claim measures."""
    held = part["measure"]
    return f"pass@{held}" if isinstance(held, int) else MEASURES.get(held, str(held))


def outcome(verdict: dict[str, Any]) -> str:
    """A verdict with its kind."""
    return f"{verdict['outcome']}: {verdict['kind']}" if verdict["kind"] else str(verdict["outcome"])


def million(tokens: int) -> str:
    """A number of tokens in millions."""
    return f"{tokens / 1e6:.1f}M"
