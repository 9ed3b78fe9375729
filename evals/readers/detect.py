"""Which format a file has, and the rows of it, one at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from evals.core.bounds import loads
from evals.core.errors import UserError
from evals.readers import tables
from evals.readers.answers import Answers, Malformed, parse_object
from evals.readers.formats import (
    every_eval_ever,
    frameworks,
    lighteval,
    lm_eval_logs,
    monkeys,
    rows,
    training,
)
from evals.readers.formats import inspect_logs as inspect

SUFFIXES = (".jsonl", ".ndjson", ".parquet", ".json", ".eval", ".yaml", ".yml")
LOOKED_AT = 100  # rows that may be bad before a file counts as plain rows
BESIDE = re.compile(
    r"results_.*|aggregated_results\.jsonl|metadata\.json|.*_metadata\.jsonl|summar(y|ies)\.json|metrics.*\.json"
)


@dataclass(frozen=True, slots=True)
class Format:
    """A format: the rows of a file with their places, and what one row says.

    rows(path) yields ("FILE line 3", raw row) and raises UserError only where the file as a whole cannot
    be read; parse(raw, context(path)) raises Malformed where a row is bad.
    """

    name: str
    rows: Callable[[Path], Iterator[tuple[str, Any]]]
    parse: Callable[[Any, dict[str, Any]], list[Answers]]
    context: Callable[[Path], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """How rows of a format are told: keys that they have, and keys that they do not have."""

    name: str
    has: frozenset[str]
    parse: Callable[[Any, Any], list[Answers]]
    context: Callable[[Path], dict[str, Any]]
    lacks: frozenset[str] = frozenset()

    def fits(self, keys: Set[str]) -> bool:
        """Whether a row with these keys is of this format."""
        return self.has <= keys and not self.lacks & keys


def _shape(name: str, has: str, parse: Any, context: Any, lacks: str = "") -> Shape:
    return Shape(name, frozenset(has.split()), parse, context, frozenset(lacks.split()))


SHAPES = (  # of rows, the most telling first
    _shape("lm-eval", "doc resps arguments", lm_eval_logs.parse, lm_eval_logs.context),
    _shape("Qwen2.5-Math", "code gt", rows.parse_qwen, rows.context),
    _shape("lighteval", "doc model_response", lighteval.parse, lighteval.context),
    _shape("verl", "input output gts", training.parse_verl, training.context),
    _shape("verl", "input output score step", training.parse_verl, training.context),
    _shape("verl table", "prompt reward_model", training.parse_verl_table, training.context),
    _shape("SkyRL", "input_prompt output_response env_extras", training.parse_skyrl, training.context),
    _shape("open-instruct", "response_tokens prompt_tokens", training.refuse_open_instruct, training.context),
    _shape("NeMo-RL", "content rewards idx", training.refuse_nemo_rl, training.context),
    _shape("slime", "prompt response label", training.parse_slime, training.context, "answer gold"),
    _shape("NeMo-Skills", "generation expected_answer", frameworks.parse_nemo_skills, frameworks.folder),
    _shape("evalscope", "messages sample_score", frameworks.parse_evalscope, frameworks.below("reviews")),
    _shape(
        "evalscope",
        "model_output messages index",
        frameworks.parse_evalscope,
        frameworks.below("predictions"),
    ),
    _shape("OpenCompass", "origin_prompt prediction", frameworks.parse_opencompass, frameworks.folder),
    _shape("OpenAI batch", "custom_id body", frameworks.refuse_openai_requests, rows.context, "response"),
    _shape("OpenAI batch", "custom_id response", frameworks.parse_openai_batch, rows.context),
    _shape("verifiers traces", "task traces", frameworks.parse_traces, frameworks.verifiers_context),
    _shape("tinker-cookbook", "turns logs", frameworks.parse_tinker, frameworks.folder),
    _shape(
        "Every Eval Ever", "evaluation_id sample_id input", every_eval_ever.parse, every_eval_ever.context
    ),
)
CHAT = _shape(
    "verifiers", "prompt completion answer", frameworks.parse_verifiers, frameworks.verifiers_context
)
TRL = _shape("TRL", "step prompt completion", training.parse_trl, training.context)
NEMO_RL = _shape("NeMo-RL", "", training.parse_nemo_rl, training.context)
OPENCOMPASS = _shape("OpenCompass", "", frameworks.parse_opencompass, frameworks.below("predictions"))
SYSTEMS = _shape("GSM8K model solutions", "", rows.parse_systems, rows.context)
PLAIN = _shape("plain", "", rows.parse_plain, rows.context)
SWIFT = _shape("ms-swift", "prompt completion", training.parse_swift, training.context)


def detect(path: Path) -> Format:
    """The format of a file, by its suffix and first row. Raises UserError where it is of no known one."""
    if path.suffix in (".yaml", ".yml"):
        return Format("Large Language Monkeys", monkeys.rows, monkeys.parse, monkeys.context)
    if path.suffix == ".eval":
        return Format("inspect_ai", inspect.archive_rows, inspect.parse, inspect.archive_context)
    if path.suffix == ".json":
        return _detect_json(path)
    if path.suffix == ".parquet":
        return _detect_table(path)
    if path.suffix in (".jsonl", ".ndjson"):
        return _detect_lines(path)
    if ".csv" in path.suffixes:
        raise UserError(
            f"{path} is a CSV; counts (problem, checkpoint, n, c) are given to the probes with --counts, and "
            "samples as .jsonl or .parquet: convert them"
        )
    if path.suffix == ".gz":
        raise UserError(f"samples {path} are packed; unpack them first")
    raise UserError(f"{path} is of no known kind; give one of {', '.join(SUFFIXES)} (see evals/SAMPLES.md)")


def beside(path: Path, folder: Path) -> bool:
    """Whether a file of a folder tells of samples instead of holding them: results, summaries, predictions
    that reviews repeat."""
    if BESIDE.fullmatch(path.name) or every_eval_ever.RESULTS.fullmatch(path.name):
        return True
    parts = path.relative_to(folder).parts
    return "predictions" in parts and path.suffix == ".jsonl" and (folder / "reviews").is_dir()


def _detect_json(path: Path) -> Format:
    """inspect_ai, NeMo-RL's and OpenCompass's single objects, or JSON lines under another name."""
    try:
        with path.open("rb") as stream:
            head = stream.readline(1 << 20)
            second = stream.readline(1 << 20)
        if second.strip() and isinstance(loads(head), dict):
            return _detect_lines(path)  # a whole object in the first of several lines
    except OSError as error:
        raise UserError(f"samples {path} cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError):
        pass
    try:
        data = loads(path.read_bytes())
    except (OSError, ValueError):
        data = None
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return _format(tables.json_rows, _shape_of(data[0]))
    if not isinstance(data, dict):
        data = {}
    if "evaluation_results" in data:
        raise UserError(f"{path} holds the results of an evaluation; give its UUID_samples.jsonl instead")
    if "evaluation_data" in data:
        return _format(partial(tables.json_rows, name="evaluation_data"), NEMO_RL)
    if data and all(isinstance(v, dict) and "prediction" in v for v in data.values()):
        return _format(tables.json_rows, OPENCOMPASS)
    return Format("inspect_ai", inspect.json_rows, inspect.parse, inspect.json_context)


def _detect_table(path: Path) -> Format:
    """The format of a parquet file, by its columns."""
    columns = set(tables.columns(path))
    if {"example", "predictions", "gold"} <= columns:
        raise UserError(
            f"{path} holds details of lighteval before 0.6, whose predictions are written as Python text; "
            "run the evaluation again with a newer lighteval, or give plain rows"
        )
    return _format(tables.rows, next((s for s in (*SHAPES, TRL) if s.fits(columns)), None))


def _detect_lines(path: Path) -> Format:
    """The format of JSON lines, by the first line that is an object."""
    for number, (_, line) in enumerate(rows.lines(path)):
        try:
            return _format(rows.lines, _shape_of(parse_object(line)))
        except Malformed:
            if number >= LOOKED_AT:
                break
    return _format(rows.lines, None)


def _format(read: Callable[[Path], Iterator[tuple[str, Any]]], shape: Shape | None) -> Format:
    shape = shape or PLAIN
    return Format(shape.name, read, shape.parse, shape.context)


def _shape_of(row: dict[str, Any]) -> Shape | None:
    """The shape of a row; None where it is plain."""
    keys = row.keys()
    if isinstance(row.get("completion"), list) and isinstance(row.get("prompt"), list):
        chat = any(isinstance(m, dict) for m in row["completion"])
        return CHAT if chat and CHAT.fits(keys) else SWIFT if not chat else None
    if found := next((shape for shape in SHAPES if shape.fits(keys)), None):
        return found
    return SYSTEMS if "ground_truth" in row and rows.systems(row) else None
