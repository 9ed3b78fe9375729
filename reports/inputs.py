"""What reports read: findings from a file, a folder that holds findings.json, or a study."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from probes.findings.finding import read_findings

_HALF = re.compile("[\ud800-\udfff]")


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


def load_findings(path: Path) -> list[dict[str, Any]]:
    """All findings under `path`, in order of their files; UserError where there is none or one is broken."""
    findings: list[dict[str, Any]] = []
    for file in finding_files(Path(path)):
        findings += whole(read_findings(file))
    if not findings:
        raise UserError(f"{path} holds an empty list of findings; run the probe again")
    for number, finding in enumerate(findings, 1):
        if not isinstance(finding, dict) or "probe" not in finding:
            raise UserError(
                f"finding {number} of {path} does not say which probe made it; run the probe again"
            )
        if finding["probe"] == "expand" and not finding.get("comparisons"):
            raise UserError(f"finding {number} of {path} compares nothing; run `probes expand` again")
    return findings


def whole(value: Any) -> Any:
    """JSON data with the halves of surrogate pairs, which no file can hold, replaced by U+FFFD."""
    if isinstance(value, str):
        return value if value.isascii() else _HALF.sub("\ufffd", value)
    if isinstance(value, list):
        return [whole(v) for v in value]
    if isinstance(value, dict):
        return {whole(k): whole(v) for k, v in value.items()}
    return value


def expansions(findings: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """(finding, comparison) of every comparison of every expand finding."""
    return [(f, c) for f in findings if f["probe"] == "expand" for c in f["comparisons"]]


def number(value: Any) -> float:
    """A JSON number as a float; None, which stands for "not available", as NaN."""
    return math.nan if value is None else float(value)
