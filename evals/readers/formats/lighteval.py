"""Details of lighteval: parquet with struct columns `doc`, `metric` and `model_response`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evals.readers.answers import (
    Answers,
    Malformed,
    Response,
    count_of,
    options_of,
    parse_object,
    question_of,
    texts_of,
)
from evals.readers.golds import gold_of


def context(path: Path) -> dict[str, Any]:
    """The model, from where lighteval puts details: `details/MODEL/DATE/details_TASK_DATE.parquet`."""
    parts = path.resolve().parts
    at = len(parts) - 1 - parts[::-1].index("details") if "details" in parts else None
    model = "/".join(parts[at + 1 : -2]) if at is not None else ""
    return {"source": model or None}


def parse(raw: Any, context: dict[str, Any]) -> list[Answers]:
    """The responses to one document; its gold is the choice at `gold_index`."""
    row = parse_object(raw)
    doc, response = row.get("doc"), row.get("model_response")
    if not isinstance(doc, dict) or not isinstance(response, dict):
        raise Malformed("doc or model_response is no struct")
    choices, index = doc.get("choices"), doc.get("gold_index")
    places = index if isinstance(index, list) and index else [index]
    choices = choices if isinstance(choices, list) else []
    golds = [choices[i] for i in places if isinstance(i, int) and 0 <= i < len(choices)]
    if len(golds) != len(places):
        raise Malformed("doc has no choice at gold_index")
    texts = texts_of(response.get("text"), "model_response.text")
    tokens = response.get("output_tokens")
    counts = [len(t) if isinstance(t, list) else None for t in tokens] if isinstance(tokens, list) else []
    counts = counts if len(counts) == len(texts) else [None] * len(texts)
    prompt = response.get("input")
    shots = doc.get("num_effective_few_shots")
    options = options_of({"max_tokens": doc.get("generation_size"), "shots": shots})
    return [
        Answers(
            question_of(doc.get("original_query") or doc.get("query"), "doc.query"),
            gold_of(golds, "doc.choices", worked=True, several="any"),
            tuple(Response(t, None, count_of(c)) for t, c in zip(texts, counts, strict=True)),
            context["source"],
            options,
            prompt if isinstance(prompt, str) else None,
        )
    ]
