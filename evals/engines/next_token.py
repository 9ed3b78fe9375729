"""Drawing tokens by inverse CDF from uniforms keyed by (sample seed, position).

A sample is a function of its seed and the model's probabilities: not of the batch, its order, or the
number of processes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from evals.records import SamplingOptions

SMALL = 2048  # a vocabulary that is sorted as it is
LIKELY = (128, 1024)  # how many of a larger one's most likely tokens are looked at first
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniforms(seeds: Sequence[int] | np.ndarray, position: int) -> np.ndarray:
    """float64 (R,) in [0, 1): SplitMix64 (Steele et al. 2014) of each seed at this position."""
    with np.errstate(over="ignore"):
        z = np.asarray(seeds, dtype=np.uint64) + np.uint64(position + 1) * _GOLDEN
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(11)).astype(np.float64) * 2.0**-53


def truncate(logits: Tensor, top_p: float, top_k: int, min_p: float = 0.0) -> Tensor:
    """Logits (R, V) with everything outside the top-k, then outside the top-p nucleus, at -inf.

    The nucleus is the smallest set of most likely tokens with probability of at least top_p; the most
    likely token always stays. Ties are kept in the order of token ids. min_p: of these, only tokens with
    at least so much of the most likely token's probability.
    """
    if top_k > 0:
        kth = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < kth, -torch.inf)
    if top_p < 1.0:
        ordered, index = logits.sort(dim=-1, descending=True, stable=True)
        probs = ordered.softmax(dim=-1)
        outside = probs.cumsum(dim=-1) - probs >= top_p
        outside[:, 0] = False  # a tiny top_p is 0 in the type of the logits
        logits = logits.masked_fill(outside.scatter(-1, index, outside), -torch.inf)
    if min_p > 0:
        least = logits.amax(dim=-1, keepdim=True) + math.log(min_p)
        logits = logits.masked_fill(logits < least, -torch.inf)
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
        few = logits.shape[-1] <= SMALL
        tokens = _by_sorting(scaled, uniform, options) if few else _by_the_likely(scaled, uniform, options)
    return tokens, plain.gather(-1, tokens[:, None])[:, 0]


def _by_sorting(scaled: Tensor, uniform: Tensor, options: SamplingOptions) -> Tensor:
    """Tokens (R,), the whole vocabulary in hand."""
    probs = truncate(scaled, options.top_p, options.top_k, options.min_p).softmax(dim=-1)
    cdf = probs.cumsum(dim=-1, dtype=torch.float64)
    target = uniform[:, None] * cdf[:, -1:]
    return torch.searchsorted(cdf, target, right=True)[:, 0].clamp(max=scaled.shape[-1] - 1)


def _by_the_likely(scaled: Tensor, uniform: Tensor, options: SamplingOptions) -> Tensor:
    """The same tokens (R,) without sorting the vocabulary.

    Where the set that stays lies within a row's few most likely tokens, with nothing left outside that ties
    with its last, those are all that is needed; rows of flat distributions look at more, at last at all.
    The numbers are the same however many were looked at.
    """
    probs, vocab = scaled.softmax(dim=-1), scaled.shape[-1]
    if options.top_p >= 1 and options.top_k <= 0 and options.min_p <= 0:
        return _in_blocks(probs, uniform)
    tokens = torch.empty(len(scaled), dtype=torch.long, device=scaled.device)
    left = torch.arange(len(scaled), device=scaled.device)
    for count in [c for c in LIKELY if options.top_k < c <= vocab // 8] + [vocab]:
        rows = scaled if len(left) == len(scaled) else scaled[left]
        ids = rows.topk(count, dim=-1).indices.sort(dim=-1).values if count < vocab else None
        values = rows if ids is None else rows.gather(-1, ids)
        ordered, rank = values.sort(dim=-1, descending=True, stable=True)  # ties by token id
        mass = probs[left].gather(-1, rank if ids is None else ids.gather(-1, rank)).double()
        stays = _stays(ordered, mass, options)
        done = ordered[:, -1] < ordered.masked_fill(~stays, torch.inf).amin(dim=-1)
        done |= count == vocab
        cdf = torch.zeros_like(mass).scatter(-1, rank, mass.masked_fill(~stays, 0.0)).cumsum(dim=-1)
        place = torch.searchsorted(cdf, uniform[left][:, None] * cdf[:, -1:], right=True)
        place = place.clamp(max=count - 1)
        tokens[left[done]] = (place if ids is None else ids.gather(-1, place))[done, 0]
        left = left[~done]
        if not len(left):
            break
    return tokens


def _stays(ordered: Tensor, mass: Tensor, options: SamplingOptions) -> Tensor:
    """Which of a row's most likely tokens stay; see `truncate`.

    ordered (R, K): logits in descending order, more than top_k of them. mass (R, K): their probabilities.
    """
    stays = torch.ones_like(ordered, dtype=torch.bool)
    total: Tensor | float = 1.0
    if 0 < options.top_k < ordered.shape[-1]:
        stays = ordered >= ordered[:, options.top_k - 1, None]
        total = mass.masked_fill(~stays, 0.0).cumsum(dim=-1)[:, -1:]
    if options.top_p < 1:
        stays = stays & (mass.cumsum(dim=-1) - mass < options.top_p * total)
    if options.min_p > 0:
        stays = stays & (ordered >= ordered[:, :1] + math.log(options.min_p))
    return stays


def _in_blocks(probs: Tensor, uniform: Tensor) -> Tensor:
    """Tokens (R,) by inverse CDF: first the block of the vocabulary, then the token in it."""
    rows, vocab = probs.shape
    width = math.isqrt(vocab) + 1
    blocks = F.pad(probs, (0, -vocab % width)).view(rows, -1, width)
    cdf = blocks.sum(dim=-1).cumsum(dim=-1, dtype=torch.float64)
    target = uniform[:, None] * cdf[:, -1:]
    block = torch.searchsorted(cdf, target, right=True).clamp(max=cdf.shape[1] - 1)
    before = F.pad(cdf, (1, 0)).gather(-1, block)
    within = blocks[torch.arange(rows, device=probs.device), block[:, 0]].cumsum(dim=-1, dtype=torch.float64)
    most = (within[:, -1:] * (1 - 1e-12)).clamp(min=0)  # block sums round in another order
    place = torch.searchsorted(within, torch.minimum(target - before, most), right=True)
    return (block * width + place)[:, 0].clamp(max=vocab - 1)
