"""What every format is read into: a problem, and the responses of one checkpoint to it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evals.core.bounds import loads

OPTIONS = {
    "temperature": float,
    "top_p": float,
    "top_k": int,
    "min_p": float,
    "max_tokens": int,
    "shots": int,
}
NESTED = ("sampling_params", "sampling_args", "generation_config", "generation_kwargs")
STOPPED = {
    "stop",
    "eos",
    "eos_token",
    "stop_sequence",
    "end_turn",
    "complete",
    "completed",
    "finished",
    "word",
}
RESPONSES = 50_000  # in one row
PARTS = ("text", "output_text")
CUT = {"length", "max_output_tokens", "max_tokens", "max_length", "model_length", "truncated", "limit"}


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
    options: how the responses were sampled, as far as the log says (temperature, top_p, top_k, min_p,
    max_tokens, shots). prompt: the whole prompt, where the log has it. sample: what these responses are
    known by in all logs of the checkpoint, where a tool copies them from log to log; copies count once.
    """

    question: str
    gold: str
    responses: tuple[Response, ...]
    source: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    sample: str | None = None


def few(responses: Sequence[Any]) -> Sequence[Any]:
    """The responses of one row; Malformed where they are more than a row can hold."""
    if len(responses) > RESPONSES:
        raise Malformed(f"more than {RESPONSES:,} responses in one row")
    return responses


def parse_object(raw: Any) -> dict[str, Any]:
    """A row of a table as it is, a text as a JSON object. Raises Malformed where it is none."""
    try:
        row = loads(raw) if isinstance(raw, str | bytes) else raw
    except ValueError as error:
        raise Malformed(f"not JSON ({str(error).splitlines()[0]})") from error
    if not isinstance(row, dict):
        raise Malformed(f"not a JSON object but {type(row).__name__}")
    return row


def text_of(value: Any, what: str) -> str:
    """A text that must be there. Raises Malformed."""
    if not isinstance(value, str):
        raise Malformed(f"{what} is {'absent or null' if value is None else 'not a text'}")
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


def options_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The known sampling options among `values` (or within its `sampling_params`), as numbers; what is no
    number of a sensible size is left out."""
    found: dict[str, Any] = {}
    for within in NESTED:
        if isinstance(inner := _unpacked(values.get(within)), Mapping):
            found |= options_of(inner)
    for name, kind in OPTIONS.items():
        value = number_of(values.get(name))
        if value is not None and abs(value) < 2**31:
            found[name] = kind(value)
    return found


def _unpacked(value: Any) -> Any:
    """What a table wrote as JSON, as it was; else the value."""
    if not (isinstance(value, str) and value.lstrip().startswith("{")):
        return value
    try:
        return loads(value)
    except ValueError:
        return value


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
        return "".join(text_of(v.get("text"), what) for v in objects if v.get("type", "text") in PARTS)
    if isinstance(value, Mapping):
        return said(_content(value), what)
    return text_of(value, what)


def _content(item: Mapping[str, Any]) -> Any:
    """What an object says: its text, content or message, or that of its first choice."""
    choices = item.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return _content(choices[0])
    names = ("text", "content", "message", "prompt")
    found = next((item[k] for k in names if item.get(k) is not None), None)
    return "" if found is None and "content" in item else found  # a message may have no text: a call


def reason_of(item: Mapping[str, Any], told: Any = None) -> str | None:
    """The finish reason that an object says, or its first choice. told: what is said of it elsewhere.

    A mark that a response was not cut counts as well as one that it was: rates are over known reasons.
    """
    flags = [item.get(name) for name in ("is_truncated", "truncated")]
    if any(flag is True for flag in (*flags, item.get("stopped_limit"))):
        return "length"
    choices = item.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        found = reason_of(choices[0])
    else:
        names = (
            "finish_reason",
            "stop_reason",
            "stop_type",
            "status",
        )  # llama.cpp's `truncated` is the prompt
        found = finish_of(next((item[k] for k in names if item.get(k) is not None), None))
    return found or finish_of(told) or ("stop" if any(flag is False for flag in flags) else None)


def asked(value: Any, what: str) -> str:
    """The question of a prompt: a text, or chat messages, of which the user's last counts."""
    if isinstance(value, list | tuple):
        turns = [m for m in value if isinstance(m, Mapping) and m.get("role") in ("user", "human", "HUMAN")]
        if not turns:
            raise Malformed(f"{what} has no message of the user")
        return question_of(said(_content(turns[-1]), what), what)
    return question_of(value, what)


def at_step(run: str, step: Any) -> str:
    """The name of a run's checkpoint: its steps sort as text. Malformed where the step is no whole number,
    as checkpoints between two steps would become one."""
    step = step[0] if isinstance(step, list) and step else step
    number = number_of(step)
    if (number is None and step is not None) or (number is not None and not number.is_integer()):
        raise Malformed(
            f"the step {str(step)[:40]!r} is no whole number; write optimizer steps, or give plain rows that "
            "name their `checkpoint` and no step"
        )
    return run if number is None else f"{run}/step-{int(number):06d}"


def finish_of(value: Any) -> str | None:
    """The finish reason in the project's words; None where it is unknown."""
    text = value.lower() if isinstance(value, str) else ""
    return "stop" if text in STOPPED else "length" if text in CUT else None


def count_of(value: Any) -> int | None:
    """A count of tokens that fits the table, also one that was written as text or 12.0; or None."""
    number = number_of(value)
    return int(number) if number is not None and number.is_integer() and 0 <= number < 2**31 else None
