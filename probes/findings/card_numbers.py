"""The card's numbers: pass@k, problems solved, robustness, each with what is said of it."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.comparison.words import percent
from probes.findings.comparison import Comparison
from probes.findings.rows import DASH, Cell, Grid, Row, interval_cell, number, plain_text

SHOWN = 5  # rows of pass@k beside 1, K and n
KINDS = {"P": "by both", "E": "only B", "S": "only A", "O": "by neither"}


def said(outcome: str, kind: str | None) -> str:
    """An outcome with its kind."""
    return outcome + (f": {plain_text(kind)}" if kind else "")


def numbers_grid(c: Comparison, places: Sequence[int] | None = None) -> Grid:
    """pass@k of both and their paired difference. places: of k (default: a few, always with 1, K and n)."""
    rows: list[tuple[Cell, ...]] = []
    own = c.ends != ("low", "high")
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
                interval_cell(*(c.delta.at(end, i) for end in c.ends)),
                interval_cell(c.delta.at("band_low", i), c.delta.at("band_high", i)),
                Cell(DASH if null is None else f"±{null:.3f}".replace("0.", ".", 1), (null,)),
            )
        )
    heads = (
        "k",
        "A",
        "B",
        "B - A",
        f"{percent(c.options.level)} {'these problems' if own else 'paired'}",
        "all k, such problems" if own else "all k at once",
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


def about_curves(c: Comparison) -> list[Row]:
    """What is said under pass@k: what the intervals are, k*, and what holds over all k."""
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
    solved = any(value for side in "ab" for value in c.passk[side].estimate)
    crossed = [
        Row("under", f"Crossover k*, where A catches up with B: {text}.", (found.k, found.low, found.high))
    ]
    rests = "pass@k, problems resampled. The verdict rests on the two k with *, jointly."
    if c.options.target == "benchmark":
        rests = (
            "The verdict rests on the two k with *, jointly, and on sampling noise alone. What is said of "
            "all k, the crossover and the tries take these problems as a sample of such."
        )
    return [
        Row("under", f"{rests} Same-model range: {level} of the differences between two draws of A itself."),
        *(crossed if solved else []),  # two curves at 0 meet everywhere and cross nowhere
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


def moved(c: Comparison) -> list[Row]:
    """Which problems changed, beyond what sampling twice would change."""
    rows = []
    if one := c.changes:
        text = (
            f"Problems whose rate changed (false discovery rate {one.fdr:.0%}): {one.improved:,} improved, "
            f"{one.worsened:,} worsened."
        )
        if one.first_solved is not None:
            text += f" Solved by B alone: {one.first_solved:,}; a second draw of A would also solve new ones."
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


def about_support(c: Comparison) -> list[Row]:
    """What is said under the support table: McNemar's test, the detection limit, the guess floors."""
    p, limit, n = c.support.mcnemar_p, c.support.detection_limit, c.support.n
    rows = []
    if p is not None and limit is not None:
        alone = "" if c.resampled is None else ", which takes each problem by itself"
        text = (
            f"Only B against only A: exact McNemar p = {p:.2g}{alone}. Solved only by B is not yet new: A "
            f"may have p up to {limit:.2g} there, which {n} failure{'s' if n > 1 else ''} cannot exclude."
        )
        rows.append(Row("under", text, (p, limit)))
    floors = [c.guess_floor.get(f"guess_floor_{side}") for side in "ab"]
    if any(x is not None for x in floors):
        a, b = ("not known" if x is None else f"{x:.1%}" for x in floors)
        rows.append(Row("under", f"Guess floor: {a} under A, {b} under B.", tuple(floors)))
    return rows


def groups(c: Comparison) -> tuple[Row | Grid, ...]:
    """Where the change is: the two numbers of every group of problems, and whether all changed alike."""
    out: list[Row | Grid] = []
    for grouping in c.groups:
        rows = []
        for group in grouping.groups:
            cells = [
                Cell(
                    f"{number(one.estimate, 4, '+')} {interval_cell(one.low, one.high).text}"
                    + {"up": " up", "down": " down"}.get(one.state, ""),
                    (one.estimate, one.low, one.high),
                )
                for one in group.numbers
            ]
            name = plain_text(group.name) + ("" if group.claims else " (too few to claim)")
            rows.append((Cell(name), Cell(f"{group.problems:,}", (group.problems,)), *cells))
        heads = [f"Δpass@{one.k}" for one in grouping.groups[0].numbers] if grouping.groups else []
        by = plain_text(grouping.by)
        out.append(Grid(f"by-{by}", f"By {by}", (by, "problems", *heads), tuple(rows)))
        alike = {k: p for k, p in grouping.heterogeneity.items() if p is not None}
        if alike:
            text = ", ".join(f"{plain_text(k)} p = {p:.2g}" for k, p in alike.items())
            says = "Up and down after Holm over all groups. Did all groups change alike? "
            if c.options.target == "benchmark":
                says = f"Groups are judged as samples of such problems. {says}"
            if sum(group.problems for group in grouping.groups) > c.problems:
                says = f"A problem that stands in two groups counts half in each. {says}"
            out.append(Row("under", f"{says}{text}.", tuple(alike.values())))
    return tuple(out)


def robustness(c: Comparison) -> tuple[Row | Grid, ...]:
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
