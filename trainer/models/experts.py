"""Mixtures of experts: how many of a model's weights a token is multiplied with.

Every layer has a router that sends each token to a few of the routed experts. The router and experts that are
shared, which every token passes through, count whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

# What configurations of transformers call them; the first that holds a number is taken.
NUMBER = ("num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts")
EACH = ("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k", "moe_top_k", "top_k_experts")

NUMBERED = re.compile(r"(^|\.)experts\.\d+\.")


def active(config: Any, weights: Sequence[tuple[str, tuple[int, ...]]]) -> int:
    """Numbers in `weights` (name, shape) that a token is multiplied with, rounded down to a whole one.

    All of them where the configuration does not say how many experts there are and how many a token takes.
    """
    number, each = _first(config, NUMBER), _first(config, EACH)
    share = (each, number) if number and each and each <= number else (1, 1)
    routed = sum(math.prod(shape) for name, shape in weights if _routed(name, shape, number))
    return sum(math.prod(shape) for _, shape in weights) - routed + routed * share[0] // share[1]


def _first(config: Any, names: Sequence[str]) -> int | None:
    values = (getattr(config, name, None) for name in names)
    return next((value for value in values if isinstance(value, int) and value > 0), None)


def _routed(name: str, shape: tuple[int, ...], number: int | None) -> bool:
    """Whether a weight is of one routed expert, or of all of them stacked."""
    return bool(NUMBERED.search(name)) or (len(shape) == 3 and shape[0] == number)
