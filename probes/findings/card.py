"""The verdict card as plain rows: one screen that must not mislead a reader who sees nothing else.

To add a row: append a `Row` (or a `Grid`) to the section that it belongs to, or a `Section` in `card`; the
terminal, the page, the notebook, Markdown and LaTeX draw what stands here.
"""

from __future__ import annotations

from collections.abc import Sequence

from probes.findings.grids import check_rows
from probes.findings.rows import (
    DASH,
    Card,
    Cell,
    Grid,
    Row,
    Section,
    file_name,
    interval_cell,
    number,
    plain_text,
)
from probes.findings.types import WITHHELD, Comparison, Finding

SHOWN = 5  # rows of pass@k beside 1, K and n
KINDS = {"P": "by both", "E": "only B", "S": "only A", "O": "by neither"}


def cards(finding: Finding) -> list[Card]:
    """The card of every comparison of a finding."""
    return [card(finding, c) for c in finding.comparisons]


def card(finding: Finding, comparison: Comparison) -> Card:
    """The card of one comparison."""
    sections = (
        Section("verdict", (_pair(finding, comparison), *_verdict(comparison), *_caveats(comparison))),
        Section("numbers", (numbers_grid(comparison), *_about_curves(comparison))),
        Section("support", (support_grid(comparison), *_about_support(comparison), *_moved(comparison))),
        Section("robustness", _robustness(comparison)),
        Section("checks", tuple(check_rows(comparison.all_checks, passed=len(comparison.all_checks)))),
        Section("declared", (_declared(comparison),)),
    )
    return Card(comparison.headline.outcome, tuple(s for s in sections if s.items))


def said(outcome: str, kind: str | None) -> str:
    """An outcome with its kind."""
    return outcome + (f": {plain_text(kind)}" if kind else "")


def percent(level: float) -> str:
    """An error level as the percent of its intervals."""
    return f"{100 * (1 - level):.4g}%"


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
        rows.append(Row("alone", f"Taken away by a failed check ({names}, below); the counts read {alone}."))
    elif c.adjusted:
        text = f"One of {c.adjusted.pairs} pairs, adjusted by Holm: tested at {c.adjusted.level:.2g}"
        if (headline.outcome, headline.kind) != (c.verdict.outcome, c.verdict.kind):
            text += f"; alone it would be {alone}, of which the rest of this card speaks"
        rows.append(Row("alone", f"{text}."))
    first_large = tuple(r.estimate for r in c.verdict.numbers)
    also = [
        Row("note", f"Also declared, K = {one.numbers[-1].k}: {said(one.outcome, one.kind)}.")
        for one in c.also
        if one.numbers
    ]
    return [*rows, Row("sentence", plain_text(c.verdict.sentence), first_large), *also]


def _caveats(c: Comparison) -> list[Row]:
    """What must be read in one breath with the verdict: what would settle it, and what is wrong with it."""
    rows = _needed(c) + _looks(c) + [Row("caveat", text) for text in _ends(c)]
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


def numbers_grid(c: Comparison, places: Sequence[int] | None = None) -> Grid:
    """pass@k of both and their paired difference. places: of k (default: a few, always with 1, K and n)."""
    rows = []
    shown = chosen(c.k, c.options.K) if places is None else list(places)
    for i in shown:
        a, b = (c.passk[side].at("estimate", i) for side in "ab")
        null = c.delta.at("null_high", i)
        star = "*" if c.k[i] in (1, c.options.K) else ""
        rows.append(
            (
                Cell(f"{star}{c.k[i]}", (c.k[i],)),
                Cell(number(a, 4), (a,)),
                Cell(number(b, 4), (b,)),
                Cell(number(d := c.delta.at("estimate", i), 4, "+"), (d,)),
                interval_cell(c.delta.at("low", i), c.delta.at("high", i)),
                interval_cell(c.delta.at("band_low", i), c.delta.at("band_high", i)),
                Cell(DASH if null is None else f"±{null:.3f}".replace("0.", ".", 1), (null,)),
            )
        )
    heads = (
        "k",
        "A",
        "B",
        "B - A",
        f"{percent(c.options.level)} paired",
        "all k at once",
        "same-model range",
    )
    strong = frozenset(i for i, place in enumerate(shown) if c.k[place] in (1, c.options.K))
    return Grid("numbers", "pass@k and its paired difference", heads, tuple(rows), strong)


