"""What every sampling engine is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from evals.records import Request, Sample, SamplingOptions


class Engine(Protocol):
    """What samples and scores. The same (model, prompt ids, seed, options) gives the same sample.

    identity: what goes into a sample's key: weights and tokenizer fingerprints, engine, version, dtype.
    eos_ids: token ids that end a response. context: longest prompt plus response, in tokens.
    An engine whose samples end one by one may also have `finished(requests, options)`: an iterator of
    (place among the requests, sample), which ends in an error only after all that was drawn. One whose
    requests have more that changes samples says it by `decided_by(options)`; it goes into the key as well.
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
