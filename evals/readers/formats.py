"""Which format a file has, and the rows of it, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.core.errors import UserError
from evals.readers import inspect_logs as inspect
from evals.readers import lighteval, lm_eval_logs, monkeys, rows
from evals.readers.answers import Answers, Malformed, parse_object

SUFFIXES = (".jsonl", ".ndjson", ".parquet", ".json", ".eval", ".yaml", ".yml")


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


def detect(path: Path) -> Format:
    """The format of a file, by its suffix and first row. Raises UserError where it is of no known one."""
    if path.suffix in (".yaml", ".yml"):
        return Format("Large Language Monkeys", monkeys.rows, monkeys.parse, monkeys.context)
    if path.suffix == ".eval":
        return Format("inspect_ai", inspect.archive_rows, inspect.parse, inspect.archive_context)
    if path.suffix == ".json":
        return Format("inspect_ai", inspect.json_rows, inspect.parse, inspect.json_context)
    if path.suffix == ".parquet":
        if {"doc", "model_response"} <= set(lighteval.columns(path)):
            return Format("lighteval", lighteval.rows, lighteval.parse, lighteval.context)
        return Format("plain", lighteval.rows, rows.parse_plain, rows.context)
    if path.suffix in (".jsonl", ".ndjson"):
        return _detect_lines(path)
    raise UserError(f"{path} is of no known kind; give one of {', '.join(SUFFIXES)} (see evals/SAMPLES.md)")


def _detect_lines(path: Path) -> Format:
    """The format of JSON lines, by the keys of the first line that is an object."""
    for number, (_, line) in enumerate(rows.lines(path)):
        try:
            keys = set(parse_object(line))
        except Malformed:
            if number < 100:
                continue
            break
        if {"doc", "resps", "arguments"} <= keys:
            return Format("lm-eval", rows.lines, lm_eval_logs.parse, lm_eval_logs.context)
        if {"code", "gt"} <= keys:
            return Format("Qwen2.5-Math", rows.lines, rows.parse_qwen, rows.context)
        if "ground_truth" in keys and rows.systems(parse_object(line)):
            return Format("GSM8K model solutions", rows.lines, rows.parse_systems, rows.context)
        break
    return Format("plain", rows.lines, rows.parse_plain, rows.context)
