"""Sampling until the verdict is decided, with the error of looking more than once paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from analysis import Options, PairedCounts
from analysis.comparison.options import declared_K
from analysis.comparison.sequential import anytime_verdict, decided
from evals.core.errors import UserError
from probes.comparison.robustness import summary
from probes.findings.types import Check, Comparison, Finding, Look, Verdict
from probes.inputs.sources import Source, pairs_of


def looks_at(start: int, most: int) -> Iterator[int]:
    """The numbers of samples at which to look: start, doubled from look to look, the last one `most`."""
    if most < start:
        raise UserError(f"--max-n {most} lies below --n {start}, where sampling starts; raise it")
    n = start
    while n < most:
        yield n
        n *= 2
    yield most


def until_decided(
    draw: Callable[[int], Source], options: Options, *, start: int, most: int, against: str = "first"
) -> tuple[Source, Options, list[dict[str, Any]]]:
    """Sample more until every pair is decided or `most` samples of a problem are there.

    draw(n): the source with n samples of every problem (what is there is not drawn again). Returns the last
    source, the options with K as declared at the first look, and the looks: n and each pair's verdict by the
    anytime rule (`analysis.comparison.sequential`); with several pairs each gets its share of the level
    (Bonferroni).
    Two draws of one model get a wrong verdict at any look with probability at most `options.level`.
    """
    options = replace(options, K=declared_K(start, options.K))
    looks: list[dict[str, Any]] = []
    for number, n in enumerate(looks_at(start, most), 1):
        source = draw(n)
        pairs = pairs_of(source.checkpoints, against)
        each = replace(options, level=options.level / len(pairs))
        verdicts = [
            {"a": a["name"], "b": b["name"],
             **anytime_verdict(PairedCounts.from_frame(source.counts, a["name"], b["name"]), number, each)}
            for a, b in pairs
        ]  # fmt: skip
        looks.append({"look": number, "n": n, "verdicts": verdicts})
        if all(decided(v) for v in verdicts):
            break
    return source, options, looks


def with_looks(finding: Finding, looks: list[dict[str, Any]], *, declared: bool = True) -> Finding:
    """An expand finding whose verdicts are those of the last look, with the path beside them.

    declared: whether K was; else it was set at the first look, and the check says so. Curves, bands and
    support keep the declared level: they describe the samples and decide nothing here. Each pair had its
    share of the level at every look (`until_decided`), so Holm's adjustment has no place.
    """
    comparisons = tuple(_with_looks(c, looks, declared) for c in finding.comparisons)
    return finding.model_copy(update={"comparisons": comparisons, "checks": comparisons[0].all_checks})


def _with_looks(c: Comparison, looks: list[dict[str, Any]], declared: bool) -> Comparison:
    verdicts = [(look["n"], v) for look in looks for v in look["verdicts"] if (v["a"], v["b"]) == (c.a, c.b)]
    path = tuple(
        Look(n=n, outcome=v["outcome"], kind=v["kind"], spent_level=v["spent_level"]) for n, v in verdicts
    )
    last = {k: v for k, v in verdicts[-1][1].items() if k not in ("a", "b")}
    verdict = Verdict.model_validate(last)
    checks = c.checks if declared else tuple(_first_look(item, looks) for item in c.checks)
    robust = c.robustness and summary(verdict, c.robustness.rows)
    return c.model_copy(
        update={"adjusted": None, "verdict": verdict, "looks": path, "checks": checks, "robustness": robust}
    )


def _first_look(item: Check, looks: list[dict[str, Any]]) -> Check:
    """The check on K where nobody declared it."""
    if item.name != "K declared":
        return item
    text = f"K = {item.value}, not declared: set at the first look, n = {looks[0]['n']}, and kept"
    return item.model_copy(update={"passed": None, "detail": text})
