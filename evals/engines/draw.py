"""Drawing tokens by inverse CDF from uniforms keyed by (sample seed, position).

A sample is a function of its seed and the model's probabilities: not of the batch, its order, or the
number of processes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from evals.records import SamplingOptions

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniforms(seeds: Sequence[int] | np.ndarray, position: int) -> np.ndarray:
    """float64 (R,) in [0, 1): SplitMix64 (Steele et al. 2014) of each seed at this position."""
    with np.errstate(over="ignore"):
        z = np.asarray(seeds, dtype=np.uint64) + np.uint64(position + 1) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def truncate(logits: Tensor, top_p: float, top_k: int) -> Tensor:
    """Logits (R, V) with everything outside the top-k, then outside the top-p nucleus, at -inf.

    The nucleus is the smallest set of most likely tokens with probability of at least top_p; the most
    likely token always stays. Ties are kept in the order of token ids.
    """
    if top_k > 0:
        kth = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < kth, -torch.inf)
    if top_p < 1.0:
        ordered, index = logits.sort(dim=-1, descending=True, stable=True)
        probs = ordered.softmax(dim=-1)
        outside = probs.cumsum(dim=-1) - probs >= top_p
        logits = logits.masked_fill(outside.scatter(-1, index, outside), -torch.inf)
    return logits


def draw(logits: Tensor, uniform: Tensor, options: SamplingOptions) -> tuple[Tensor, Tensor]:
    """Tokens (R,) and their log-probs (R,) at temperature 1 without truncation.

    logits (R, V) fp32; uniform (R,) float64 in [0, 1). Temperature 0 takes the most likely token.
    """
    plain = logits.log_softmax(dim=-1)
    if options.temperature == 0:
        tokens = logits.argmax(dim=-1)
    else:
        scaled = logits if options.temperature == 1 else logits / options.temperature
        probs = truncate(scaled, options.top_p, options.top_k).softmax(dim=-1)
        cdf = probs.cumsum(dim=-1, dtype=torch.float64)
        target = uniform[:, None] * cdf[:, -1:]
        tokens = torch.searchsorted(cdf, target, right=True)[:, 0].clamp(max=logits.shape[-1] - 1)
    return tokens, plain.gather(-1, tokens[:, None])[:, 0]
