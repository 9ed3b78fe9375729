"""What every sampling engine is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from evals.core.errors import UserError
from evals.records import Request, Sample, SamplingOptions


class Unfinished(UserError):
    """Sampling that could not go on. samples: what was drawn by then, None for what was not."""

    def __init__(self, text: str, samples: Sequence[Sample | None]) -> None:
        super().__init__(text)
        self.samples = samples


class Engine(Protocol):
    """What samples and scores. The same (model, prompt ids, seed, options) gives the same sample.

    identity: what goes into a sample's key: weights and tokenizer fingerprints, engine, version, dtype.
    eos_ids: token ids that end a response. context: longest prompt plus response, in tokens.
    """

    identity: dict[str, Any]
    eos_ids: tuple[int, ...]
    context: int

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of a prompt text, without special tokens added at the end."""

    def sample(self, requests: Sequence[Request], options: SamplingOptions) -> list[Sample]:
        """One sample per request, in the order of the requests."""

    def score(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """Log-probability (natural, temperature 1) of every response token given all tokens before it."""
