"""What every format is read into: a problem, and the responses of one checkpoint to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.core.bounds import loads
from evals.problems.columns import GSM8K_GOLD, gold_text, last_boxed

OPTIONS = {"temperature": float, "top_p": float, "top_k": int, "max_tokens": int, "shots": int}
STOPPED = {"stop", "eos", "eos_token", "stop_sequence", "end_turn", "completed", "finished"}
RESPONSES = 50_000  # in one row
CUT = {"length", "max_tokens", "max_length", "model_length", "truncated"}


class Malformed(ValueError):
    """A row that cannot be read; its message says what is wrong with it."""


class Lacking(Malformed):
    """A row of a format that lacks what a grader needs; its message says what would have it."""


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


def few(responses: Sequence[Any]) -> Sequence[Any]:
    """The responses of one row; Malformed where they are more than a row can hold."""
    if len(responses) > RESPONSES:
        raise Malformed(f"more than {RESPONSES:,} responses in one row")
    return responses


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

    A list, also one written as JSON, asks for all its members. worked: the value is a worked solution, whose
    last box is the gold.
    """
    gold = gold_text(_unlisted(value))
    if match := GSM8K_GOLD.search(gold):
        gold = match[1].replace(",", "")
    elif worked and (boxed := last_boxed(gold)):
        gold = boxed
    if not gold:
        raise Malformed(f"{what} has no gold answer")
    return gold


def _unlisted(value: Any) -> Any:
    """The list that a text such as `["2", "-2"]` stands for; other values as they are."""
    if isinstance(value, str) and value.lstrip().startswith('["') and len(value) < 10_000:
        try:
            found = loads(value)
        except ValueError:
            return value
        return found if isinstance(found, list) else value
    return value


def only_gold(values: Any, what: str, *, worked: bool = False) -> str:
    """The gold of a list in which any one is right, which must say one and the same."""
    listed = list(values) if isinstance(values, list | tuple) else [values]
    golds = list(dict.fromkeys(gold_of(v, what, worked=worked) for v in listed))
    if len(golds) != 1:
        raise Malformed(
            f"{what} accepts any of {len(golds)} answers, and one gold is graded; keep one of them"
        )
    return golds[0]


def options_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The known sampling options among `values`, as numbers; what is no number of a sensible size is left
    out."""
    found = {}
    for name, kind in OPTIONS.items():
        value = number_of(values.get(name))
        if value is not None and abs(value) < 2**31:
            found[name] = kind(value)
    return found


def number_of(value: Any) -> float | None:
    """A finite number, also one that a table wrote as text; None otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def said(value: Any, what: str) -> str:
    """The text of a response or message in any of the usual shapes. Raises Malformed.

    A text or a number; content parts, of which those of type text count; chat messages, of which the last of
    the assistant counts; an object with text, content, message, or a completion's choices.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list | tuple):
        objects = [v for v in value if isinstance(v, Mapping)]
        if any("role" in v for v in objects):
            turns = [v for v in objects if v.get("role") in ("assistant", "ai", "BOT")]
            if not turns:
                raise Malformed(f"{what} has no message of the assistant")
            return said(_content(turns[-1]), what)
        return "".join(text_of(v.get("text"), what) for v in objects if v.get("type", "text") == "text")
    if isinstance(value, Mapping):
        return said(_content(value), what)
    return text_of(value, what)


def _content(item: Mapping[str, Any]) -> Any:
    """What an object says: its text, content or message, or that of its first choice."""
    choices = item.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return _content(choices[0])
    return next((item[k] for k in ("text", "content", "message", "prompt") if item.get(k) is not None), None)


def reason_of(item: Mapping[str, Any]) -> str | None:
    """The finish reason that an object says, or its first choice."""
    choices = item.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return reason_of(choices[0])
    if item.get("is_truncated") is True or item.get("truncated") is True:
        return "length"
    found = (item[k] for k in ("finish_reason", "stop_reason", "status") if item.get(k) is not None)
    return finish_of(next(found, None))


def asked(value: Any, what: str) -> str:
    """The question of a prompt: a text, or chat messages, of which the user's last counts."""
    if isinstance(value, list | tuple):
        turns = [m for m in value if isinstance(m, Mapping) and m.get("role") in ("user", "human", "HUMAN")]
        if not turns:
            raise Malformed(f"{what} has no message of the user")
        return question_of(said(_content(turns[-1]), what), what)
    return question_of(value, what)


def finish_of(value: Any) -> str | None:
    """The finish reason in the project's words; None where it is unknown."""
    text = value.lower() if isinstance(value, str) else ""
    return "stop" if text in STOPPED else "length" if text in CUT else None


def count_of(value: Any) -> int | None:
    """A count of tokens that fits the table, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None
