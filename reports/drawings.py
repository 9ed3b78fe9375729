"""Every figure that a finding gives: what the page sets in, and `reports.plot` in a notebook."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from analysis.measures.answer_policy import MEASURES
from evals.core.errors import UserError
from probes.findings.types import Comparison, Finding
from probes.measures.policy import SHORT
from reports.figures import curves, forest, histograms, measures, seeds, support, training, tries
from reports.figures import perplexity as groups
from reports.figures.export import png_bytes
from reports.frames import findings as frames
from reports.frames import probed, reported
from reports.inputs import Pair

HISTOGRAM = "Success rates of problems, sampling noise taken out"
LISTED = 30  # comparisons that fit into one forest plot
BARRED = 12  # comparisons whose gained and lost problems are shown as bars


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure that can be drawn: its name, title, the frame behind it, and the function that draws it."""

    name: str
    title: str
    frame: pd.DataFrame
    draw: Callable[[], Any]


def plot(finding: Finding, name: str = "passk", comparison: int = 0) -> Any:
    """A figure of a finding as a matplotlib figure, which a notebook shows.

    name: of an expand finding passk, delta, tries, support, robustness, and comparisons or gained-lost of
    several pairs; of another probe what it gives (histogram, tax, votes, answers, work, reached, tokens,
    perplexity, training, seeds, capability, text).
    comparison: which pair. UserError with the names that there are where this one is not among them.
    """
    shown = finding.comparisons[comparison] if finding.comparisons else None
    drawings = {d.name: d for d in of_finding(finding, shown)}
    if name not in drawings:
        known = ", ".join(drawings) or "none"
        raise UserError(f"a finding of {finding.probe} gives no figure {name!r}; choose one of: {known}")
    figure = drawings[name].draw()
    figure._repr_png_ = partial(png_bytes, figure)  # shown without pyplot, and with the same bytes as saved
    return figure


def of_finding(finding: Finding, comparison: Comparison | None = None) -> Iterator[Drawing]:
    """All figures of a finding, of an expand finding those of one comparison."""
    if comparison is None:
        yield from of_probe(finding)
        return
    yield from of_comparison(finding, comparison)
    if len(finding.comparisons) > 1:
        yield from of_pairs([(finding, c) for c in finding.comparisons])


def of_comparison(finding: Finding, comparison: Comparison, counts: Any = None) -> Iterator[Drawing]:
    """Figures of one comparison. counts: `analysis.PairedCounts` of all problems, where they are at hand."""
    c = comparison
    frame = frames.curves(finding, c)
    yield Drawing("passk", "pass@k of both", frame, partial(curves.passk_curves, frame, c.options.K))
    frame = frames.delta(c)
    draw = partial(curves.delta_curve, frame, c.a, c.b, c.options.K, c.options.level)
    yield Drawing("delta", "Difference of pass@k", frame, draw)
    if c.tries and len(c.tries.k) > 1:
        frame, reading = frames.tries(c.tries), c.tries.reading
        draw = partial(tries.try_multiplier, frame, c.a, c.b, c.options.K, reading)
        yield Drawing("tries", "How many of A's tries one of B's is worth", frame, draw)
    frame = frames.support(c)
    draw = partial(support.solve_table, frame, c.a, c.b, c.support.n)
    yield Drawing("support", "Problems solved at least once", frame, draw)
    if counts is not None and c.support.n > 1:
        bars, moves = frames.distribution(counts, c.a, c.b, finding.recipes)
        yield Drawing("histogram", HISTOGRAM, bars, partial(histograms.accuracy_histogram, bars))
        title = "Where problems moved, sampling noise taken out"
        yield Drawing("flow", title, moves, partial(histograms.flow, moves, c.a, c.b))
    for grouping in c.groups:
        frame = frames.groups(grouping)
        draw = partial(forest.by_group, frame, grouping.by)
        yield Drawing(f"by-{slug(grouping.by)}", f"Differences by {grouping.by}", frame, draw)
    readings = frames.robustness(c)
    if readings is not None and readings["outcome"].notna().sum() > 1:
        draw = partial(forest.robustness, readings)
        yield Drawing("robustness", "The verdict under other readings", readings, draw)


