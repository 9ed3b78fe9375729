"""The verdict card as plain rows: one screen that must not mislead a reader who sees nothing else.

To add a row: append a `Row` (or a `Grid`) to the section that it belongs to, or a `Section` in `card`; the
terminal, the page, the notebook, Markdown and LaTeX draw what stands here.
"""

from __future__ import annotations

from probes.findings.card_numbers import (
    about_curves,
    about_support,
    groups,
    moved,
    numbers_grid,
    robustness,
    said,
    support_grid,
)
from probes.findings.comparison import QUIET, WITHHELD, Comparison
from probes.findings.rows import Card, Row, Section, check_rows, file_name, plain_text
from probes.findings.types import Finding


def cards(finding: Finding) -> list[Card]:
    """The card of every comparison of a finding."""
    return [card(finding, c) for c in finding.comparisons]


def card(finding: Finding, comparison: Comparison) -> Card:
    """The card of one comparison."""
    sections = (
        Section("verdict", (_pair(finding, comparison), *_verdict(comparison), *_caveats(comparison))),
        Section("numbers", (numbers_grid(comparison), *about_curves(comparison))),
        Section("support", (support_grid(comparison), *about_support(comparison), *moved(comparison))),
        Section("groups", groups(comparison)),
        Section("robustness", robustness(comparison)),
        Section("checks", tuple(check_rows(comparison.all_checks, passed=len(comparison.all_checks)))),
        Section("declared", (_declared(comparison),)),
    )
    return Card(comparison.headline.outcome, tuple(s for s in sections if s.items))


def _pair(finding: Finding, c: Comparison) -> Row:
    names = [
        plain_text(n) + (f" ({plain_text(r)})" if (r := finding.recipes.get(n)) else "") for n in (c.a, c.b)
    ]
    asked = file_name((finding.problems and finding.problems.name) or "an unnamed set")
    return Row("pair", f"A = {names[0]}, B = {names[1]}; {c.problems:,} problems of {asked}", (c.problems,))


def _verdict(c: Comparison) -> list[Row]:
    """The headline, why it is not the verdict of the pair by itself, and the verdict in a sentence."""
    headline, alone = c.headline, said(c.verdict.outcome, c.verdict.kind)
    rows = [Row("headline", said(headline.outcome, headline.kind))]
    if headline.kind == WITHHELD:
        names = ", ".join(map(plain_text, headline.voided))
        rows.append(Row("alone", f"Withheld: a check failed ({names}, below). The counts alone say {alone}."))
    elif c.adjusted:
        text = f"One of {c.adjusted.pairs} pairs, adjusted by Holm: tested at {c.adjusted.level:.2g}"
        if (headline.outcome, headline.kind) != (c.verdict.outcome, c.verdict.kind):
            text += f"; by itself this pair is {alone}, which the rest of this card describes"
        rows.append(Row("alone", f"{text}."))
    first_large = tuple(r.estimate for r in c.verdict.numbers)
    alone = ", by the counts alone" if headline.kind == WITHHELD else ", by itself" if c.adjusted else ""
    also = [
        Row("note", f"Also declared, K = {one.numbers[-1].k}{alone}: {said(one.outcome, one.kind)}.")
        for one in c.also
        if one.numbers
    ]
    return [*rows, Row("sentence", plain_text(c.verdict.sentence), first_large), *also]


def _caveats(c: Comparison) -> list[Row]:
    """What must be read in one breath with the verdict: what would settle it, and what is wrong with it."""
    rows = _needed(c) + _looks(c) + [Row("caveat", text) for text in _ends(c)]
    silent = c.verdict.outcome in QUIET and c.verdict.kind is None
    if silent and c.moved and c.moved.p is not None and c.moved.p <= c.options.level:
        text = (
            f"Single problems changed, although no change of the mean is found (p = {c.moved.p:.2g}, below)."
        )
        rows.append(Row("caveat", text, (c.moved.p,)))
    failed = [plain_text(check.name) for check in c.all_checks if check.passed is False]
    if c.robustness and c.robustness.robust is False:
        failed.append("the verdict is not robust")
    if failed:
        rows.append(Row("caveat", f"Failed checks, read them first: {', '.join(failed)} (below)."))
    unknown = [plain_text(x.name) for x in c.all_checks if x.passed is None and x.name != "K declared"]
    if unknown and not failed:
        rows.append(Row("note", f"Not known here: {', '.join(unknown)}."))
    return rows + [Row("reason", plain_text(reason)) for reason in c.verdict.reasons]


def _ends(c: Comparison) -> list[str]:
    """What a reader must know who reads no further: nothing (or all) is solved, or luck alone would do."""
    by_name = {check.name: check for check in c.all_checks}
    texts = []
    ends, floor = by_name.get("floor and ceiling"), by_name.get("guess floor")
    if ends and ends.passed is False:
        texts.append(plain_text(ends.detail[:1].upper() + ends.detail[1:]) + ".")
    rates = [c.passk[side].estimate[0] or 0.0 for side in "ab"]
    if floor and floor.value and max(floor.value) >= 0.5 * max(rates):
        texts.append(
            f"Guessing explains much of it: {floor.value[0]:.1%} and {floor.value[1]:.1%} of samples "
            f"would be right for another problem, {rates[0]:.1%} and {rates[1]:.1%} are right for their own."
        )
    return texts


def _looks(c: Comparison) -> list[Row]:
    if not c.looks:
        return []
    last, path = c.looks[-1], ", ".join(str(look.n) for look in c.looks)
    ended = "and not decided" if last.outcome == "undetermined" else f"decided at n = {last.n}"
    text = (
        f"Sampled until decided: looked at n = {path}, {ended}. The error of all looks together is kept: "
        f"this one was at level {last.spent_level:.2g}."
    )
    return [Row("note", text, (last.n, last.spent_level))]


def _needed(c: Comparison) -> list[Row]:
    """What would settle an undetermined verdict."""
    if not (needed := c.verdict.needed):
        return []
    parts = [f"about {needed.problems:,} problems at this n"] if needed.problems else []
    parts += [f"about {needed.samples:,} samples of each of these problems"] if needed.samples else []
    text = "No feasible number of problems or samples would settle it at these differences."
    if parts:
        text = "To settle it: " + " or ".join(parts) + "."
    return [Row("needed", text, (needed.problems, needed.samples))]


def _resampled(c: Comparison) -> str:
    if c.resampled is None:
        return ""
    what = "Intervals" if c.options.target != "benchmark" else "Only intervals of such problems"
    return f"{what} resample {c.resampled.count:,} {plain_text(c.resampled.kind)} of problems. "


def _declared(c: Comparison) -> Row:
    o = c.options
    origin = " (by default)" if o.K_declared is False else ""
    text = (
        f"Declared: level {o.level:g}, K = {o.K}{origin}, margin ±{100 * o.margin:g} points. "
        f"{'The problems are the benchmark itself, not a sample. ' if o.target == 'benchmark' else ''}"
        f"{_resampled(c)}One training run of each: other training seeds are not covered."
    )
    found = {k: v for k, v in c.detectable.items() if v is not None}
    if found:
        sizes = ", ".join(f"{plain_text(k)} by {100 * v:.1f} points" for k, v in found.items())
        text += f" 80% power would find a true change of {sizes}."
    return Row("declared", text, (o.level, o.K, o.margin, *found.values()))
