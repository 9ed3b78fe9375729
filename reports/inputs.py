"""What reports read: findings from a file, a folder that holds findings.json, or a study."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from evals.core.errors import UserError
from probes.findings.finding import read_findings
from probes.findings.types import Comparison, Finding

Pair = tuple[Finding, Comparison]


def finding_files(path: Path) -> list[Path]:
    """The findings files under `path`: itself, its findings.json, or those under its findings/ folder."""
    if path.is_file():
        return [path]
    if not path.exists():
        raise UserError(f"{path} does not exist; give a findings.json or the folder that a probe wrote")
    direct = path / "findings.json"
    if direct.is_file():
        return [direct]
    found = sorted(path.glob("findings/**/*.json")) + sorted(path.glob("*/findings.json"))
    if not found:
        raise UserError(f"{path} holds no findings.json; run `probes expand … --out {path}` first")
    return found


def load_findings(path: Path) -> list[Finding]:
    """All findings under `path`, in order of their files; UserError where there is none or one is broken."""
    findings: list[Finding] = [f for file in finding_files(Path(path)) for f in read_findings(file)]
    if not findings:
        raise UserError(f"{path} holds an empty list of findings; run the probe again")
    for number, finding in enumerate(findings, 1):
        if finding.probe == "expand" and not finding.comparisons:
            raise UserError(f"finding {number} of {path} compares nothing; run `probes expand` again")
    return findings


def expansions(findings: Sequence[Finding]) -> list[Pair]:
    """(finding, comparison) of every comparison of every expand finding."""
    return [(f, c) for f in findings if f.probe == "expand" for c in f.comparisons]


def number(value: float | None) -> float:
    """A JSON number as a float; None, which stands for "not available", as NaN."""
    return math.nan if value is None else float(value)
