"""Details of lighteval: parquet with struct columns `doc`, `metric` and `model_response`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evals.core import bounds
from evals.core.errors import UserError
from evals.readers.answers import (
    Answers,
    Malformed,
    Response,
    count_of,
    gold_of,
    options_of,
    question_of,
    texts_of,
)


def columns(path: Path) -> list[str]:
    """Names of the columns of a parquet file. Raises UserError where it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"samples {path} are not a readable parquet file; write it again") from error


def rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a parquet file, a few in memory at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in bounds.batches(file, path.stat().st_size, 64):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{path} row {number}", row
    except bounds.Bound as error:
        raise UserError(f"{path} is not read after row {number}: {error}; write it again") from error
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{path} cannot be read after row {number}; write it again") from error


def context(path: Path) -> dict[str, Any]:
    """The model, from where lighteval puts details: `details/MODEL/DATE/details_TASK_DATE.parquet`."""
    parts = path.resolve().parts
    at = len(parts) - 1 - parts[::-1].index("details") if "details" in parts else None
    model = "/".join(parts[at + 1 : -2]) if at is not None else ""
    return {"source": model or None}


def parse(raw: Any, context: dict[str, Any]) -> list[Answers]:
    """The responses to one document; its gold is the choice at `gold_index`."""
    doc, response = raw.get("doc"), raw.get("model_response")
    if not isinstance(doc, dict) or not isinstance(response, dict):
        raise Malformed("doc or model_response is no struct")
    choices, index = doc.get("choices"), doc.get("gold_index")
    index = index[0] if isinstance(index, list) and index else index
    if not isinstance(choices, list) or not isinstance(index, int) or not 0 <= index < len(choices):
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
            gold_of(choices[index], "doc.choices", worked=True),
            tuple(Response(t, None, count_of(c)) for t, c in zip(texts, counts, strict=True)),
            context["source"],
            options,
            prompt if isinstance(prompt, str) else None,
        )
    ]
