"""Statistics on counts: did the distribution of solved problems expand, or only sharpen?

Pure functions on arrays; no files, no network, no models. The main one is `compare`.
"""

from analysis.answers import answer_counts, answer_entropy, distinct_at_k, guess_corrected, majority_at_k
from analysis.anytime import anytime_verdict, decided, e_process, spent_level, until_decided
from analysis.bands import Curve, curve, difference
from analysis.beta_binomial import BetaBinomial, fit_beta_binomial
from analysis.bootstrap import Replicates, bootstrap
from analysis.compare import Comparison, compare
from analysis.counts import PairedCounts
from analysis.crossover import crossover, slope
from analysis.difficulty import simulate
from analysis.errors import AnalysisError
from analysis.exact import equivalence, holm, mcnemar, sign_flip
from analysis.extrapolation import Extrapolation, back_test, extrapolate, power_law
from analysis.flow import Flow, flow, histogram
from analysis.intervals import clopper_pearson, paired_rates, wilson
from analysis.joint import verdict_on_counts
from analysis.mixture import Mixture, npmle
from analysis.options import Options, declared_K, k_grid
from analysis.passk import g_pass_at_k, mg_pass_at_k, pass_at_k, pass_at_k_variance, pass_hat_k
from analysis.planning import minimum_detectable_effect, needed
from analysis.posterior import (
    cover,
    k_to_solve,
    origin,
    posterior_pass_at_k,
    samples_to_certify,
    support_threshold,
)
from analysis.rates import verdict_from_changes, verdict_from_rates
from analysis.seeds import best_of_bias, interquartile_mean, probability_of_improvement, seed_difference
from analysis.support import (
    detection_limit,
    expected_support,
    half_support,
    split_support,
    support_rates,
    support_table,
)
from analysis.verdict import OUTCOMES, Reading, decide, verdict

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
