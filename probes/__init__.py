"""Measures checkpoints: what changed, not only how much.

    import probes, reports
    found = probes.compare(frame, "base", "rl", K=32)    # counts as a frame, two arrays and n, a CSV, a store
    found                                                 # the verdict card
    found.verdict.outcome; found.to_frame()
    reports.plot(found, "passk")

One file per probe, named as its command; each offers one function that returns a `Finding`
(`probes.findings.types`). `probes.inputs.contract.PROBES` lists them with what they need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from probes.commands.notebook import compare
    from probes.findings.finding import Found, read_findings

_HOMES = {
    "Found": "probes.findings.finding",
    "compare": "probes.commands.notebook",
    "read_findings": "probes.findings.finding",
}
__all__ = ["Found", "compare", "read_findings"]


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first used, so that the command answers at once."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'probes' has no attribute {name!r}")
