"""Building the page: one HTML file that opens from disk, with the figures and numbers beside it."""

from __future__ import annotations

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from evals.core.files import write_file
from evals.core.progress import Report, over
from probes.findings import html
from probes.findings.card import card
from probes.findings.card_numbers import numbers_grid
from probes.findings.finding import to_json, versions
from probes.findings.grids import block_grid, grids
from probes.findings.rows import check_rows, plain_text
from probes.findings.types import Comparison, Finding
from reports.drawings import of_comparison, of_pairs, of_probe
from reports.inputs import expansions, load_findings
from reports.page.figures import DISTRIBUTED, DRAWN, placed
from reports.page.made import DRAWING, made_by
from reports.page.payload import packed, payload
from reports.page.problems import ProblemSet, collect

MOVED = 500  # problems whose rate changed that are shown
OPENED = 6  # findings of other probes that are shown unfolded; of more, all are folded
ILLUSTRATED = 12  # findings of other probes that get figures


def build_page(source: Path, out: Path, progress: Report | None = None) -> Path:
    """Write out/index.html with figures/ and findings.json beside it; returns the page's path.

    source: a findings file, or the folder that a probe or study wrote. The page comes last.
    progress(done, total): of comparisons.
    """
    findings = load_findings(source)
    sets = collect(findings, source if source.is_dir() else source.parent)
    with ThreadPoolExecutor(max_workers=1) as aside:  # compressing samples does not wait for the figures
        packing = aside.submit(payload, sets) if sets else None
        shown = _shown(findings, sets, out / "figures", progress)
        samples = packing.result() if packing else (None, [], None)
    text = render(findings, samples, **shown)
    write_file(out / "findings.json", to_json(findings))
    write_file(out / "index.html", text.encode("utf-8", "replace"))
    return out / "index.html"


def _shown(
    findings: list[Finding], sets: list[ProblemSet], folder: Path, progress: Report | None
) -> dict[str, list[dict[str, Any]]]:
    """Cards, other findings and overview as `render` takes them; their figures are written to the folder."""
    pairs = expansions(findings)
    cards = []
    for number, (finding, comparison) in enumerate(over(pairs, progress)):
        shown = entry(finding, comparison, number + 1)
        prefix = f"{number + 1:02d}-" if len(pairs) > 1 else ""
        if number < DRAWN:
            counts = _counts(sets, comparison) if number < DISTRIBUTED else None
            drawings = of_comparison(finding, comparison, counts)
            shown["figures"] = placed(drawings, folder, prefix, f"{comparison.a}, {comparison.b}")
        cards.append(shown)
    alone = [f for f in findings if f.probe != "expand"]
    others = [other(f, opened=len(alone) <= OPENED) for f in alone]
    for number, (one, finding) in enumerate(zip(others[:ILLUSTRATED], alone, strict=False), 1):
        one["figures"] = placed(of_probe(finding), folder, f"finding-{number}-", finding.probe)
    several = of_pairs(pairs) if len(pairs) > 1 else []
    overview = placed(several, folder, "all-", f"{len(pairs)} comparisons")
    return {"cards": cards, "others": others, "overview": overview}


def _counts(sets: list[ProblemSet], comparison: Comparison) -> Any:
    """`analysis.PairedCounts` of a comparison where a set holds its problems and no others, else None."""
    pairs = (one.pair(comparison.a, comparison.b) for one in sets)
    return next((pair for pair in pairs if pair is not None and comparison.problems == pair.M), None)


def entry(finding: Finding, comparison: Comparison, number: int) -> dict[str, Any]:
    """A comparison as the page shows it: its card, its row of the overview, its table of every k."""
    every = numbers_grid(comparison, range(len(comparison.k)))
    first, large = numbers_grid(comparison, [0, comparison.at(comparison.options.K)]).rows
    name = f"comparison-{number}"
    return {
        "id": name,
        "a": plain_text(comparison.a),
        "b": plain_text(comparison.b),
        "outcome": comparison.headline.outcome,
        "css": html.css(comparison.headline.outcome),
        "card": Markup(html.card(card(finding, comparison), name if number == 1 else None)),
        "ends": [*first[3:5], large[0], *large[3:5]],
        "moved": _moved(finding, comparison),
        "gained": comparison.support.E,
        "lost": comparison.support.S,
        "count": len(comparison.k),
        "every": Markup(html.grid(every)),
    }


def _moved(finding: Finding, comparison: Comparison) -> Markup | None:
    """The table of the problems whose rate changed, of a finding's first comparison, which lists them."""
    kinds = ("improved", "worsened")
    rows = [one for kind in kinds for one in (finding.changed or {}).get(kind, ())]
    if comparison is not finding.comparisons[0] or not rows:
        return None
    shown = [
        [r["problem"], f"{r['rate_a']:.3f}", f"{r['rate_b']:.3f}", f"{r['p']:.2g}", f"{r['q']:.2g}"]
        for r in rows[:MOVED]
    ]
    title = f"Problems whose rate changed, improved ones first: {len(shown):,} of {len(rows):,}"
    heads = ("problem", "rate of A", "rate of B", "p", "p adjusted (false discovery rate)")
    return Markup(html.grid(block_grid(title, heads, shown, "moved")))


def other(finding: Finding, *, opened: bool = True) -> dict[str, Any]:
    """A finding of another probe than expand as the page shows it."""
    problems = finding.problems
    names = " · ".join(c.name for c in finding.checkpoints)
    where = f", {problems.count} problems of {problems.name}" if problems and problems.count else ""
    return {
        "probe": plain_text(finding.probe),
        "about": plain_text(names + where),
        "tables": [Markup(html.grid(one)) for one in grids(finding)],
        "notes": [plain_text(n) for n in finding.notes],
        "checks": Markup(html.checks(check_rows(finding.checks, passed=len(finding.checks)))),
        "open": opened,
        "figures": [],
    }


def render(
    findings: list[Finding],
    samples: tuple[str | None, list[str], str | None],
    **shown: list[dict[str, Any]],
) -> str:
    """The page's HTML. Every text passes the template's escaping; only our own script may run.

    samples: index, parts and note of `reports.page.payload.payload`.
    shown: cards of comparisons, others (findings of other probes), overview (figures of all comparisons).
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("reports", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = "\n" + asset("page.js") + "\n"  # as it stands between the tags: the digest is of these bytes
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    index, parts, note = samples
    folded = {c["id"]: str(c["card"]) for c in shown["cards"][DRAWN:]}
    return environment.get_template("page.html").render(
        **shown,
        folded=packed(folded) if folded else None,
        made=made_by(findings),
        drawn_by=versions(DRAWING),
        undrawn=max(0, len(shown["cards"]) - DRAWN),
        drawn=DRAWN,
        index=index,
        parts_of_samples=parts,
        samples_note=note,
        style=asset("page.css"),
        script=script,
        digest=digest,
    )


def asset(name: str) -> str:
    """The text of a file that stands beside this module."""
    return resources.files("reports.page").joinpath(name).read_text("utf-8")
