"""What a model says at every token of given responses: log-prob, entropy, membership of the nucleus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.core.errors import UserError

PASS_TOKENS = 16_384
PASS_LOGITS = 2**27  # floats of one pass: half a gigabyte in fp32
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
    decoder = getattr(engine, "decoder", None)
    if decoder is None:
        raise UserError(
            "this engine gives no full next-token distribution, which entropy needs; use --engine torch"
        )
    for batch in _batches(prompts, responses, _vocabulary(engine)):
        yield from _pass(decoder, [prompts[i] for i in batch], [responses[i] for i in batch])


def _vocabulary(engine: Any) -> int:
    try:
        return len(engine.tokenizer)
    except TypeError:
        return 1


def _batches(
    prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]], vocabulary: int
) -> Iterator[list[int]]:
    most = max(1, min(PASS_TOKENS, PASS_LOGITS // max(vocabulary, 1)))
    batch: list[int] = []
    tokens = 0
    for i, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        if not len(prompt):
            raise ValueError("an empty prompt has no first-token probability")
        size = len(prompt) + len(response)
        if batch and tokens + size > most:
            yield batch
            batch, tokens = [], 0
        batch.append(i)
        tokens += size
    if batch:
        yield batch


def _pass(decoder: Any, prompts: list[Sequence[int]], responses: list[Sequence[int]]) -> Iterator[Positions]:
    import torch

    with torch.no_grad():
        whole = [[*p, *r] for p, r in zip(prompts, responses, strict=True)]
        for prompt, ids, logits in zip(prompts, whole, decoder.logits(whole), strict=True):
            start = len(prompt)
            target = torch.tensor(ids[start:], device=logits.device, dtype=torch.long)
            yield _at(logits[start - 1 : len(ids) - 1].float().log_softmax(-1), target)


def _at(logp: Any, target: Any) -> Positions:
    """logp (T, V), target (T,) -> statistics of each position."""
    probs = logp.exp()
    entropy = -(probs * logp.nan_to_num(neginf=0.0)).sum(-1)
    token = logp.gather(-1, target[:, None])
    above = (probs * (logp > token)).sum(-1)  # probability of everything more likely than the token
    return Positions(
        token[:, 0].double().cpu().numpy(), entropy.double().cpu().numpy(), (above >= NUCLEUS).cpu().numpy()
    )
