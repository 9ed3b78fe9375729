"""What a model says at every token of given responses: log-prob, entropy, membership of the nucleus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.core.errors import UserError

NUCLEUS = 0.95


@dataclass(frozen=True, slots=True)
class Positions:
    """Along one response of T tokens, at temperature 1 and over the full vocabulary.

    logp (T,): natural-log probability of the token. entropy (T,): entropy of the next token, nats.
    outside (T,): whether the token lies outside the smallest set of most likely tokens with probability of
    at least .95.
    """

    logp: np.ndarray
    entropy: np.ndarray
    outside: np.ndarray


def positions(
    engine: Any, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]
) -> Iterator[Positions]:
    """Score each response after its prompt, in order. UserError where the engine hides the distribution.

    prompts, responses: token ids; prompts must not be empty.
    """
    predictions = getattr(engine, "predictions", None)
    if predictions is None:
        raise UserError(
            "this engine gives no full next-token distribution, which entropy needs; use --engine torch"
        )
    chunks = predictions(prompts, responses)
    kept = _at_none()
    for response in responses:
        parts = [kept]
        while sum(len(part.logp) for part in parts) < len(response):
            logits, target = next(chunks)
            parts.append(_at(logits.float().log_softmax(-1), target))
        whole = [np.concatenate(column) for column in zip(*map(_columns, parts), strict=True)]
        yield Positions(*(column[: len(response)] for column in whole))
        kept = Positions(*(column[len(response) :] for column in whole))


def _columns(found: Positions) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return found.logp, found.entropy, found.outside


def _at_none() -> Positions:
    return Positions(np.empty(0), np.empty(0), np.empty(0, dtype=bool))


def _at(logp: Any, target: Any) -> Positions:
    """logp (T, V), target (T,) -> statistics of each position."""
    probs = logp.exp()
    entropy = -(probs * logp.nan_to_num(neginf=0.0)).sum(-1)
    token = logp.gather(-1, target[:, None])
    above = (probs * (logp > token)).sum(-1)  # probability of everything more likely than the token
    return Positions(
        token[:, 0].double().cpu().numpy(), entropy.double().cpu().numpy(), (above >= NUCLEUS).cpu().numpy()
    )
