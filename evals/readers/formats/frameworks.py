"""What evaluation frameworks and their kin write, each row in a shape of its own."""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.core.bounds import loads
from evals.problems.columns import within
from evals.readers.answers import (
    Answers,
    Lacking,
    Malformed,
    Response,
    asked,
    count_of,
    options_of,
    parse_object,
    question_of,
    reason_of,
    said,
)
from evals.readers.golds import gold_of


def folder(path: Path) -> dict[str, Any]:
    """The folder: what its files hold are samples of one system (`output-rs0.jsonl`, `output-rs1.jsonl`); but
    `output.jsonl` beside seeds is decoded in another way."""
    parent = path.resolve().parent
    apart = "-rs" not in path.stem and any(parent.glob(f"{glob.escape(path.stem)}-rs*"))
    return {"source": str(parent / path.stem if apart else parent)}


def below(name: str) -> Any:
    """A context whose model is the folder below the folder `name` (`reviews/MODEL/TASK.jsonl`)."""

    def context(path: Path) -> dict[str, Any]:
        parts = path.resolve().parts
        at = len(parts) - 1 - parts[::-1].index(name) if name in parts else None
        return {"source": parts[at + 1] if at is not None and at + 2 < len(parts) else str(path.parent)}

    return context


def parse_nemo_skills(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """NeMo-Skills: `generation`, `expected_answer`, `problem`; the whole text where thinking was cut."""
    row = parse_object(raw)
    whole = row.get("_full_generation")
    text = whole if isinstance(whole, str) else said(row.get("generation"), "generation")
    response = Response(text, reason_of(row), count_of(row.get("num_generated_tokens")))
    question = question_of(row.get("problem") or row.get("question"), "problem")
    return [
        Answers(
            question, gold_of(row.get("expected_answer"), "expected_answer"), (response,), context["source"]
        )
    ]


def parse_evalscope(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """evalscope's reviews: `messages`, `target`; its predictions hold no golds."""
    row = parse_object(raw)
    if "target" not in row:
        raise Lacking("evalscope's predictions hold no golds; give its reviews folder instead")
    return _read(row, "messages", "target", [Response(said(row.get("messages"), "messages"))], context)


def parse_opencompass(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """OpenCompass: `origin_prompt` (the last HUMAN turn is the question), `prediction`, `gold`."""
    row = parse_object(raw)
    given = row.get("prediction")
    texts = given if isinstance(given, list) else [given]
    responses = [Response(said(t, "prediction")) for t in texts]
    return _read(row, "origin_prompt", "gold", responses, context, several="any")


def parse_openai_batch(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """OpenAI's batch output, each line joined to its request's question and gold by custom_id."""
    row = parse_object(raw)
    if row.get("error") or within(row, "response.status_code") not in (200, None):
        return []  # a failed request has no response
    body = within(row, "response.body")
    choices = body.get("choices") if isinstance(body, Mapping) else None
    if isinstance(body, Mapping) and isinstance(body.get("output"), list):  # the responses endpoint
        reason = within(body, "incomplete_details.reason") or body.get("status")
        choices = [{"content": body["output"], "finish_reason": reason}]
    if not isinstance(choices, list) or not choices:
        raise Malformed("response.body has no choices")
    if row.get("question") is None or row.get("answer") is None:
        raise Lacking(
            "OpenAI's batch output holds no questions and golds; add `question` and `answer` to each line, "
            "joined by custom_id"
        )
    responses = [Response(said(c, "choices"), reason_of(c)) for c in choices]
    model = body.get("model")
    return _read(row, "question", "answer", responses, {"source": model if isinstance(model, str) else None})


def refuse_openai_requests(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """OpenAI's batch input."""
    raise Lacking("OpenAI's batch requests hold no responses; give the batch's output file instead")


def verifiers_context(path: Path) -> dict[str, Any]:
    """Model and options from `metadata.json` beside the results."""
    try:
        data = loads(path.with_name("metadata.json").read_bytes())
    except (OSError, ValueError, RecursionError):
        data = None
    data = data if isinstance(data, dict) else {}
    how = data.get("sampling_args")
    model = data.get("model")
    return {
        "source": model if isinstance(model, str) else None,
        "options": options_of(how if isinstance(how, dict) else {}),
    }


def parse_verifiers(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """verifiers and prime-rl: `prompt` and `completion` as messages, `answer`, `is_truncated`."""
    row = parse_object(raw)
    tokens = count_of(within(row, "token_usage.output_tokens"))
    response = Response(said(row.get("completion"), "completion"), reason_of(row), tokens)
    return _read(row, "prompt", "answer", [response], context)


def parse_traces(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """verifiers' traces: `task.data` holds prompt and answer, each trace the messages of one rollout."""
    row = parse_object(raw)
    responses = []
    for trace in row["traces"] if isinstance(row.get("traces"), list) else []:
        nodes = trace.get("nodes") if isinstance(trace, Mapping) else None
        turns = [n.get("message") for n in nodes if isinstance(n, Mapping)] if isinstance(nodes, list) else []
        responses.append(Response(said(turns, "nodes"), reason_of(trace)))
    if not responses:
        raise Malformed("no trace")
    return _read(row, "task.data.prompt", "task.data.answer", responses, context)


def parse_tinker(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """tinker-cookbook's trajectories: `turns`, and the gold as `logs.expected`."""
    row = parse_object(raw)
    if row.get("error"):
        return []
    return _read(row, "turns", "logs.expected", [Response(said(row.get("turns"), "turns"))], context)


def _read(
    row: Mapping[str, Any],
    question: str,
    gold: str,
    responses: Sequence[Response],
    context: Mapping[str, Any],
    several: str = "all",
) -> list[Answers]:
    """The answers of a row whose question and gold stand under these names (or paths of names)."""
    found = gold_of(within(row, gold), gold, worked=True, several=several)
    question = asked(within(row, question), question)
    return [Answers(question, found, tuple(responses), context["source"], context.get("options", {}))]
