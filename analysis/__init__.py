"""Statistics on counts: did the distribution of solved problems expand, or only sharpen?

Pure functions on arrays; no files, no network, no models.
"""

from analysis.compare import Comparison, compare
from analysis.counts import PairedCounts
from analysis.errors import AnalysisError
from analysis.exact import equivalence, holm, mcnemar, sign_flip
from analysis.mixture import Mixture, npmle
from analysis.options import Options
from analysis.passk import pass_at_k

__all__ = [
    "AnalysisError",
    "Comparison",
    "Mixture",
    "Options",
    "PairedCounts",
    "compare",
    "equivalence",
    "holm",
    "mcnemar",
    "npmle",
    "pass_at_k",
    "sign_flip",
]
