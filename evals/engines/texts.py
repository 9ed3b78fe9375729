"""The text of response ids: without EOS, cut before the first stop text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def ended(tokenizer: Any, ids: Sequence[int], stops: Sequence[str]) -> bool:
    """Whether the last token completes a stop text.

    Looks back as many tokens as the longest stop has bytes, and some: a character may be several tokens.
    """
    if not stops:
        return False
    back = max(len(stop.encode()) for stop in stops) + 8
    tail = tokenizer.decode(list(ids[-back:]), clean_up_tokenization_spaces=False)
    return any(stop in tail for stop in stops)


def text_of(tokenizer: Any, ids: Sequence[int], eos_ids: Sequence[int], stops: Sequence[str]) -> str:
    """The response without the EOS that ended it, cut before the first stop text."""
    body = list(ids[:-1]) if len(ids) and ids[-1] in eos_ids else list(ids)
    return cut(str(tokenizer.decode(body, clean_up_tokenization_spaces=False)), stops)


def cut(text: str, stops: Sequence[str]) -> str:
    """A text up to the first stop text in it."""
    places = [text.index(stop) for stop in stops if stop in text]
    return text[: min(places)] if places else text
