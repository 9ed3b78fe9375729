"""Declared guess floors: a verdict that lucky guesses turn is withheld."""

from __future__ import annotations

from dataclasses import replace

from analysis import Options, PairedCounts
from analysis.families.guessing import Floor, corrected, turned
from probes.comparison.robustness import turns
from probes.findings.checks import check
from probes.findings.types import Comparison


def with_floors(
    c: Comparison, pair: PairedCounts, floors: tuple[float, float], options: Options
) -> Comparison:
    """The comparison with the floors of A and B, and a check of what is left of its verdict without guesses.

    floors: the rates at which a wrong solution is graded right, taken as exact. AnalysisError for a floor
    outside 0 to 1 and where every problem has one sample (`analysis.families.guessing.corrected`).
    """
    a, b = (Floor(rate) for rate in floors)
    declared = replace(options, K=c.options.K if c.options.K > 1 else None)
    found, plain = (corrected(pair, *two, declared) for two in ((a, b), (Floor(0.0), Floor(0.0))))
    outcome, without, at = c.verdict.outcome, found["outcome"], f"at K = {found['numbers'][-1]['k']}"
    text = f"without guesses ({a.rate:.1%} and {b.rate:.1%}) it is {without}"
    if (turning := turned({"outcome": outcome}, found)) is None:
        result = check("guess floor", True, list(floors), f"{text} too, {at}")
    elif turns(outcome, without) and plain["outcome"] == outcome:
        result = check("guess floor", False, list(floors), f"{turning[1]}, {at}")
        result = result.model_copy(update={"voids": True})
    else:
        text += f", {at}; with no guesses to take away this method says {plain['outcome']}"
        result = check("guess floor", None, list(floors), text)
    confounds = tuple(result if one.name == result.name else one for one in c.confounds)
    told = {"guess_floor_a": a.rate, "guess_floor_b": b.rate}
    return c.model_copy(update={"guess_floor": told, "confounds": confounds})
