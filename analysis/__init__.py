"""Statistics on counts: did the distribution of solved problems expand, or only sharpen?

Pure functions on arrays; no files, no network, no models. The main one is `compare`; everything else is
imported from its room (`analysis.estimators`, `difficulty`, `inference`, `comparison`).
"""

from analysis.comparison.compare import Comparison, compare
from analysis.comparison.counts import PairedCounts
from analysis.comparison.options import Options
from analysis.comparison.planning import minimum_detectable_effect
from analysis.comparison.published_rates import verdict_from_rates
from analysis.comparison.sequential import until_decided
from analysis.comparison.verdict import OUTCOMES
from analysis.errors import AnalysisError
from analysis.estimators.passk import pass_at_k
from analysis.inference.bands import curve, difference
from analysis.inference.bootstrap import bootstrap

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
