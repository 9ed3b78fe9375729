"""Truncated importance sampling: rollouts of a sampler whose probabilities are not quite the trainer's.

Another engine, another precision or weights of a step before draw from another policy than the one whose
gradient is taken. Each token's loss is weighed by π(token) / μ(token), the trainer's probability under the
weights that sampled over the sampler's own, which makes the gradient that of π again; a cap bounds the
variance, and ratios outside a band take the token (or the sequence) out of the loss. Per sequence the ratio
is the product over its tokens: without bias, and of more variance. Per token: Yao et al. 2025, "Your
efficient RL framework secretly brings you off-policy RL training". Band: IcePop, arXiv 2510.18855.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer.config.schema import RLConfig


def importance_weights(logp: Tensor, sampled: Tensor, sequence: Tensor, config: RLConfig) -> Tensor:
    """Weights (T,) of tokens with log-probs `logp` here and `sampled` in the sampler, both at temperature 1.

    sequence: (T,) number of each token's sequence, all of whose tokens are here.
    """
    gap = torch.where(sampled.isfinite(), logp.detach() - sampled, 0.0)
    if config.correction == "sequence":
        total = gap.new_zeros(int(sequence.max()) + 1).index_add_(0, sequence, gap)
        gap = total[sequence]
    ratio = gap.exp()
    weight = ratio.clamp(max=config.correction_cap)
    if config.correction_band is None:
        return weight
    low, high = config.correction_band
    return weight.masked_fill((ratio < low) | (ratio > high), 0.0)