def slug(text: str) -> str:
    """Part of a file's name, whatever the text."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "group"


def of_pairs(pairs: Sequence[Pair]) -> Iterator[Drawing]:
    """All comparisons in one forest plot, and what each gained and lost."""
    shown = pairs[:LISTED]
    frame = frames.overview(shown)
    more = f" (the first {LISTED})" if len(pairs) > LISTED else ""
    title = f"Differences of all comparisons{more}"
    yield Drawing("comparisons", title, frame, partial(forest.comparisons, frame))
    parts = [frames.support(c).assign(comparison=f"{c.a} → {c.b}") for _, c in shown[:BARRED]]
    bars = pd.concat(parts, ignore_index=True)
    yield Drawing("gained-lost", "Problems gained and lost", bars, partial(support.support_bars, bars))


def of_probe(finding: Finding) -> Iterator[Drawing]:
    """Figures of a finding of another probe than expand, where there are any."""
    probe = finding.probe
    if probe == "passk":
        yield from _over_k(finding)
    if probe == "support" and len(frame := reported.policy(finding)):
        for (a, b), rows in frame.groupby(["a", "b"], sort=False):
            names = dict(zip(MEASURES, SHORT, strict=True))
            title = f"Answers from {a} to {b}, beyond one model drawn twice"
            several = frame.groupby(["a", "b"]).ngroups > 1
            name = f"answers-{slug(str(b))}" if several else "answers"
            yield Drawing(name, title, rows, partial(measures.answers, rows, names))
    if len(frame := reported.work(finding)):
        yield Drawing("work", "Right answers without work shown", frame, partial(measures.work, frame))
    if probe == "readiness":
        yield from _before_rl(finding)
    if probe == "likelihood" and len(frame := frames.perplexity(finding)):
        draw = partial(groups.perplexity_by_group, frame)
        yield Drawing("perplexity", "Perplexity by group of problems", frame, draw)
    if probe == "dynamics" and len(frame := probed.training([finding])):
        yield Drawing("training", "Along training", frame, partial(training.along_training, frame))
    if probe == "seeds" and len(frame := probed.seeds([finding])):
        yield Drawing("seeds", "Every seed", frame, partial(seeds.seed_panels, frame))
    if probe == "capability":
        for name, unit, title in (
            ("capability", "rate", "Change on general benchmarks, and the margin of equivalence"),
            ("text", "bits/byte", "Change of the loss on plain text (up is worse)"),
        ):
            if len(frame := frames.changes(finding, unit)):
                margin = finding.options.get("margin") if unit == "rate" else None
                yield Drawing(name, title, frame, partial(forest.differences, frame, unit, margin))


def _over_k(finding: Finding) -> Iterator[Drawing]:
    """What a passk finding says of many tries: its histogram, the sharpening tax, the vote over them."""
    if len(frame := frames.histogram(finding)):
        yield Drawing("histogram", HISTOGRAM, frame, partial(histograms.accuracy_histogram, frame))
    if len(frame := reported.tax(finding)):
        draw = partial(measures.tax_areas, frame, finding.options["K"], reported.tax_title(finding))
        yield Drawing("tax", "Sharpening tax: what further tries add", frame, draw)
    if len(frame := reported.votes(finding)):
        yield Drawing("votes", "pass@k beside maj@k", frame, partial(measures.votes, frame))


def _before_rl(finding: Finding) -> Iterator[Drawing]:
    """What a readiness finding says of RL: what it reached, and how many tokens it is worth."""
    frame, names = reported.reached(finding)
    if names:
        draw = partial(measures.against_reached, frame, names)
        yield Drawing("reached", "Before RL against what RL reached", frame, draw)
    ladder, trained = reported.in_tokens(finding)
    if len(trained):
        draw = partial(measures.in_tokens, ladder, trained)
        yield Drawing("tokens", "Training in pre-training tokens", trained, draw)
