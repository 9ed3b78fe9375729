"""The figures of a page: drawn once, written beside it, and set into it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from probes.findings.types import Comparison, Finding
from reports.figures import (
    curves,
    forest,
    histograms,
    seeds,
    support,
    training,
)
from reports.figures import (
    perplexity as groups,
)
from reports.figures.export import save
from reports.frames import findings as frames
from reports.frames import probed
from reports.inputs import Pair
from reports.page.problems import ProblemSet
from reports.page.svg import inline

DRAWN = 4  # comparisons that get figures of their own; a page of many stays small and quick
DISTRIBUTED = 1  # comparisons that get a histogram and a flow as well, whose fit takes longest
LISTED = 30  # comparisons that fit into one forest plot
BARRED = 12  # comparisons whose gained and lost problems are shown as bars

Drawn = tuple[str, str, Any, pd.DataFrame]  # name, title, figure, the frame behind it


def comparison_figures(
    finding: Finding,
    comparison: Comparison,
    folder: Path,
    prefix: str = "",
    sets: list[ProblemSet] | None = None,
) -> list[dict[str, str]]:
    """Draw the figures of one comparison into `folder`: name, title and inline SVG of each."""
    about = f"{comparison.a}, {comparison.b}"
    drawn = [
        *_expand(finding, comparison),
        *_distribution(finding, comparison, sets or []),
        *_robustness(comparison),
    ]
    return [_placed(one, folder, prefix, about) for one in drawn]


def _expand(finding: Finding, comparison: Comparison) -> Iterator[Drawn]:
    a, b, options = comparison.a, comparison.b, comparison.options
    frame = frames.curves(finding, comparison)
    yield "passk", "pass@k of both", curves.passk_curves(frame, options.K), frame
    frame = frames.delta(comparison)
    drawn = curves.delta_curve(frame, a, b, options.K, options.level)
    yield "delta", "Difference of pass@k", drawn, frame
    frame = frames.support(comparison)
    drawn = support.solve_table(frame, a, b, comparison.support.n)
    yield "support", "Problems solved at least once", drawn, frame


def _distribution(finding: Finding, comparison: Comparison, sets: list[ProblemSet]) -> Iterator[Drawn]:
    """Histogram and flow, where the counts of all problems are at hand."""
    a, b = comparison.a, comparison.b
    pair = next((p for s in sets if (p := s.pair(a, b)) is not None), None)
    if pair is None or comparison.support.n < 2:
        return
    bars, moves = frames.distribution(pair, a, b, finding.recipes)
    title = "Success rates of problems, sampling noise taken out"
    yield "histogram", title, histograms.accuracy_histogram(bars), bars
    yield "flow", "Where problems moved, sampling noise taken out", histograms.flow(moves, a, b), moves


def _robustness(comparison: Comparison) -> Iterator[Drawn]:
    readings = frames.robustness(comparison)
    if readings is not None and readings["outcome"].notna().sum() > 1:
        yield "robustness", "The verdict under other readings", forest.robustness(readings), readings


def overview_figures(pairs: Sequence[Pair], folder: Path) -> list[dict[str, str]]:
    """All comparisons in one forest plot, and what each gained and lost."""
    shown = pairs[:LISTED]
    frame = frames.overview(shown)
    bars = pd.concat(
        [frames.support(c).assign(comparison=f"{c.a} → {c.b}") for _, c in shown[:BARRED]],
        ignore_index=True,
    )
    more = f" (the first {LISTED})" if len(pairs) > LISTED else ""
    return [
        _placed(one, folder, "all-", f"{len(shown)} comparisons")
        for one in (
            ("comparisons", f"Differences of all comparisons{more}", forest.comparisons(frame), frame),
            ("gained-lost", "Problems gained and lost", support.support_bars(bars), bars),
        )
    ]


def finding_figures(finding: Finding, folder: Path, prefix: str) -> list[dict[str, str]]:
    """Figures of a finding of another probe than expand, where there are any."""
    return [_placed(one, folder, prefix, finding.probe) for one in _of_probe(finding)]


def _of_probe(finding: Finding) -> Iterator[Drawn]:
    probe = finding.probe
    if probe == "passk" and len(frame := frames.histogram(finding)):
        title = "Success rates of problems, sampling noise taken out"
        yield "histogram", title, histograms.accuracy_histogram(frame), frame
    if probe == "likelihood" and len(frame := frames.perplexity(finding)):
        yield "perplexity", "Perplexity by group of problems", groups.perplexity_by_group(frame), frame
    if probe == "dynamics" and len(frame := probed.training([finding])):
        yield "training", "Along training", training.along_training(frame), frame
    if probe == "seeds" and len(frame := probed.seeds([finding])):
        yield "seeds", "Every seed", seeds.seed_panels(frame), frame
    if probe == "capability" and len(frame := frames.changes(finding)):
        yield "capability", "Change on general benchmarks", forest.differences(frame, "rate"), frame


def _placed(drawn: Drawn, folder: Path, prefix: str, about: str) -> dict[str, str]:
    name, title, figure, frame = drawn
    wide = figure.get_size_inches()[0] > 4
    svg = save(figure, frame, folder, prefix + name)
    shape = "broad" if wide else ""
    return {
        "name": prefix + name,
        "title": title,
        "shape": shape,
        "svg": inline(svg, prefix + name, f"{title}: {about}"),
    }