def chosen(k: Sequence[int], declared: int) -> list[int]:
    """Indices of 1, the declared K, the last k, and at most SHOWN powers of two between them."""
    must = {0, len(k) - 1} | ({k.index(declared)} if declared in k else set())
    powers = [i for i, value in enumerate(k) if value & (value - 1) == 0 and i not in must]
    step = max(1, -(-len(powers) // SHOWN))
    return sorted(must | set(powers[::step]))


def _about_curves(c: Comparison) -> list[Row]:
    level = percent(c.options.level)
    if c.k[-1] == 1:
        text = (
            "pass@1, problems resampled. One sample of each problem: no k beyond 1, no curve, no crossover."
        )
        return [Row("under", text)]
    found, n = c.crossover, c.k[-1]
    if found.k is None:
        text = f"none up to k = {n}"
        text += f" (but {level} interval from {found.low})" if found.low is not None else ""
    else:
        text = f"k = {found.k}, {level} {found.low} to {found.high or 'beyond n'}"
    return [
        Row("under", "pass@k, problems resampled. The verdict rests on the two k with *, jointly. Same-model "
            f"range: {level} of the differences between two draws of A itself."),
        Row("under", f"Crossover k*, where A catches up with B: {text}.", (found.k, found.low, found.high)),
        *_over_k(c),
    ]  # fmt: skip


def _over_k(c: Comparison) -> list[Row]:
    """What holds for all k at once, and how many of A's tries one of B's is worth."""
    rows = []
    if c.over_k:
        says = {
            "above": "B above A",
            "below": "B below A",
            "equal": "equal within the margin",
            "open": "open",
        }
        parts = [
            f"{says.get(s.state, 'open')} at k = {s.low}" + (f" to {s.high}" if s.high > s.low else "")
            for s in c.over_k
        ]
        numbers = tuple(end for s in c.over_k for end in (s.low, s.high))
        rows.append(Row("under", f"For all k at once: {'; '.join(parts)}.", numbers))
    if c.tries and c.tries.sentence and c.tries.sentence not in c.verdict.sentence:
        rows.append(Row("under", plain_text(c.tries.sentence), c.tries.estimate))
    return rows


def _moved(c: Comparison) -> list[Row]:
    """Which problems changed, beyond what sampling twice would change."""
    rows = []
    if one := c.changes:
        text = (
            f"Problems whose rate changed (false discovery rate {one.fdr:.0%}): {one.improved:,} improved, "
            f"{one.worsened:,} worsened."
        )
        rows.append(Row("under", text, (one.improved, one.worsened, one.fdr)))
    if c.moved and c.moved.p is not None and c.moved.spread is not None:
        text = (
            f"Did problems move beyond sampling noise? Exact p = {c.moved.p:.2g}; root mean square of their "
            f"true changes {100 * c.moved.spread:.1f} points."
        )
        rows.append(Row("under", text, (c.moved.p, c.moved.spread)))
    return rows


def support_grid(c: Comparison) -> Grid:
    """Problems solved at least once by both, only B, only A, neither, beside the same-model expectation."""
    rows = []
    for kind, name in KINDS.items():
        count, one = getattr(c.support, kind), c.support.expect(kind)
        text = DASH if one.mean is None else f"{one.mean:,.0f} ({one.low:,.0f}–{one.high:,.0f})"
        rows.append((Cell(name), Cell(f"{count:,}", (count,)), Cell(text, (one.mean, one.low, one.high))))
    heads = (f"solved within {c.support.n}", "problems", "A drawn twice gives")
    return Grid("support", "Problems solved at least once", heads, tuple(rows))


def _about_support(c: Comparison) -> list[Row]:
    p, limit, n = c.support.mcnemar_p, c.support.detection_limit, c.support.n
    rows = []
    if p is not None and limit is not None:
        text = (
            f"Only B against only A: exact McNemar p = {p:.2g}. Solved only by B is not yet new: A may have "
            f"p up to {limit:.2g} there, which {n} failure{'s' if n > 1 else ''} cannot exclude."
        )
        rows.append(Row("under", text, (p, limit)))
    floors = [c.guess_floor.get(f"guess_floor_{side}") for side in "ab"]
    if any(x is not None for x in floors):
        a, b = ("not known" if x is None else f"{x:.1%}" for x in floors)
        rows.append(Row("under", f"Guess floor: {a} under A, {b} under B.", tuple(floors)))
    return rows


def _robustness(c: Comparison) -> tuple[Row | Grid, ...]:
    """Whether the verdict survives other gradings, prompts and budgets."""
    if not c.robustness:
        return ()
    rows = []
    for row in c.robustness.rows:
        if row.outcome is None:
            rows.append((Cell(plain_text(row.name)), Cell(DASH), Cell(DASH), Cell(plain_text(row.detail))))
            continue
        same = (row.outcome, row.kind) == (c.verdict.outcome, c.verdict.kind)
        first = Cell(number(row.first, 4, "+"), (row.first, row.first_low, row.first_high))
        large = Cell(number(row.large, 4, "+"), (row.large, row.large_low, row.large_high))
        verdict = Cell(said(row.outcome, row.kind), style="" if same else "failed")
        rows.append((Cell(plain_text(row.name)), first, large, verdict))
    heads = ("robustness", "Δpass@1", "Δpass@K", "verdict")
    kind = {True: "robust", False: "caveat", None: "note"}[c.robustness.robust]
    grid = Grid("robustness", "The verdict under other readings of the samples", heads, tuple(rows))
    return grid, Row(kind, plain_text(c.robustness.sentence))


def _declared(c: Comparison) -> Row:
    o = c.options
    origin = " (by default)" if o.K_declared is False else ""
    text = (
        f"Declared: level {o.level:g}, K = {o.K}{origin}, margin ±{100 * o.margin:g} points. "
        "One training run of each: other training seeds are not covered."
    )
    found = {k: v for k, v in c.detectable.items() if v is not None}
    if found:
        sizes = ", ".join(f"{plain_text(k)} by {100 * v:.1f} points" for k, v in found.items())
        text += f" 80% power would find a true change of {sizes}."
    return Row("declared", text, (o.level, o.K, o.margin, *found.values()))
