"""Sample logs of lm-evaluation-harness (`samples_TASK_DATE.jsonl` beside `results_DATE.json`).

One row per document and filter; `resps[0]` holds all repeats whatever the filter keeps. A problem is known
by its content (the document), never by `doc_id`, which changes with `--limit` and shuffling.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.core.bounds import loads, read_small
from evals.problems.columns import ANSWER, QUESTION, SOLUTIONS, agree
from evals.readers.answers import (
    Answers,
    Malformed,
    Response,
    options_of,
    parse_object,
    question_of,
    text_of,
)
from evals.readers.golds import gold_of, short

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
    named = args.get("pretrained") or args.get("model") if isinstance(args, dict) else None
    if isinstance(args, dict) and named:
        parts = [str(named)] + [str(args[k]) for k in ("revision", "peft") if args.get(k)]
        return "@".join(parts)
    name = data.get("model_name") if isinstance(data, dict) else None
    return name if isinstance(name, str) and name else None


def parse(raw: Any, context: dict[str, Any]) -> list[Answers]:
    """The repeats of one document; rows of further filters hold the same responses and are passed over.

    A null response (a request that failed) is one without an answer, as the harness counts it.
    """
    row = parse_object(raw)
    kept = row.get("filter") or row.get("scorer") or "none"
    context["filter"] = context["filter"] or kept
    if kept != context["filter"]:
        return []
    resps = row.get("resps")
    repeats = resps[0] if isinstance(resps, list) and len(resps) == 1 else None
    if not isinstance(repeats, list) or not repeats or not isinstance(repeats[0], str | None):
        raise Malformed("resps are not the generated texts of one request (a multiple-choice task?)")
    prompt, how = _arguments(row.get("arguments"))
    question, gold = _problem(row, prompt)
    doc = row["doc"] if isinstance(row.get("doc"), dict) else {}
    shots = doc.get("shots", context["shots"])  # our own tasks write exemplars into the prompt
    options = _options(how) | options_of({"shots": shots})
    responses = tuple(Response("" if t is None else text_of(t, "resps")) for t in repeats)
    return [Answers(question, gold, responses, context["source"], options, prompt)]


def _arguments(value: Any) -> tuple[str | None, Mapping[str, Any]]:
    """(prompt, generation options) of the first request, in the layouts of old and new versions."""
    first = value.get("gen_args_0") if isinstance(value, dict) else None
    pair = [first.get("arg_0"), first.get("arg_1")] if isinstance(first, dict) else None
    if pair is None and isinstance(value, list) and value and isinstance(value[0], list):
        pair = [*value[0], None, None][:2]
    prompt, how = pair or (None, None)
    prompt = _chat(prompt) if isinstance(prompt, str) and prompt.startswith("[{") else prompt
    return prompt if isinstance(prompt, str) else None, how if isinstance(how, dict) else {}


def _chat(text: str) -> str:
    """A chat prompt that was written as JSON, as one text."""
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _options(how: Mapping[str, Any]) -> dict[str, Any]:
    """Generation options in the project's words; without `do_sample` the harness decodes greedily."""
    known = options_of({**how, "max_tokens": how.get("max_gen_toks", how.get("max_tokens"))})
    if how and (how.get("do_sample") in (False, "false", "False") or not known.get("temperature")):
        known["temperature"] = 0.0
    return known


def _problem(row: Mapping[str, Any], prompt: str | None) -> tuple[str, str]:
    """(question, gold) from the document, else the prompt and the target.

    The document's answer and the target must say the same; where the answer is a text that tells how, or is
    absent, the target counts. Malformed where they contradict each other, or two columns hold questions.
    """
    doc = row["doc"] if isinstance(row.get("doc"), dict) else {}
    questions = {k: doc[k] for k in QUESTION if isinstance(doc.get(k), str) and doc[k].strip()}
    if len(set(questions.values())) > 1:
        raise Malformed(
            f"doc holds a question in each of {', '.join(questions)}; keep the one that was asked"
        )
    question = question_of(next(iter(questions.values()), prompt), "question")
    target, worked = row.get("target"), next((doc[k] for k in SOLUTIONS if isinstance(doc.get(k), str)), None)
    if isinstance(target, list):  # the harness takes any one of a task's targets
        return question, gold_of(target, "target", several="any")
    name = next((k for k in (*ANSWER, "answer_number") if doc.get(k) not in (None, "")), None)
    if name is None:
        return question, gold_of(worked or target, "target", worked=True)
    gold = gold_of(doc[name], f"doc.{name}")
    if not isinstance(target, str | int | float) or target == "":
        return question, gold
    aimed = gold_of(target, "target", worked=True)
    if agree(gold, aimed):
        return question, gold if len(gold) <= 2 * len(aimed) + 8 else aimed
    if aimed in gold and len(gold) > len(aimed) + 4:  # a worked text that tells the target
        return question, aimed
    raise Malformed(f"doc.{name} says {short(gold)} and target says {short(aimed)}; keep the gold alone")
