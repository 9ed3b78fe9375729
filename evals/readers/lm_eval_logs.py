"""Sample logs of lm-evaluation-harness (`samples_TASK_DATE.jsonl` beside `results_DATE.json`).

One row per document and filter; `resps[0]` holds all repeats whatever the filter keeps. A problem is known
by its content (the document), never by `doc_id`, which changes with `--limit` and shuffling.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.core.bounds import loads, read_small
from evals.problems.columns import ANSWER, QUESTION, SOLUTIONS
from evals.readers.answers import (
    Answers,
    Malformed,
    Response,
    gold_of,
    options_of,
    parse_object,
    question_of,
    texts_of,
)

NAME = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT.+)\.jsonl")


def context(path: Path) -> dict[str, Any]:
    """Model and shots from the results file of the same run, where it is there; and the filter met first."""
    found: dict[str, Any] = {"filter": None, "source": None, "shots": None}
    if not (name := NAME.fullmatch(path.name)):
        return found
    results = path.with_name(f"results_{name['date']}.json")
    try:
        data = loads(read_small(results))
    except (OSError, ValueError):
        return found | {"source": str(path.parent)}
    shown = data.get("n-shot") if isinstance(data, dict) else None
    shots = shown.get(name["task"]) if isinstance(shown, dict) else None
    return found | {"source": _model(data) or str(path.parent), "shots": shots}


def _model(data: Any) -> str | None:
    """The model of a results file: its weights (and adapter, revision), else its name."""
    config = data.get("config") if isinstance(data, dict) else None
    args = config.get("model_args") if isinstance(config, dict) else None
    if isinstance(args, str):
        args = dict(pair.split("=", 1) for pair in args.split(",") if "=" in pair)
    if isinstance(args, dict) and args.get("pretrained"):
        parts = [str(args["pretrained"])] + [str(args[k]) for k in ("revision", "peft") if args.get(k)]
        return "@".join(parts)
    name = data.get("model_name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and name else None


def parse(raw: Any, context: dict[str, Any]) -> list[Answers]:
    """The repeats of one document; rows of further filters hold the same responses and are passed over."""
    row = parse_object(raw)
    context["filter"] = context["filter"] or row.get("filter", "none")
    if row.get("filter", "none") != context["filter"]:
        return []
    resps = row.get("resps")
    repeats = resps[0] if isinstance(resps, list) and len(resps) == 1 else None
    if not isinstance(repeats, list) or not repeats or not isinstance(repeats[0], str):
        raise Malformed("resps are not generated texts (a multiple-choice task?)")
    prompt, how = _arguments(row.get("arguments"))
    question, gold = _problem(row, prompt)
    doc = row["doc"] if isinstance(row.get("doc"), dict) else {}
    shots = doc.get("shots", context["shots"])  # our own tasks write exemplars into the prompt
    options = _options(how) | options_of({"shots": shots})
    responses = tuple(Response(t) for t in texts_of(repeats, "resps"))
    return [Answers(question, gold, responses, context["source"], options, prompt)]


def _arguments(value: Any) -> tuple[str | None, Mapping[str, Any]]:
    """(prompt, generation options) of the first request, in the layouts of old and new versions."""
    first = value.get("gen_args_0") if isinstance(value, dict) else None
    pair = [first.get("arg_0"), first.get("arg_1")] if isinstance(first, dict) else None
    if pair is None and isinstance(value, list) and value and isinstance(value[0], list):
        pair = [*value[0], None, None][:2]
    prompt, how = pair or (None, None)
    return prompt if isinstance(prompt, str) else None, how if isinstance(how, dict) else {}


def _options(how: Mapping[str, Any]) -> dict[str, Any]:
    """Generation options in the project's words; without `do_sample` the harness decodes greedily."""
    known = options_of({**how, "max_tokens": how.get("max_gen_toks", how.get("max_tokens"))})
    if how and (how.get("do_sample") is False or not known.get("temperature")):
        known["temperature"] = 0.0
    return known


def _problem(row: Mapping[str, Any], prompt: str | None) -> tuple[str, str]:
    """(question, gold) from the document, else the prompt and the target."""
    doc = row["doc"] if isinstance(row.get("doc"), dict) else {}
    question = next((doc[k] for k in QUESTION if isinstance(doc.get(k), str)), prompt)
    answer = next((doc[k] for k in ANSWER if doc.get(k) not in (None, "")), None)
    if answer is not None:
        return question_of(question, "question"), gold_of(answer, "answer")
    worked = next((doc[k] for k in SOLUTIONS if isinstance(doc.get(k), str)), None)
    return question_of(question, "question"), gold_of(worked or row.get("target"), "target", worked=True)
