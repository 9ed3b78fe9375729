"""Prompt templates: those of this package and those of the user's files, and their exemplars."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from evals.core.bounds import check_fields, read_toml
from evals.core.errors import UserError

FIELDS = ("question", "answer", "between", "stops", "exemplars")
CLOSING = 8  # characters at least of a closing text that stands for a missing opening


@dataclass(frozen=True, slots=True)
class Template:
    """How a problem becomes a prompt.

    ask: text with `{question}`, ending where the response begins. answer: the response of an exemplar, with
    `{solution}`. between: what separates exemplars. exemplars: worked problems, taken in order. stops: texts
    that end a response; None leaves them to `stops_of`.
    """

    name: str
    ask: str
    answer: str
    between: str
    exemplars: tuple[dict[str, str], ...]
    stops: tuple[str, ...] | None = None

    @property
    def opening(self) -> str:
        """The text with which the next exemplar would begin; empty where it begins with the question."""
        return self.ask.partition("{question}")[0].strip()

    def first(self, shots: int) -> tuple[dict[str, str], ...]:
        """The first `shots` exemplars; UserError where there are fewer."""
        if shots < 0 or shots > len(self.exemplars):
            raise UserError(
                f"template {self.name} has {len(self.exemplars)} exemplars, not {shots}; lower --shots"
            )
        return self.exemplars[:shots]

    def stops_of(self, shots: int, chat: bool) -> tuple[str, ...]:
        """Stop texts: the template's own, else after exemplars in plain text what would open the next one.

        A chat ends by itself. Where a prompt begins with the question, the text after it stands in.
        """
        if self.stops is not None:
            return self.stops
        if chat or not shots:
            return ()
        if self.opening:
            return (f"\n{self.opening}" if self.between.endswith("\n") else f"{self.between}{self.opening}",)
        closing = self.ask.partition("{question}")[2].rstrip()
        return (closing,) if len(closing) >= CLOSING else ()


def names() -> list[str]:
    """The templates that ship with the package."""
    return sorted(_registry())


@cache
def _registry() -> dict[str, Any]:
    text = (resources.files(__package__) / "templates.toml").read_text("utf-8")
    return tomllib.loads(text)


def template(name: str) -> Template:
    """The template of this name, or of the user's TOML file at this path; UserError where there is none."""
    if name in _registry():
        return _built_in(name)
    if name.endswith(".toml") or Path(name).is_file():
        return _from_file(Path(name))
    raise UserError(
        f"no prompt template {name!r}; choose one of {', '.join(names())}, or give a TOML file of your own"
    )


@cache
def _built_in(name: str) -> Template:
    entry = _registry()[name]
    file = entry.get("exemplars")
    text = (resources.files(__package__) / file).read_text("utf-8") if file else ""
    rows = tuple(json.loads(line) for line in text.splitlines() if line.strip())
    return Template(name, entry["ask"], entry["answer"], entry.get("between", "\n\n"), rows)


def _from_file(path: Path) -> Template:
    """A template of the user's: TOML with question, answer, between, stops and exemplars (a JSONL file)."""
    entry = read_toml(path, "template")
    check_fields(entry, FIELDS, f"template {path}")
    ask, answer = _text(entry, "question", path), _text(entry, "answer", path, " {solution}")
    for field, text, hole in (("question", ask, "{question}"), ("answer", answer, "{solution}")):
        if hole not in text:
            raise UserError(f"template {path}: {field} has no {hole}; write it where that text belongs")
    stops = entry.get("stops")
    if stops is not None and not (isinstance(stops, list) and all(isinstance(s, str) and s for s in stops)):
        raise UserError(f"template {path}: stops is not a list of texts, as in stops = ['Question:']")
    file = entry.get("exemplars")
    if file is not None and not isinstance(file, str):
        raise UserError(f"template {path}: exemplars names no file; give a JSONL file beside the template")
    rows = _exemplars(path.parent / file) if file else ()
    between = _text(entry, "between", path, "\n\n")
    return Template(str(path), ask, answer, between, rows, None if stops is None else tuple(stops))


def _text(entry: Mapping[str, Any], field: str, path: Path, usual: str | None = None) -> str:
    text = entry.get(field, usual)
    if not isinstance(text, str):
        raise UserError(f"template {path}: {field} must be a text, got {text!r}; write one")
    return text


def _exemplars(path: Path) -> tuple[dict[str, str], ...]:
    """Worked problems of a JSONL file: question and solution of each."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"exemplars {path} cannot be read ({type(error).__name__}); check the path"
        ) from error
    rows = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            question, solution = row["question"], row["solution"]
        except (ValueError, KeyError, TypeError, RecursionError):
            question = solution = None
        if not (isinstance(question, str) and isinstance(solution, str)):
            raise UserError(
                f'{path} line {number} is no exemplar; write {{"question": "…", "solution": "…"}} on a line'
            )
        rows.append({"question": question, "solution": solution})
    return tuple(rows)
