"""What is added to a request in the dialects of servers, beyond the protocol that all speak."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from evals.checkpoints.tokenizer import special_ids
from evals.engines.server.model import Untokenized
from evals.records import SamplingOptions

# what switches off in which dialect what a server would else do by its own defaults
NEUTRAL: tuple[dict[str, Any], ...] = (
    {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "repeat_penalty": 1.0},
    {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0},
    {},
)


def additions(
    body: dict[str, Any], options: SamplingOptions, special: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """What may be added to a request, the most first; special: see `for_special_stops`.

    vLLM and SGLang speak the first dialect, and they alone are told of special stops.
    """
    wanted: dict[str, Any] = {"top_k": options.top_k} if options.top_k > 0 else {}
    wanted |= {"min_p": options.min_p} if options.min_p > 0 else {}
    neutrals = [NEUTRAL[0] | special, *NEUTRAL] if special else NEUTRAL
    for logprobs in ({"logprobs": True if "messages" in body else 0}, {}):
        for neutral in neutrals:
            yield {"extra_body": body["extra_body"] | neutral | wanted} | logprobs


def for_special_stops(tokenizer: Any, stops: Sequence[str]) -> dict[str, Any]:
    """What makes stop texts of special tokens match, {} where there are none or the tokenizer is not known.

    Servers take special tokens out of a text before they search it for stop texts.
    """
    if isinstance(tokenizer, Untokenized):
        return {}
    texts = {str(tokenizer.convert_ids_to_tokens(i)): i for i in special_ids(tokenizer)}
    if not any(text in stop for text in texts for stop in stops):
        return {}
    whole = [texts[stop] for stop in stops if stop in texts]
    kept = {"skip_special_tokens": False, "spaces_between_special_tokens": False}
    return kept | ({"stop_token_ids": whole} if whole else {})
