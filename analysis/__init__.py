"""Statistics on counts: did the distribution of solved problems expand, or only sharpen?

Pure functions on arrays; no files, no network, no models. The main one is `compare`.
"""

from analysis.comparison.compare import Comparison, compare
from analysis.comparison.counts import PairedCounts
from analysis.comparison.crossover import crossover, slope
from analysis.comparison.joint import verdict_on_counts
from analysis.comparison.options import Options, declared_K, k_grid
from analysis.comparison.planning import minimum_detectable_effect, needed
from analysis.comparison.published_rates import verdict_from_changes, verdict_from_rates
from analysis.comparison.sequential import (
    anytime_verdict,
    decided,
    e_process,
    spent_level,
    until_decided,
)
from analysis.comparison.support import (
    detection_limit,
    expected_support,
    half_support,
    split_support,
    support_rates,
    support_table,
)
from analysis.comparison.verdict import OUTCOMES, Reading, decide, verdict
from analysis.difficulty.beta_binomial import BetaBinomial, fit_beta_binomial
from analysis.difficulty.extrapolation import Extrapolation, back_test, extrapolate, power_law
from analysis.difficulty.flow import Flow, flow, histogram
from analysis.difficulty.npmle import Mixture, npmle
from analysis.difficulty.posterior import (
    cover,
    k_to_solve,
    origin,
    posterior_pass_at_k,
    samples_to_certify,
    support_threshold,
)
from analysis.difficulty.simulation import simulate
from analysis.errors import AnalysisError
from analysis.estimators.answers import (
    answer_counts,
    answer_entropy,
    distinct_at_k,
    guess_corrected,
    majority_at_k,
)
from analysis.estimators.passk import (
    g_pass_at_k,
    mg_pass_at_k,
    pass_at_k,
    pass_at_k_variance,
    pass_hat_k,
)
from analysis.inference.bands import Curve, curve, difference
from analysis.inference.bootstrap import Replicates, bootstrap
from analysis.inference.exact_tests import equivalence, holm, mcnemar, sign_flip
from analysis.inference.intervals import clopper_pearson, paired_rates, wilson
from analysis.inference.seeds import (
    best_of_bias,
    interquartile_mean,
    probability_of_improvement,
    seed_difference,
)

__all__ = [
    "OUTCOMES",
    "AnalysisError",
    "BetaBinomial",
    "Comparison",
    "Curve",
    "Extrapolation",
    "Flow",
    "Mixture",
    "Options",
    "PairedCounts",
    "Reading",
    "Replicates",
    "answer_counts",
    "answer_entropy",
    "anytime_verdict",
    "back_test",
    "best_of_bias",
    "bootstrap",
    "clopper_pearson",
    "compare",
    "cover",
    "crossover",
    "curve",
    "decide",
    "decided",
    "declared_K",
    "detection_limit",
    "difference",
    "distinct_at_k",
    "e_process",
    "equivalence",
    "expected_support",
    "extrapolate",
    "fit_beta_binomial",
    "flow",
    "g_pass_at_k",
    "guess_corrected",
    "half_support",
    "histogram",
    "holm",
    "interquartile_mean",
    "k_grid",
    "k_to_solve",
    "majority_at_k",
    "mcnemar",
    "mg_pass_at_k",
    "minimum_detectable_effect",
    "needed",
    "npmle",
    "origin",
    "paired_rates",
    "pass_at_k",
    "pass_at_k_variance",
    "pass_hat_k",
    "posterior_pass_at_k",
    "power_law",
    "probability_of_improvement",
    "samples_to_certify",
    "seed_difference",
    "sign_flip",
    "simulate",
    "slope",
    "spent_level",
    "split_support",
    "support_rates",
    "support_table",
    "support_threshold",
    "until_decided",
    "verdict",
    "verdict_from_changes",
    "verdict_from_rates",
    "verdict_on_counts",
    "wilson",
]
