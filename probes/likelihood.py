"""Likelihoods: how probable B's solutions already were under A.

All log-probs are natural, at temperature 1 over the full vocabulary, whatever the sampling temperature.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evals.errors import UserError

GROUPS = ("P", "E", "S", "O")


def kl_terms(logp_b: np.ndarray, logp_a: np.ndarray) -> dict[str, np.ndarray]:
    """Estimators of KL(B || A) at draws from B, elementwise, in nats; k1 and k3 are unbiased, k2 is not.

    logp_b, logp_a: log-probs of the same draw (tokens or whole responses). With r = p_A / p_B:
    k1 = -ln r, k2 = (ln r)^2 / 2, k3 = r - 1 - ln r (Schulman 2020, "Approximating KL divergence"). The
    expectation is KL only if the draws come from B itself: temperature 1, top-p 1, top-k off.
    """
    log_r = np.asarray(logp_a, float) - np.asarray(logp_b, float)
    with np.errstate(over="ignore"):
        return {"k1": -log_r, "k2": log_r**2 / 2, "k3": np.expm1(log_r) - log_r}


def group_of(c_a: np.ndarray, c_b: np.ndarray) -> np.ndarray:
    """P (both solved at least once), E (only B), S (only A) or O (neither) of each problem (2507.14843)."""
    a, b = np.asarray(c_a) > 0, np.asarray(c_b) > 0
    return np.select([a & b, ~a & b, a & ~b], ["P", "E", "S"], "O")


def covered(log_prob: np.ndarray, k: float) -> np.ndarray:
    """Whether a response is within reach of k samples: ln p >= -ln k, that is p >= 1 / k."""
    return np.asarray(log_prob) >= -np.log(k)


def cross_table(scores: pd.DataFrame, bytes_of: bool = False) -> pd.DataFrame:
    """Per-problem sums for cross perplexity, KL and the nucleus, from B's samples scored by both.

    scores: one row per sample with problem, tokens, logprobs_a, logprobs_b (arrays of T log-probs),
    outside (tokens outside A's nucleus), correct, bytes. Sums are divided by nothing: ratios over problems
    are taken by `probes.paired`. Sequence terms are means over the problem's samples.
    """
    rows = []
    for problem, part in scores.groupby("problem", sort=True):
        rows.append({"problem": problem, **_sums(part, bytes_of)})
    return pd.DataFrame(rows).set_index("problem")


def _sums(part: pd.DataFrame, bytes_of: bool) -> dict[str, float]:
    nll_a = np.array([-np.sum(x) for x in part["logprobs_a"]])
    nll_b = np.array([-np.sum(x) for x in part["logprobs_b"]])
    out = {
        "tokens": float(part["tokens"].sum()),
        "bytes": float(part["bytes"].sum()),
        "nll_a": float(nll_a.sum()),
        "nll_b": float(nll_b.sum()),
        "outside": float(part["outside"].sum()),
    }
    if not bytes_of:
        per_token = kl_terms(np.concatenate([*part["logprobs_b"]]), np.concatenate([*part["logprobs_a"]]))
        whole = kl_terms(-nll_b, -nll_a)
        out |= {f"token_{k}": float(v.sum()) for k, v in per_token.items()}
        out |= {f"sequence_{k}": float(v.mean()) for k, v in whole.items()}
    return out


def budget_table(scores: pd.DataFrame, budgets: Sequence[int]) -> pd.DataFrame:
    """Per problem, the share of B's correct samples that A covers at each budget k.

    NaN where B has no correct sample. Columns covered_K for every K of budgets.
    """
    correct = scores[scores["correct"].astype(bool)]
    log_prob = np.array([float(np.sum(x)) for x in correct["logprobs_a"]])
    frame = pd.DataFrame({"problem": correct["problem"].to_numpy()})
    for k in budgets:
        if k < 1:
            raise UserError(f"a budget must be at least 1 sample, got {k}")
        frame[f"covered_{k}"] = covered(log_prob, k).astype(float)
    index = pd.Index(sorted(scores["problem"].unique()), name="problem")
    return frame.groupby("problem").mean().reindex(index)


def perplexity(nll: float, tokens: float) -> float:
    """exp(nll / tokens): nll in nats summed over tokens."""
    return float(np.exp(nll / tokens))
