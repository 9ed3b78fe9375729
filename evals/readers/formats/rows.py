"""JSON lines: plain rows, Qwen2.5-Math logs, and GSM8K's released model solutions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.core import bounds
from evals.core.errors import UserError
from evals.readers.answers import (
    Answers,
    Malformed,
    Response,
    asked,
    at_step,
    count_of,
    few,
    number_of,
    options_of,
    parse_object,
    question_of,
    reason_of,
    said,
    text_of,
    texts_of,
)
from evals.readers.golds import gold_of, same_gold

QUESTION = ("question", "problem", "query", "prompt", "messages")
SURE = ("gold", "gold_answer", "expected_answer")  # beside these, `answer` is the model's own
GOLD: tuple[str, ...] = (*SURE, "ground_truth", "gt", "gt_answer", "target", "final_answer", "answer")
RESPONSES: tuple[str, ...] = ("responses", "samples", "completions", "generations", "outputs")
ALONE = ("response", "completion", "generation", "output", "generated_text", "model_output", "text")
RESPONSES += ALONE  # text last: often prompt + completion
STEP = ("step", "global_step", "training_step", "train_step")
SOURCE = ("model_name", "model", "checkpoint")  # a row may say several; labels take the last that tell
RELEASED_GOLD = re.compile(r"\n?A:[ \t]*(.*?)\s*\Z")  # how GSM8K's release writes `#### n`


def lines(path: Path) -> Iterator[tuple[str, bytes]]:
    """Lines that are not blank, with their places; one in memory at a time."""
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(bounds.lines(stream), 1):
                if number == 1:
                    line = line.removeprefix(b"\xef\xbb\xbf")
                if not line.isspace():
                    yield f"{path} line {number}", line
    except OSError as error:
        raise UserError(f"samples {path} cannot be read ({error.strerror}); check the path") from error
    except bounds.Bound as error:
        raise UserError(f"{path} has {error}, more than is read; split it") from error


def context(path: Path) -> dict[str, Any]:
    """The file without its suffix, for rows that tell the steps of a run."""
    return {"run": str(path.resolve().with_suffix(""))}


def parse_plain(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """A row with a question, a gold and one or several responses, under any of the usual names.

    Two columns that contradict each other are Malformed. A `step` makes a checkpoint of its own.
    """
    row = parse_object(raw)
    question = _first(row, QUESTION, "question")
    prompt = _text(row["prompt"]) if question != "prompt" and row.get("prompt") is not None else None
    responses = _responses(row, question)
    source = "/".join(filter(None, (_named(row, name) for name in SOURCE))) or None
    if step := next((k for k in STEP if row.get(k) is not None), None):
        source = at_step(source or str(context.get("run", "run")), row[step])
    gold = _gold(row, {r.text for r in responses})
    return [Answers(asked(row[question], question), gold, responses, source, options_of(row), prompt)]


def _named(row: Mapping[str, Any], name: str) -> str | None:
    """What a column says of the checkpoint, a number as text; Malformed where it is no name, as checkpoints
    that it tells apart would become one."""
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or (number := number_of(value)) is None:
        raise Malformed(f"{name!r} is {type(value).__name__}, not a name; write a text")
    return str(int(number)) if number.is_integer() else str(value)


def _responses(row: Mapping[str, Any], question: str) -> tuple[Response, ...]:
    """The responses of a row, with stop reasons and lengths where it says them."""
    names = [k for k in RESPONSES if isinstance(row.get(k), str | list | dict) or _alone(row, k)]
    names = [k for k in names if k != question]
    if not names and any(row.get(k) is not None for k in GOLD if k != "answer"):
        names = ["answer"] if row.get("answer") is not None else []  # the gold stands in a column of its own
    if not names:
        null = next((k for k in RESPONSES if k in row and row[k] is None), None)
        raise Malformed(
            f"{null!r} is null; write '' for a response without a text, or leave the row out"
            if null
            else f"no response: none of the keys {', '.join(RESPONSES)}"
        )
    name = names[0]
    given = few(row[name]) if _several(row[name]) else [row[name]]
    if not given:
        raise Malformed(f"{name!r} is an empty list")
    reasons = next((row[k] for k in ("finish_reason", "finish_reasons", "stop_reason") if k in row), None)
    counts = row.get("tokens")
    out = []
    for i, item in enumerate(given):
        inner = item if isinstance(item, Mapping) else {}
        text = _cut(said(item, f"{name}[{i}]" if len(given) > 1 else name), row, name)
        reason = reason_of(inner, _nth(reasons, i))
        ids = inner.get("token_ids")
        tokens = inner.get("tokens", len(ids) if isinstance(ids, list) else _nth(counts, i))
        out.append(Response(text, reason, count_of(tokens)))
    _no_other_response(row, names, out)
    return tuple(out)


def _alone(row: Mapping[str, Any], name: str) -> bool:
    """A number counts as a response under names of one response alone: `samples: 2` is how many."""
    return name in ALONE and isinstance(row.get(name), int | float)


def _several(value: Any) -> bool:
    """A list of responses; a list of chat messages is one."""
    return isinstance(value, list | tuple) and not any(isinstance(v, Mapping) and "role" in v for v in value)


def _cut(text: str, row: Mapping[str, Any], name: str) -> str:
    """The response without the prompt, where a column holds both."""
    prompt = row.get("prompt")
    return text.removeprefix(prompt) if name in ALONE and isinstance(prompt, str) else text


def _no_other_response(row: Mapping[str, Any], names: list[str], responses: list[Response]) -> None:
    """Malformed where another column holds another single response; `text` may hold the prompt too."""
    if len(responses) != 1:
        return
    for other in names[1:]:
        value = row[other]
        if isinstance(value, str) and other != "text" and value.strip() != responses[0].text.strip():
            raise Malformed(f"{names[0]!r} and {other!r} hold two different responses; keep one of them")


def _gold(row: Mapping[str, Any], responses: set[str]) -> str:
    """The gold of a row: of columns that agree, or of the one that is not the model's own answer."""
    names = [k for k in GOLD if row.get(k) is not None]
    own = str(row.get("answer"))  # the model's, where a response contains it
    if len(names) > 1 and "answer" in names and (names[0] in SURE or any(own in r for r in responses)):
        names.remove("answer")
    if not names:
        if isinstance(row.get("solution"), str):
            return gold_of(row["solution"], "solution", worked=True)
        raise Malformed(f"no gold: none of the keys {', '.join(GOLD)}")
    return same_gold(row, names)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _first(row: Mapping[str, Any], names: tuple[str, ...], what: str) -> str:
    if (found := next((n for n in names if row.get(n) is not None), None)) is None:
        raise Malformed(f"no {what}: none of the keys {', '.join(names)}")
    return found


