"""Building the page: one HTML file that opens from disk, with the figures and numbers beside it."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any

from evals.core.files import write_file
from reports.inputs import expansions, load_findings
from reports.page import view
from reports.page.figures import (
    DISTRIBUTED,
    DRAWN,
    comparison_figures,
    finding_figures,
    overview_figures,
)
from reports.page.others import other
from reports.page.payload import packed, payload
from reports.page.problems import ProblemSet, collect

OPENED = 6  # findings of other probes that are shown unfolded; of more, all are folded
ILLUSTRATED = 12  # findings of other probes that get figures


def build_page(source: Path, out: Path) -> Path:
    """Write out/index.html with figures/ and findings.json beside it; returns the page's path.

    source: a findings file, or the folder that a probe or study wrote. The page comes last.
    """
    findings = load_findings(source)
    pairs = expansions(findings)
    sets = collect(findings, source if source.is_dir() else source.parent)
    folder = out / "figures"
    cards = []
    for number, (finding, comparison) in enumerate(pairs):
        shown: dict[str, Any] = view.card(finding, comparison) | {"id": f"comparison-{number + 1}"}
        prefix = f"{number + 1:02d}-" if len(pairs) > 1 else ""
        if number < DRAWN:
            known = sets if number < DISTRIBUTED else []
            shown["figures"] = comparison_figures(finding, comparison, folder, prefix, known)
        cards.append(shown)
    held = [f for f in findings if f["probe"] != "expand"]
    others = [other(f, opened=len(held) <= OPENED) for f in held]
    for number, (one, finding) in enumerate(zip(others[:ILLUSTRATED], held, strict=False), 1):
        one["figures"] = finding_figures(finding, folder, f"finding-{number}-")
    overview = overview_figures(pairs, folder) if len(pairs) > 1 else []
    text = render(findings, sets, cards=cards, others=others, overview=overview)
    write_file(out / "findings.json", copied(findings))
    write_file(out / "index.html", text.encode("utf-8", "replace"))
    return out / "index.html"


def copied(findings: list[dict[str, Any]]) -> str:
    """The findings as they were read, as one file."""
    from probes.findings.finding import SCHEMA

    return json.dumps({"schema": SCHEMA, "findings": findings}, indent=1, ensure_ascii=False) + "\n"


def render(findings: list[dict[str, Any]], sets: list[ProblemSet], **shown: list[dict[str, Any]]) -> str:
    """The page's HTML. Every text passes the template's escaping; only our own script may run.

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
    index, parts, note = payload(sets) if sets else (None, [], None)
    card = vars(environment.get_template("card.html").module)["comparison"]
    folded = {c["id"]: str(card(c, False)) for c in shown["cards"][DRAWN:]}
    return environment.get_template("page.html").render(
        **shown,
        folded=packed(folded) if folded else None,
        made=view.made_by(findings),
        drawn_by=view.drawn_by(),
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
