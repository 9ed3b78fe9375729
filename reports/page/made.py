"""How findings were made: commands, versions, checkpoints; and what draws the page."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from probes.findings.checks import asked_words
from probes.findings.types import Finding

MOST_PROMPT = 50_000  # characters of a prompt that are shown
DRAWING = ("excursions", "matplotlib", "seaborn", "pandas", "numpy")


def made_by(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Command, versions, hardware, problems and checkpoints; findings of one making stand together."""
    out: dict[str, dict[str, Any]] = {}
    for finding in findings:
        problems = finding.problems
        made = {
            "command": shlex.join(map(str, finding.provenance.get("command") or [])) or "not recorded",
            "versions": finding.provenance.get("versions") or {},
            "hardware": finding.provenance.get("hardware") or {},
            "store": finding.provenance.get("store"),
            "problems": {k: getattr(problems, k, None) for k in ("name", "count", "fingerprint")},
        }
        one = out.setdefault(repr(made), made | {"findings": 0, "checkpoints": {}})
        one["findings"] += 1
        for c in finding.checkpoints:
            row = {k: str(getattr(c, k) or "—") for k in ("name", "path", "recipe", "fingerprint", "cell")}
            one["checkpoints"][tuple(row.values())] = row | _asked(c.report or {})
    return [one | {"checkpoints": list(one["checkpoints"].values())} for one in out.values()]


def _asked(report: Mapping[str, Any]) -> dict[str, str]:
    """How samples were asked, in words, and one prompt as it was rendered; empty where that is not known."""
    text = str(report.get("prompt") or "")[:MOST_PROMPT]
    return {"asked": asked_words(dict(report)) if text else "", "prompt": text}
