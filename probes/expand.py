"""The main probe: did training expand what a model can solve, or only sharpen it?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from analysis import Options, PairedCounts, compare
from analysis.families.pairs import adjusted
from analysis.problems.selection import select_on_half
from evals.core.errors import UserError
from probes.comparison.copied import copied
from probes.comparison.floors import with_floors
from probes.comparison.gained_lost import changed
from probes.comparison.grouping import with_groups
from probes.comparison.one_sample import compare_one_sample
from probes.comparison.robustness import guessed, unguessed
from probes.findings.checks import confounds, held_out, same_weights
from probes.findings.finding import Found
from probes.findings.types import Adjusted, Comparison, Finding, Robustness
from probes.inputs.contract import Asked
from probes.inputs.grouping import labels_of_groups
from probes.inputs.sources import Source, pairs_of

if TYPE_CHECKING:
    import pandas as pd

Select = tuple[float, float] | None


def expand(
    source: Source,
    options: Options | None = None,
    *,
    against: str = "first",
    command: Sequence[str] = (),
    select: tuple[float, float] | None = None,
    by: Sequence[str] = (),
    floors: tuple[float, float] | None = None,
) -> Found:
    """The expand finding of two or more checkpoints.

    against: "first" compares every later checkpoint with the first, "parent" each with its parent by
    lineage, "all" every pair in the order given. Definitions: `analysis.compare`. With several pairs each
    comparison carries Holm's adjustment over the pairs. select: compare only problems that A solves in such a
    share (low, high) of half of its samples, on the other half (`analysis.problems.selection`). by: also tell
    each comparison by groups of problems (`probes.comparison.grouping`). floors: guess floors of A and B.
    """
    if len(source.checkpoints) < 2:
        name = source.checkpoints[0]["name"] if source.checkpoints else "none"
        raise UserError(f"a comparison needs two checkpoints, got one ({name}); give another")
    chosen = options or Options()
    pairs = pairs_of(source.checkpoints, against)
    if floors and len(pairs) > 1:
        raise UserError("--guess-floor has the floors of one pair; choose two checkpoints with --only")
    labels = labels_of_groups(source, by)
    with ThreadPoolExecutor(max_workers=1) as aside:  # reading texts does not wait for the statistics
        a, b = (d["name"] for d in pairs[0])
        texts = aside.submit(changed, source, a, b, _pair(source, a, b, chosen, select))
        comparisons = [_comparison(source, a, b, chosen, select) for a, b in pairs]
        if labels:
            comparisons = [
                with_groups(c, _pair(source, c.a, c.b, chosen, select), labels, chosen) for c in comparisons
            ]
        if floors:
            c = comparisons[0]
            comparisons = [with_floors(c, _pair(source, c.a, c.b, chosen, select), floors, chosen)]
        if len(comparisons) > 1:
            comparisons = _adjusted(comparisons, source, chosen, select)
        listed = texts.result()
    return source.finding(
        "expand",
        command=command,
        checks=comparisons[0].all_checks,
        comparisons=comparisons,
        changed=listed,
    )


def _pair(source: Source, a: str, b: str, options: Options, select: Select) -> PairedCounts:
    """The counts of two checkpoints, of the selected problems where some are."""
    pair = PairedCounts.from_frame(source.counts, a, b)
    return pair if select is None else select_on_half(pair, *select, seed=options.seed)


def _comparison(
    source: Source, a: dict[str, Any], b: dict[str, Any], options: Options, select: Select
) -> Comparison:
    pair = _pair(source, a["name"], b["name"], options, select)
    held = {} if pair.cluster is None else {"count": len(set(pair.cluster.tolist())), "kind": source.clusters}
    floors = {f"guess_floor_{s}": (d["report"] or {}).get("guess_floor") for s, d in (("a", a), ("b", b))}
    whole = pair.without_short()[0]  # a few problems of one sample do not make it one of each
    single = whole.n == 1 and options.K is None
    result = compare_one_sample(pair, options) if single else compare(pair, options).to_dict()
    confounding = [
        *same_weights(a, b),
        *confounds(a["report"], b["report"]),
        *copied(source, a, b),
        *held_out(source.problems, b),
    ]
    found = Comparison.model_validate(
        {
            "a": a["name"],
            "b": b["name"],
            **result,
            "guess_floor": floors,
            "confounds": confounding,
            "resampled": held or None,
        }
    )
    read, rows = None, []
    if source.store is not None and whole.n > 1:
        sides = _sides(source, a, b)
        if select is None:
            read = _robustness(source, sides, a, b, found, options)
            rows = list(read.rows)
        else:  # other readings of the samples would take all of A's, of which half made the choice
            of_a, of_b = (side.loc[pair.problems.tolist()] for side in sides)
            rows = [unguessed(pair, of_a, of_b, options, found.options.K)]
    turned = guessed(found.verdict, rows)
    return found.model_copy(
        update={"robustness": read, "confounds": (*found.confounds, *([turned] if turned else []))}
    )


def _sides(source: Source, a: dict[str, Any], b: dict[str, Any]) -> list[pd.DataFrame]:
    """The tallies of both cells, with the groups of problems."""
    from evals.store.aligned import aligned
    from evals.store.tally import tally

    assert source.store is not None
    ids = set(source.counts["problem"])
    return [
        (
            source.tallies[d["cell"]]
            if d["cell"] in source.tallies
            else tally(aligned(source.store, d["cell"], ids, source.n))
        ).join(source.groups)
        for d in (a, b)
    ]


def _robustness(
    source: Source,
    sides: Sequence[pd.DataFrame],
    a: dict[str, Any],
    b: dict[str, Any],
    found: Comparison,
    options: Options,
) -> Robustness:
    """The robustness table of samples that can be read otherwise."""
    from probes.comparison.robustness import asked, robustness

    K = found.options.K
    others = [
        (
            f"A asked with {v['asked']}",
            PairedCounts.from_frame(source.counts, v["name"], b["name"]),
        )
        for v in source.variants
        if v["fingerprint"] == a["fingerprint"]
    ]
    return robustness(found.verdict, sides[0], sides[1], options, K, asked(others, options, K))


def _adjusted(
    comparisons: list[Comparison], source: Source, options: Options, select: Select
) -> list[Comparison]:
    """The comparisons with Holm's adjustment over both numbers of all pairs (`analysis.families.pairs`)."""
    several = [c for c in comparisons if c.options.K > 1]
    pairs = [_pair(source, c.a, c.b, options, select) for c in several]
    found = {(c.a, c.b): v for c, v in zip(several, adjusted(pairs, options), strict=True)}
    alone, out = options.level / len(comparisons), []  # of a direction that one sample of each problem shows
    for c in comparisons:
        v = found.get((c.a, c.b))
        by_holm = Adjusted(
            pairs=len(comparisons),
            level=min(v["levels"]) if v else alone,
            p=min(v["p"]) if v else None,
            outcome=v["outcome"] if v else c.verdict.outcome,
            kind=v["kind"] if v else c.verdict.kind if (c.verdict.numbers[0].p or 0) <= alone else None,
        )
        out.append(c.model_copy(update={"adjusted": by_holm}))
    return out


def run(asked: Asked) -> Finding:
    """The probe as the contract runs it."""
    return expand(asked.source, asked.options, against=asked.against, command=asked.command)
