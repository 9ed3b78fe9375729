"""What a model wrote before its answer: thinking between tags, which is never graded.

`TAGS` is data: opening and closing tags as models and templates write them. More are added in the environment
variable `EXCURSIONS_THINKING_TAGS`, a JSON list of pairs (worker processes inherit it).
"""

from __future__ import annotations

import json
import os
from functools import cache

from evals.core.errors import UserError
from evals.verify.limits import MAX_RESPONSE

Tags = tuple[tuple[str, str], ...]
TAGS: Tags = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<reasoning>", "</reasoning>"),
    ("<reason>", "</reason>"),
    ("<analysis>", "</analysis>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<seed:think>", "</seed:think>"),
    ("<mm:think>", "</mm:think>"),
    ("<longcat_think>", "</longcat_think>"),
    ("<|think|>", "<|/think|>"),
    ("<|thinking|>", "<|/thinking|>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<reflection>", "</reflection>"),
    ("<inner_monologue>", "</inner_monologue>"),
    ("<|inner_prefix|>", "<|inner_suffix|>"),
    ("<unused94>", "<unused95>"),
    ("<|channel>thought", "<channel|>"),
    ("<|channel|>analysis", "<|channel|>final<|message|>"),
    ("<|channel|>commentary", "<|channel|>final<|message|>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
)
# every tag of the table has one of these words, and a bracket
WORDS = ("think", "thought", "reason", "channel", "analysis", "scratchpad", "inner_", "unused9", "reflection")
CHANNEL, FINAL = (
    "analysis",
    "assistantfinal",
)  # the channels of gpt-oss where a tokenizer left out their marks


@cache
def tags(added: str) -> Tags:
    """The pairs of tags; added: more of them as JSON."""
    try:
        more = tuple((str(opening), str(closing)) for opening, closing in json.loads(added or "[]"))
    except (ValueError, TypeError):
        more = ()
    return TAGS + tuple(pair for pair in more if all(pair))


def check_tags() -> None:
    """UserError where the variable is set and holds no pairs: grading, which never fails, passes it over."""
    added = os.environ.get("EXCURSIONS_THINKING_TAGS", "")
    try:
        pairs = json.loads(added or "[]")
    except ValueError:
        pairs = None
    texts = [text for pair in pairs for text in pair] if _lists(pairs) else [None]
    if not all(isinstance(text, str) and text for text in texts):
        raise UserError(
            f"EXCURSIONS_THINKING_TAGS is no JSON list of pairs of texts ({added[:60]!r}); write it as in "
            '[["<plan>", "</plan>"]], or unset it'
        )


def _lists(pairs: object) -> bool:
    return isinstance(pairs, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in pairs)


def visible(response: str) -> str | None:
    """What the model said after thinking (its last MAX_RESPONSE characters); None: it never stopped.

    Text up to the last closing tag is dropped, also where the opening one stood in the prompt; an opening tag
    after it is thinking that was cut off.
    """
    added = os.environ.get("EXCURSIONS_THINKING_TAGS", "")
    start = 0
    square = "[/" in response or "[T" in response or "[t" in response
    lowered = response.lower() if "<" in response or square or "◁" in response or added else ""
    plain = len(lowered) == len(response)  # tags are met in any case; a few letters are longer in lower case
    if lowered and (added or any(word in lowered for word in WORDS)):
        said = lowered if plain else response
        pairs = tags(added)
        opened = -1
        for opening, closing in pairs:
            opened = max(opened, said.rfind(opening.lower() if plain else opening))
            place = said.rfind(closing.lower() if plain else closing)
            start = max(start, place + len(closing) if place >= 0 else 0)
        if opened >= start:
            return None
    elif response.startswith(CHANNEL) and response[len(CHANNEL) : len(CHANNEL) + 1].isupper():
        place = response.rfind(FINAL)
        if place < 0:
            return None
        start = place + len(FINAL)
    return response[max(start, len(response) - MAX_RESPONSE) :]
