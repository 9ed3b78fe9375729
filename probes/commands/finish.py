"""The end of every probe's command: the finding on disk, its table on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from evals.core.printable import say

if TYPE_CHECKING:
    from probes.findings.types import Finding


def finish(finding: Finding, out: Path) -> None:
    """Keep the finding in OUT/findings.json and print its table."""
    from probes.findings.finding import keep_finding
    from probes.findings.terminal import show

    path = keep_finding(out, finding)
    show(finding)
    say(f"written: {path}")
