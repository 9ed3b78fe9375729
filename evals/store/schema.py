"""Arrow schemas of the tables of a store, and the store's format version."""

from __future__ import annotations

import pyarrow as pa

STORE_VERSION = 1
NO_ANSWER = "extract"  # the stage of a grade that found no answer to compare
# columns of few distinct values, dictionary-encoded
NAMES = (
    *("cell", "checkpoint", "problem", "prompt_hash", "finish_reason", "grader", "grader_version"),
    *("gold", "route", "lenient_route", "stage", "reason"),
)

SAMPLES = pa.schema(
    [
        ("key", pa.string()),  # content hash of cell, prompt ids and seed
        ("cell", pa.string()),  # content hash of weights, tokenizer, engine, options, prompt form and seed
        ("checkpoint", pa.string()),  # name as given by the user: a label, never part of a key
        ("problem", pa.string()),
        ("index", pa.int32()),  # 0 … n-1 within (cell, problem)
        ("seed", pa.int64()),
        ("prompt_hash", pa.string()),
        ("shots", pa.int32()),
        ("temperature", pa.float64()),
        ("top_p", pa.float64()),
        ("top_k", pa.int32()),
        ("max_tokens", pa.int32()),
        ("prompt_tokens", pa.int32()),
        ("tokens", pa.int32()),
        ("finish_reason", pa.string()),  # "stop", "length" or null
        ("text", pa.string()),
        ("token_ids", pa.list_(pa.int32())),
        ("logprobs", pa.list_(pa.float32())),  # temperature 1, top-p 1, whatever the sampling options
    ]
)

GRADES = pa.schema(
    [
        ("key", pa.string()),  # the sample's key
        ("cell", pa.string()),
        ("problem", pa.string()),
        ("index", pa.int32()),
        ("grader", pa.string()),
        ("grader_version", pa.string()),
        ("gold", pa.string()),
        ("correct", pa.bool_()),  # strict
        ("lenient", pa.bool_()),  # with the last-number fallback
        ("answer", pa.string()),
        ("route", pa.string()),
        ("lenient_answer", pa.string()),
        ("lenient_route", pa.string()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("flags", pa.list_(pa.string())),
        ("guess", pa.bool_()),  # strictly right for another problem's answer; null where there is no other
        ("text_hash", pa.int64()),  # of the sample's text: equal texts have equal hashes
    ]
)

PROBLEMS = pa.schema(
    [
        ("key", pa.string()),  # the problem's id
        ("question", pa.string()),
        ("answer", pa.string()),
        ("solutions", pa.list_(pa.string())),
        ("meta", pa.string()),  # JSON
    ]
)
