"""JSON lines: plain rows, Qwen2.5-Math logs, and GSM8K's released model solutions."""

from __future__ import annotations

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
    count_of,
    finish_of,
    gold_of,
    options_of,
    parse_object,
    question_of,
    text_of,
    texts_of,
)

QUESTION = ("question", "problem", "query", "prompt")
GOLD = ("gold", "answer", "gt", "ground_truth", "gt_answer", "target", "expected_answer", "final_answer")
RESPONSES: tuple[str, ...] = ("responses", "samples", "completions", "generations", "outputs")
RESPONSES += ("response", "text", "completion", "generation", "output")
SOURCE = ("checkpoint", "model", "model_name")
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
    """Nothing beside the rows themselves."""
    return {}


def parse_plain(raw: Any, _: Mapping[str, Any]) -> list[Answers]:
    """A row with a question, a gold and one or several responses, under any of the usual names."""
    row = raw if isinstance(raw, dict) else parse_object(raw)
    question = _first(row, QUESTION, "question")
    gold = _first(row, GOLD, "gold")
    name = _first(row, RESPONSES, "response")
    reasons, counts = row.get("finish_reason"), row.get("tokens")
    given = row[name] if isinstance(row[name], list | tuple) else [row[name]]
    if not given:
        raise Malformed(f"{name!r} is an empty list")
    responses = []
    for i, item in enumerate(given):
        inner = item if isinstance(item, dict) else {"text": item}
        reason = inner.get("finish_reason", _nth(reasons, i))
        tokens = inner.get("tokens", _nth(counts, i))
        responses.append(Response(text_of(inner.get("text"), name), finish_of(reason), count_of(tokens)))
    source = next((row[k] for k in SOURCE if isinstance(row.get(k), str)), None)
    return [
        Answers(
            question_of(row[question], question),
            gold_of(row[gold], gold),
            tuple(responses),
            source,
            options_of(row),
            row["prompt"] if question != "prompt" and isinstance(row.get("prompt"), str) else None,
        )
    ]


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
