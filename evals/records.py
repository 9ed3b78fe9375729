"""The nouns of evaluation as records: problem, request, sampling options, sample.

Rows of the samples and grades tables have the schemas in `evals.store.schema`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from evals.core.errors import UserError
from evals.core.keys import content_hash

# names of what tells how samples were asked and decoded
HOW_ASKED = ("template", "shots", "chat", "temperature", "top_p", "top_k", "min_p", "max_tokens")
COLDEST = 1e-3  # below it logits divided by a temperature overflow


@dataclass(frozen=True, slots=True)
class Problem:
    """One question with its gold answer.

    id: content hash of question and answer, so the same problem has the same id in every file.
    solutions: worked solutions (training demonstrations), possibly several, possibly none.
    meta: strings and numbers that describe it (dataset, split, level, subject, template, operations).
    """

    id: str
    question: str
    answer: str
    solutions: tuple[str, ...] = ()
    meta: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def make(
        cls,
        question: str,
        answer: str,
        solutions: tuple[str, ...] = (),
        meta: Mapping[str, Any] | None = None,
    ) -> Problem:
        """A problem whose id is derived from its question and answer."""
        return cls(content_hash(question, answer)[:16], question, answer, solutions, meta or {})


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """Every option that changes what an engine returns for given prompt ids and seed.

    temperature 0 is greedy; top_p 1, top_k 0 and min_p 0 switch truncation of the distribution off;
    stops are texts that end a sample (kept out of its text); max_tokens counts the response only.
    UserError for what leaves nothing to draw from, such as top_p 0.
    """

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 0
    max_tokens: int = 1024
    stops: tuple[str, ...] = ()
    min_p: float = 0.0

    def __post_init__(self) -> None:
        check_decoding(self.temperature, self.top_p, self.top_k, self.min_p)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, in field order; min_p only where it cuts, as cells without it were named."""
        plain = asdict(self) | {"stops": list(self.stops)}
        return plain if self.min_p else {k: v for k, v in plain.items() if k != "min_p"}


def check_decoding(
    temperature: float, top_p: float, top_k: int, min_p: float, where: str = "sampling options"
) -> None:
    """UserError where these leave no distribution to draw from."""
    cold = temperature == 0 or COLDEST <= temperature < math.inf
    for name, value, fits, said in (
        ("temperature", temperature, cold, f"0 (greedy) or at least {COLDEST:g}"),
        ("top_p", top_p, 0 < top_p <= 1, "above 0 and at most 1 (1 = off)"),
        ("top_k", top_k, top_k >= 0, "at least 0 (0 = off)"),
        ("min_p", min_p, 0 <= min_p < 1, "at least 0 (off) and below 1"),
    ):
        if not fits:
            raise UserError(f"{where}: {name} is {value}; it must be {said}")


def truncates(how: Mapping[str, Any]) -> bool:
    """Whether decoding options cut the distribution, so that some tokens had probability 0.

    What is not stated cuts nothing; a top_k below 0 is off, as vLLM has it.
    """
    top_p, top_k, min_p = (how.get(name) for name in ("top_p", "top_k", "min_p"))
    return (top_p is not None and top_p < 1) or (top_k or 0) > 0 or (min_p or 0) > 0


def said_truncation(how: Mapping[str, Any]) -> str:
    """The options of `truncates` in words."""
    text = f"top-p {how.get('top_p')}, top-k {max(how.get('top_k') or 0, 0)}"
    return text + (f", min-p {how['min_p']}" if how.get("min_p") else "")


@dataclass(frozen=True, slots=True)
class Request:
    """One sample wanted: the prompt's token ids and the seed of this very sample.

    problem: its id, for errors alone.
    """

    prompt_ids: tuple[int, ...]
    seed: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """One response, as the engine produced it.

    token_ids: response ids as sampled (with the EOS that ended it, if one did).
    logprobs: natural-log probability of each of them at temperature 1, top-p 1; None if unknown.
    finish_reason: "stop" (EOS or stop text), "length" (max_tokens reached), or None if unknown.
    length: tokens of the response, where only their number is known.
    """

    text: str
    token_ids: tuple[int, ...] | None
    logprobs: tuple[float, ...] | None
    finish_reason: str | None
    length: int | None = None
