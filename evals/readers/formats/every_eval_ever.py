"""Every Eval Ever, the interchange format (schema 0.3): one row a sample and result, `UUID_samples.jsonl`,
beside `UUID.json`, which says how they were sampled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.core.bounds import loads, read_small
from evals.problems.columns import within
from evals.readers.answers import (
    Answers,
    Lacking,
    Malformed,
    Response,
    count_of,
    few,
    options_of,
    parse_object,
    question_of,
    reason_of,
    said,
)
from evals.readers.golds import gold_of

RESULTS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json")  # the file beside the samples


def context(path: Path) -> dict[str, Any]:
    """How the samples of each result were drawn, by its id and its name, and the samples met so far."""
    results = path.with_name(path.stem.removesuffix("_samples") + ".json")
    try:
        data = loads(read_small(results))
    except (OSError, ValueError):
        data = None
    listed = data.get("evaluation_results") if isinstance(data, dict) else None
    options = {}
    for result in listed if isinstance(listed, list) else []:
        args = within(result, "generation_config.generation_args") if isinstance(result, dict) else None
        if isinstance(args, dict):
            for key in ("evaluation_name", "evaluation_result_id"):
                options[str(result.get(key))] = options_of(args)
    return {"options": options, "seen": {}}


def parse(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """One sample: `input.raw`, `input.reference` (any one of which is right), `output.raw` or `messages`.

    A sample stands there once for every metric; those after the first are passed over, as are errors without
    a response. Converters that keep what a filter or scorer read, and not the response, are refused.
    """
    row = parse_object(raw)
    named = (row.get("evaluation_name"), row.get("evaluation_result_id"))
    question = question_of(within(row, "input.raw"), "input.raw")
    if context["seen"].setdefault((row.get("sample_id"), question), named) != named:
        return []
    outputs = within(row, "output.raw")
    given = few(outputs) if isinstance(outputs, list) and outputs else [row.get("messages")]
    if row.get("error") and not any(given):
        return []
    about = row["metadata"] if isinstance(row.get("metadata"), dict) else {}
    _whole(row, about, [t for t in given if isinstance(t, str)])
    tokens = within(row, "token_usage.output_tokens") or about.get("output_tokens")
    length = count_of(tokens) if len(given) == 1 else None
    responses = tuple(Response(said(t, "output.raw"), reason_of(about), length) for t in given)
    several = "all" if within(row, "input.choices") else "any"
    gold = gold_of(within(row, "input.reference"), "input.reference", worked=True, several=several)
    model, prompt = row.get("model_id"), within(row, "input.formatted")
    known = context["options"]
    return [
        Answers(
            question,
            gold,
            responses,
            model if isinstance(model, str) else None,
            known.get(str(named[1]), known.get(str(named[0]), {})),
            prompt if isinstance(prompt, str) else None,
        )
    ]


def _whole(row: Mapping[str, Any], about: Mapping[str, Any], texts: list[str]) -> None:
    """Refuses rows that hold a part of the response: the converters keep what was scored."""
    if about.get("filter") not in (None, "", "none"):
        raise Lacking(
            f"output.raw holds what the filter {str(about['filter'])[:40]!r} kept of the response; "
            "give lm-evaluation-harness's own samples file instead"
        )
    if "lm_eval_metrics" in about and within(row, "input.choices"):
        raise Malformed("a multiple-choice task holds no generated text")
    trace = within(row, "output.reasoning_trace")
    answered = max(sum(map(len, texts)), len(str(about.get("raw_text", ""))))  # of which a part is graded
    written = answered + sum(len(str(t)) for t in (trace if isinstance(trace, list) else []))
    tokens = (count_of(within(row, f"token_usage.{k}_tokens")) or 0 for k in ("output", "reasoning"))
    if texts and next(tokens) - next(tokens) > written + 4:  # a token is a character at least
        raise Lacking(
            "output.raw is shorter than the tokens that were generated: it holds what a scorer read, not the "
            "response; give the log of the tool that sampled instead"
        )
