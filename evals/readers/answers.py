"""What every format is read into: a problem, and the responses of one checkpoint to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evals.core.bounds import loads
from evals.problems.columns import GSM8K_GOLD, gold_text, last_boxed

OPTIONS = {"temperature": float, "top_p": float, "top_k": int, "max_tokens": int, "shots": int}
STOPPED = {"stop", "eos", "eos_token", "stop_sequence", "end_turn"}
CUT = {"length", "max_tokens", "max_length", "model_length"}


class Malformed(ValueError):
    """A row that cannot be read; its message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response. finish_reason: "stop", "length", or None where the log does not say."""

    text: str
    finish_reason: str | None = None
    tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """The responses of one checkpoint to one problem, as one row of a log holds them.

    source: what tells this checkpoint from others (a name or path in the log); None: the file itself.
    options: how the responses were sampled, as far as the log says (temperature, top_p, top_k,
    max_tokens, shots). prompt: the whole prompt, where the log has it.
    """

    question: str
    gold: str
    responses: tuple[Response, ...]
    source: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None


def parse_object(text: str | bytes) -> dict[str, Any]:
    """A JSON object. Raises Malformed where the text is none."""
    try:
        row = loads(text)
    except ValueError as error:
        raise Malformed(f"not JSON ({str(error).splitlines()[0]})") from error
    if not isinstance(row, dict):
        raise Malformed(f"not a JSON object but {type(row).__name__}")
    return row


def text_of(value: Any, what: str) -> str:
    """A text that must be there. Raises Malformed."""
    if not isinstance(value, str):
        raise Malformed(f"{what} is {'absent' if value is None else 'not a text'}")
    return value


def question_of(value: Any, what: str) -> str:
    """A question that must not be empty."""
    if not (text := text_of(value, what).strip()):
        raise Malformed(f"{what} is empty")
    return text


def texts_of(value: Any, what: str) -> list[str]:
    """A list of texts, at least one. Raises Malformed."""
    if not isinstance(value, list | tuple) or not value:
        raise Malformed(f"{what} is not a list with at least one response")
    return [text_of(v, f"{what}[{i}]") for i, v in enumerate(value)]


def gold_of(value: Any, what: str, *, worked: bool = False) -> str:
    """The gold answer as `evals.problems` writes it, so that ids agree. Raises Malformed where it is empty.

    worked: the value is a worked solution, whose last box is the gold.
    """
    gold = gold_text(value)
    if match := GSM8K_GOLD.search(gold):
        gold = match[1].replace(",", "")
    elif worked and (boxed := last_boxed(gold)):
        gold = boxed
    if not gold:
        raise Malformed(f"{what} has no gold answer")
    return gold


def options_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The known sampling options among `values`, as numbers; what is no number of a sensible size is left
    out."""
    found = {}
    for name, kind in OPTIONS.items():
        value = values.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**31:
            found[name] = kind(value)
    return found


def finish_of(value: Any) -> str | None:
    """The finish reason in the project's words; None where it is unknown."""
    text = value.lower() if isinstance(value, str) else ""
    return "stop" if text in STOPPED else "length" if text in CUT else None


def count_of(value: Any) -> int | None:
    """A count of tokens that fits the table, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None