def _nth(value: Any, index: int) -> Any:
    if isinstance(value, list | tuple):
        return value[index] if index < len(value) else None
    return value


def parse_qwen(raw: Any, _: Mapping[str, Any]) -> list[Answers]:
    """Qwen2.5-Math: `code[]` holds the responses, `answer` the data set's gold, `gt` the same, normalised."""
    row = parse_object(raw)
    question = row.get("question") or row.get("problem")
    gold = row["answer"] if row.get("answer") not in (None, "") else row.get("gt")
    responses = tuple(Response(t) for t in texts_of(row.get("code"), "code"))
    return [Answers(question_of(question, "question"), gold_of(gold, "answer"), responses)]


def systems(row: Mapping[str, Any]) -> list[str]:
    """The keys of a row of released GSM8K solutions under which a system's solution stands."""
    return [k for k, v in row.items() if isinstance(v, dict) and "solution" in v]


def parse_systems(raw: Any, _: Mapping[str, Any]) -> list[Answers]:
    """GSM8K's release: one solution each of several systems; `A: n` stands for GSM8K's `#### n`."""
    row = parse_object(raw)
    question = question_of(row.get("question"), "question")
    worked = text_of(row.get("ground_truth"), "ground_truth")
    gold = gold_of(RELEASED_GOLD.sub(lambda m: f"\n#### {m[1]}", worked), "ground_truth")
    if not (named := systems(row)):
        raise Malformed("no system's solution")
    return [Answers(question, gold, (Response(text_of(row[k]["solution"], k)),), source=k) for k in named]
