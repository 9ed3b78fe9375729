"""What RL trainers write of their rollouts and validations: each step of a run is a checkpoint of its own."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.problems.columns import within
from evals.readers.answers import (
    Answers,
    Lacking,
    Malformed,
    Response,
    asked,
    at_step,
    count_of,
    few,
    parse_object,
    reason_of,
    said,
)
from evals.readers.formats.rendered import question_in, without_ends
from evals.readers.golds import gold_of, same_gold

GOLDS = ("solution", "answer", "ground_truth", "gold", "target", "label", "gt")  # of a data set, that stay


def context(path: Path) -> dict[str, Any]:
    """The run: the whole path of the folder that the files of its steps lie in, as runs name their folders
    alike (`RUN/completions`); the step of a file that is named by it."""
    return {"run": str(path.resolve().parent), "step": path.stem if path.stem.isdecimal() else None}


def parse_verl(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """verl's dumps of validation and rollouts: `input`, `output`, `gts`, `score`, `step`."""
    row = parse_object(raw)
    if "gts" not in row:
        raise Lacking("verl's dump holds no golds, as earlier versions wrote none; add `gts` to each row")
    return _read(row, "input", "gts", "output", at_step(context["run"], row.get("step", context["step"])))


def parse_verl_table(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """verl's generation: chat prompts, `reward_model.ground_truth`, `responses`."""
    row = parse_object(raw)
    if row.get("responses") is None:
        raise Lacking("the table holds problems and no responses; give verl's generation output instead")
    return _read(row, "prompt", "reward_model.ground_truth", "responses", None)


def parse_trl(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """TRL's completions: `step`, `prompt`, `completion` (text or chat), and the data set's gold."""
    row = parse_object(raw)
    if not (names := [k for k in GOLDS if row.get(k) is not None]):
        raise Malformed(
            f"no gold: the trainer's table needs a column of the data set, one of {', '.join(GOLDS)}"
        )
    same_gold(row, names, worked=True, several="unclear")
    return _read(row, "prompt", names[0], "completion", at_step(context["run"], row.get("step")))


def parse_swift(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """ms-swift's completions: one line a step, every value a list over its rollouts."""
    row = parse_object(raw)
    lists = {k: v for k, v in row.items() if isinstance(v, list)}
    many = len(lists.get("completion", []))
    if not many or any(len(v) != many for v in lists.values()):
        raise Malformed("its lists are not of one length")
    return [
        answers for i in range(many) for answers in parse_trl({k: v[i] for k, v in lists.items()}, context)
    ]


def parse_skyrl(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """SkyRL's dumped evaluations: `input_prompt`, `output_response`, the gold in `env_extras.reward_spec`."""
    gold = "env_extras.reward_spec.ground_truth"
    return _read(parse_object(raw), "input_prompt", gold, "output_response", context["run"])


def parse_slime(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """slime's rollouts: `prompt`, `response`, `label`, `status`."""
    row = parse_object(raw)
    source = at_step(context["run"], row.get("rollout_id", row.get("step")))
    return _read(row, "prompt", "label", "response", source)


def parse_nemo_rl(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """NeMo-RL's evaluation: the gold stands in `extra_env_info`, which it writes as a Python literal."""
    row = parse_object(raw)
    info = row.get("extra_env_info")
    if isinstance(info, str) and len(info) < 100_000:
        try:
            info = ast.literal_eval(info)  # literals alone: nothing is run
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            info = None
    gold = "extra_env_info.ground_truth"
    return _read(row | {"extra_env_info": info}, "prompt", gold, "response", context["run"])


def refuse_nemo_rl(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """NeMo-RL's training and validation dumps, which hold no golds."""
    raise Lacking("NeMo-RL's dumps of steps hold no gold answers; run its evaluation, which writes them")


def refuse_open_instruct(raw: Any, context: Mapping[str, Any]) -> list[Answers]:
    """open-instruct's rollouts, which are token ids alone; its metadata line is passed over."""
    row = parse_object(raw)
    if "response_tokens" not in row:
        return []
    raise Lacking(
        "open-instruct's rollouts hold token ids and no texts; decode prompt_tokens, response_tokens and "
        "ground_truth with the run's tokenizer and give plain rows"
    )


def _read(
    row: Mapping[str, Any], question: str, gold: str, response: str, source: str | None
) -> list[Answers]:
    """What a row says under these names (or paths of names), without the marks of a chat template."""
    prompt, given = within(row, question), within(row, response)
    chat = isinstance(given, list) and any(isinstance(turn, Mapping) for turn in given)
    many = few(given) if isinstance(given, list) and not chat else [given]
    length = count_of(row.get("response_length"))
    return [
        Answers(
            question_in(asked(prompt, question)),
            gold_of(within(row, gold), gold, worked=True, several="unclear"),
            tuple(Response(without_ends(said(one, response)), reason_of(row), length) for one in many),
            source,
            {},
            prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False),
        )
    ]
