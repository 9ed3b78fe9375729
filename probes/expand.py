"""The main probe: did training expand what a model can solve, or only sharpen it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis import Options, PairedCounts, compare
from evals.errors import UserError
from probes.changed import changed
from probes.checks import confounds, same_weights
from probes.finding import finding
from probes.pairs import pairs_of
from probes.sources import Source


def expand(
    source: Source, options: Options | None = None, *, against: str = "first", command: Sequence[str] = ()
) -> dict[str, Any]:
    """The expand finding of two or more checkpoints.

    against: "first" compares every later checkpoint with the first, "parent" each with its parent by
    lineage, "all" every pair in the order given. Definitions: `analysis.compare`. With several pairs each
    comparison carries Holm's adjustment over the pairs.
    """
    if len(source.checkpoints) < 2:
        name = source.checkpoints[0]["name"] if source.checkpoints else "none"
        raise UserError(f"a comparison needs two checkpoints, got one ({name}); give another")
    comparisons = [
        _comparison(source, a, b, options or Options()) for a, b in pairs_of(source.checkpoints, against)
    ]
    first = comparisons[0]
    return finding(
        "expand",
        checkpoints=source.checkpoints,
        problems=source.problems,
        command=command,
        store=source.store,
        checks=first["confounds"] + first["checks"],
        comparisons=comparisons,
        changed=changed(source, first["a"], first["b"]),
    )


def _comparison(source: Source, a: dict[str, Any], b: dict[str, Any], options: Options) -> dict[str, Any]:
    pair = PairedCounts.from_frame(source.counts, a["name"], b["name"])
    floors = {
        f"guess_floor_{side}": (d["report"] or {}).get("guess_floor") for side, d in (("a", a), ("b", b))
    }
    return {
        "a": a["name"],
        "b": b["name"],
        **compare(pair, options).to_dict(),
        "guess_floor": floors,
        "confounds": same_weights(a["fingerprint"], b["fingerprint"]) + confounds(a["report"], b["report"]),
    }
