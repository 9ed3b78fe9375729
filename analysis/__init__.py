"""Statistics on counts: did the distribution of solved problems expand, or only sharpen?

Pure functions on arrays; no files, no network, no models. The main one is `compare`; everything else is
imported from its room (`analysis.estimators`, `difficulty`, `inference`, `comparison`).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.comparison.compare import Comparison, compare
    from analysis.comparison.options import Options
    from analysis.comparison.planning import minimum_detectable_effect
    from analysis.comparison.published_rates import verdict_from_rates
    from analysis.comparison.sequential import until_decided
    from analysis.comparison.verdict import OUTCOMES
    from analysis.counts import PairedCounts
    from analysis.errors import AnalysisError
    from analysis.estimators.passk import pass_at_k
    from analysis.inference.bands import curve, difference
    from analysis.inference.bootstrap import bootstrap

_HOMES = {
    "AnalysisError": "analysis.errors",
    "Comparison": "analysis.comparison.compare",
    "OUTCOMES": "analysis.comparison.verdict",
    "Options": "analysis.comparison.options",
    "PairedCounts": "analysis.counts",
    "bootstrap": "analysis.inference.bootstrap",
    "compare": "analysis.comparison.compare",
    "curve": "analysis.inference.bands",
    "difference": "analysis.inference.bands",
    "minimum_detectable_effect": "analysis.comparison.planning",
    "pass_at_k": "analysis.estimators.passk",
    "until_decided": "analysis.comparison.sequential",
    "verdict_from_rates": "analysis.comparison.published_rates",
}
__all__ = [
    "OUTCOMES",
    "AnalysisError",
    "Comparison",
    "Options",
    "PairedCounts",
    "bootstrap",
    "compare",
    "curve",
    "difference",
    "minimum_detectable_effect",
    "pass_at_k",
    "until_decided",
    "verdict_from_rates",
]


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first used: whoever needs the errors alone does not load scipy."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'analysis' has no attribute {name!r}")
