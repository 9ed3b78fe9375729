"""Likelihoods: how probable B's solutions already were under A.

All log-probs are natural, at temperature 1 over the full vocabulary, whatever the sampling temperature.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evals.core.errors import UserError
from probes.measures.paired import Measure

GROUPS = {"P": "solved by both", "E": "gained", "S": "lost", "O": "solved by neither"}
LN2 = float(np.log(2))

TOKENS = (
    Measure("nll", "NLL under A", "nats/token", over="tokens"),
    Measure("outside", "tokens outside A's top-p .95", "rate", over="tokens", digits=4),
)
BYTES = (Measure("bits", "NLL under A", "bits/byte", over="bytes"),)
KL = (
    *(Measure(f"token_k{i}", f"KL(B||A), k{i}", "nats/token", over="tokens", digits=4) for i in (1, 2, 3)),
    *(Measure(f"sequence_k{i}", f"KL(B||A), k{i}", "nats/response") for i in (1, 2, 3)),
)


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
    if k < 1:
        raise UserError(f"a budget must be at least 1 sample, got {k}")
    return np.asarray(log_prob) >= -np.log(k)


def score_table(scores: pd.DataFrame, groups: pd.Series, budgets: Sequence[int]) -> pd.DataFrame:
    """Per problem, sums of A's scores of somebody's samples; ratios over problems are perplexities and rates.

    scores: one row per sample with problem, tokens, bytes, logprobs (A's, array), outside, correct.
    groups: P, E, S or O by problem. Columns tokens, bytes, nll (nats), bits, outside, nll_P … nll_O (NaN
    for problems of other groups), and covered_K: the share of correct samples that A reaches within K
    samples (NaN where none is correct).
    """
    log_prob = np.array([float(np.sum(x)) for x in scores["logprobs"]])
    frame = pd.DataFrame(
        {
            "problem": scores["problem"].to_numpy(),
            "tokens": scores["tokens"].to_numpy(float),
            "bytes": scores["bytes"].to_numpy(float),
            "nll": -log_prob,
            "bits": -log_prob / LN2,
            "outside": scores["outside"].to_numpy(float),
        }
    )
    correct = scores["correct"].to_numpy(bool)
    reached = {f"covered_{k}": np.where(correct, covered(log_prob, k), np.nan) for k in budgets}
    frame = frame.assign(**reached)
    sums = frame.groupby("problem", sort=True).sum()
    means = frame.groupby("problem", sort=True)[list(reached)].mean()
    sums[list(reached)] = means
    for group in GROUPS:
        sums[f"nll_{group}"] = sums["nll"].where(groups.reindex(sums.index) == group)
    return sums


def kl_table(own: pd.DataFrame, by_a: pd.DataFrame) -> pd.DataFrame:
    """Per problem, the KL terms of B's samples: sums over tokens, means over whole responses.

    own, by_a: the same samples (key) scored by B and by A, in their own token ids. Columns tokens,
    token_k1 … token_k3 (sums, nats) and sequence_k1 … sequence_k3 (means, nats).
    """
    both = own.merge(by_a[["key", "logprobs"]], on="key", suffixes=("_b", "_a"), validate="one_to_one")
    rows = []
    for problem, part in both.groupby("problem", sort=True):
        tokens = kl_terms(np.concatenate([*part["logprobs_b"]]), np.concatenate([*part["logprobs_a"]]))
        whole = kl_terms(*(np.array([np.sum(x) for x in part[f"logprobs_{s}"]]) for s in "ba"))
        row: dict[str, Any] = {"problem": problem, "tokens": float(part["tokens"].sum())}
        row |= {f"token_{k}": float(v.sum()) for k, v in tokens.items()}
        row |= {f"sequence_{k}": float(v.mean()) for k, v in whole.items()}
        rows.append(row)
    return pd.DataFrame(rows).set_index("problem")


def group_measures() -> tuple[Measure, ...]:
    """NLL under A by what became of the problem."""
    return tuple(
        Measure(f"nll_{g}", f"NLL under A, {text}", "nats/token", over="tokens") for g, text in GROUPS.items()
    )


def budget_measures(budgets: Sequence[int]) -> tuple[Measure, ...]:
    """Share of correct samples that A reaches within K samples."""
    return tuple(Measure(f"covered_{k}", f"correct ones within {k:,} of A", "rate") for k in budgets)
