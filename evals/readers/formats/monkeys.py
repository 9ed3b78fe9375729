"""Large Language Monkeys: one YAML file a problem, with `samples[]`, `gt_answer` and `question`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.core.bounds import DEPTH, Bound, read_small
from evals.core.errors import UserError
from evals.readers.answers import Answers, Malformed, Response, question_of, texts_of
from evals.readers.golds import gold_of


def rows(path: Path) -> Iterator[tuple[str, bytes]]:
    """The file as its only row."""
    try:
        yield str(path), read_small(path)
    except Bound as error:
        raise UserError(f"{path} has {error}, more than is read; split it") from error
    except OSError as error:
        raise UserError(f"samples {path} cannot be read ({error.strerror}); check the path") from error


def context(path: Path) -> dict[str, Any]:
    """The folder: all of its files are of one checkpoint."""
    return {"source": str(path.resolve().parent)}


def _check(raw: bytes, loader: Any) -> None:
    """Bound where the file has aliases (which multiply) or nests too deep for the parser."""
    import yaml

    depth = 0
    for event in yaml.parse(raw, Loader=loader):
        if isinstance(event, yaml.AliasEvent):
            raise Bound("an alias")
        if isinstance(event, yaml.SequenceStartEvent | yaml.MappingStartEvent):
            depth += 1
            if depth > DEPTH:
                raise Bound("nested too deep")
        elif isinstance(event, yaml.SequenceEndEvent | yaml.MappingEndEvent):
            depth -= 1


def parse(raw: bytes, context: Mapping[str, Any]) -> list[Answers]:
    """All samples of a problem. The gold is a GSM8K solution (`#### n`), a boxed one, or an answer."""
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # every value is the text that was written
    try:
        _check(raw, loader)
        row = yaml.load(raw, Loader=loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Malformed(f"not YAML ({str(error).splitlines()[0]})") from error
    if not isinstance(row, dict):
        raise Malformed("not a YAML mapping")
    prompt = row.get("prompt")
    return [
        Answers(
            question_of(row.get("question") or row.get("problem"), "question"),
            gold_of(row.get("gt_answer"), "gt_answer", worked=True),
            tuple(Response(t) for t in texts_of(row.get("samples"), "samples")),
            context["source"],
            prompt=prompt if isinstance(prompt, str) else None,
        )
    ]
