"""The verdict: a pure function of two numbers with their intervals, and of what was declared."""

from __future__ import annotations

from typing import Any

from analysis.comparison.words import Reading, reason_of, sentence_of

__all__ = ["OUTCOMES", "Reading", "decide", "size", "standing", "state", "verdict", "within"]
OUTCOMES = ("expansion", "sharpening", "coverage-only", "regression", "no-change", "undetermined")


def state(reading: Reading, level: float, margin: float) -> str:
    """ "up", "down", "same", "not up", "not down" or "open".

    A direction comes first, however small: more data never take it back (`size` says whether it is smaller
    than the margin). Without one, "same" means that the 1 - 2·level interval lies within the margin,
    "not up" and "not down" that it rules out a gain (a loss) of the margin or more.
    """
    low, high = reading.claim
    sure = reading.p is None or reading.p <= level
    if sure and low > 0:
        return "up"
    if sure and high < 0:
        return "down"
    if within(reading, margin):
        return "same"
    if reading.inner_high < margin:
        return "not up"
    return "not down" if reading.inner_low > -margin else "open"


def within(reading: Reading, margin: float) -> bool:
    """Whether the change is shown to be smaller than the margin, in whichever direction."""
    return -margin < reading.inner_low and reading.inner_high < margin


def size(reading: Reading, margin: float) -> str | None:
    """ "within" where the change is shown to be smaller than the margin, "beyond" where larger, else None."""
    if within(reading, margin):
        return "within"
    return "beyond" if reading.low > margin or reading.high < -margin else None


def decide(first: str, large: str, K: int, gap: int | None = None) -> tuple[str, str | None]:
    """Outcome and kind from the states (`state`) of pass@1 and pass@K: the table of the README.

    gap: 1 where pass@1 is shown to have gained more than pass@K, -1 where less, 0 where neither, None where
    it is not known. Where one number is up and the other only not shown to be, the two are called different
    only if their gap is shown: two equal gains are not sharpening because one of them is harder to see.
    """
    if first == large == "same":
        return "no-change", None
    if first == large == "up":
        return "expansion", None
    if first == "up":
        kinds = {"down": "coverage lost", "same": "coverage equivalent", "not up": "coverage not gained"}
        shown = large in kinds and (large == "down" or gap in (1, None))
        return ("sharpening", kinds[large]) if shown else ("undetermined", "pass@1 up")
    if large == "up":
        kinds = {"down": "pass@1 lost", "same": "pass@1 equivalent", "not up": "pass@1 not gained"}
        shown = first in kinds and (first == "down" or gap in (-1, None))
        return ("coverage-only", kinds[first]) if shown else ("undetermined", f"pass@{K} up")
    ruled_out = ("down", "same", "not up")
    if "down" in (first, large):
        if first in ruled_out and large in ruled_out:
            if first == large:
                return "regression", "both lost"
            return "regression", "pass@1 lost" if first == "down" else "coverage lost"
        return "undetermined", "pass@1 down" if first == "down" else f"pass@{K} down"
    return "undetermined", None


def verdict(
    first: Reading,
    large: Reading,
    *,
    level: float,
    margin: float,
    gap: int | None = None,
    needed: dict[str, Any] | None = None,
    target: str = "population",
) -> dict[str, Any]:
    """The verdict as a JSON-safe dict: outcome, kind, sentence, reasons, needed, and the two readings.

    first, large: Δpass@1 and Δpass@K. gap: see `decide`. needed: problems and samples that would settle an
    undetermined verdict (`analysis.comparison.planning.needed`), kept only there. sizes: of each number,
    "within" or "beyond" the margin, or None. target: what the verdict speaks of, the population of problems
    or this benchmark. A direction is claimed only where its interval excludes 0 and its p-value is at most
    the level, so that two draws of one model give a verdict other than no-change or undetermined with
    probability at most `level`.
    """
    states = state(first, level, margin), state(large, level, margin)
    sizes = size(first, margin), size(large, margin)
    outcome, kind = decide(*states, large.k, gap)
    if outcome == "expansion":
        kind = _small(*sizes)
    return {
        "outcome": outcome,
        "kind": kind,
        "sentence": sentence_of(outcome, kind, states, (first, large), margin),
        "reasons": [reason_of(r, s, level, margin) for r, s in zip((first, large), states, strict=True)],
        "needed": needed if outcome == "undetermined" else None,
        "states": {"pass@1": states[0], "pass@K": states[1]},
        "sizes": {"pass@1": sizes[0], "pass@K": sizes[1]},
        "gap": gap,
        "target": target,
        "numbers": [_number(r) for r in (first, large)],
    }


def standing(verdict: dict[str, Any], withheld: list[tuple[str, str]]) -> dict[str, Any]:
    """The verdict that stands as a headline: {outcome, kind, sentence, withheld}.

    withheld: (name, reason) of what takes the verdict away; then the outcome is undetermined, its kind is
    "withheld", and the sentence gives the reason beside what the numbers alone would say.
    """
    kept = {key: verdict[key] for key in ("outcome", "kind", "sentence")}
    names = [name for name, _ in withheld]
    if not withheld or (kept["outcome"], kept["kind"]) == ("undetermined", None):
        return kept | {"withheld": names}
    alone = verdict["outcome"] + (f" ({verdict['kind']})" if verdict["kind"] else "")
    sentence = f"No verdict: {withheld[0][1]}. The numbers alone would say {alone}."
    return {"outcome": "undetermined", "kind": "withheld", "sentence": sentence, "withheld": names}


def _small(first: str | None, large: str | None) -> str | None:
    """The kind of an expansion of which a part is shown to be smaller than the margin."""
    if first == large == "within":
        return "both below the margin"
    if large == "within":
        return "coverage below the margin"
    return "pass@1 below the margin" if first == "within" else None


def _number(r: Reading) -> dict[str, Any]:
    return {name: getattr(r, name) for name in Reading.__slots__}
