"""DAPO: four changes to GRPO for long answers (arXiv 2503.14476).

Clip-higher (0.28 above, 0.2 below), so that rare tokens can grow; groups whose rewards are all equal are
replaced by further prompts (`refill`) and leave the denominator; the loss is a mean over tokens; answers cut
off at `max_tokens` leave the loss (`mask_truncated`). No KL. The paper's soft punishment of long answers is
`overlong_penalty`.
"""

from __future__ import annotations

from trainer.algorithms import grpo
from trainer.algorithms.contract import Algorithm

DAPO = Algorithm(
    grpo.advantages,
    grpo.terms,
    {
        "clip_low": 0.2,
        "clip_high": 0.28,
        "kl": 0.0,
        "aggregation": "token-mean",
        "keep_zero_variance": False,
        "refill": 3,
        "mask_truncated": True,
    },
)
