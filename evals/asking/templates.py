"""Prompts: templates and exemplars as files of this package, rendered and hashed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from evals.core.errors import UserError
from evals.core.keys import content_hash
from evals.records import Problem


@dataclass(frozen=True, slots=True)
class Template:
    """How a problem becomes a prompt.

    ask: text with `{question}`, ending where the response begins. answer: the response of an exemplar, with
    `{solution}`. between: what separates exemplars. exemplars: worked problems, taken in order.
    """

    name: str
    ask: str
    answer: str
    between: str
    exemplars: tuple[dict[str, str], ...]

    @property
    def hash(self) -> str:
        """Fingerprint of everything that decides the prompt but problem and shots."""
        return content_hash(self.ask, self.answer, self.between, list(self.exemplars))


def names() -> list[str]:
    """The templates that ship with the package."""
    return sorted(_registry())


@cache
def _registry() -> dict[str, Any]:
    text = (resources.files(__package__) / "templates.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def template(name: str) -> Template:
    """The template of this name; UserError where there is none."""
    known = _registry()
    if name not in known:
        raise UserError(f"no prompt template {name!r}; choose one of {', '.join(sorted(known))}")
    entry = known[name]
    file = entry.get("exemplars")
    text = (resources.files(__package__) / file).read_text("utf-8") if file else ""
    rows = tuple(json.loads(line) for line in text.splitlines() if line.strip())
    return Template(name, entry["ask"], entry["answer"], entry.get("between", "\n\n"), rows)


def render(problem: Problem, name: str, shots: int) -> str:
    """The prompt text of a problem: `shots` exemplars, then the question."""
    chosen = template(name)
    parts = [
        chosen.ask.replace("{question}", e["question"]) + chosen.answer.replace("{solution}", e["solution"])
        for e in _exemplars(chosen, shots)
    ]
    return chosen.between.join([*parts, chosen.ask.replace("{question}", problem.question)])


def render_chat(problem: Problem, name: str, shots: int, tokenizer: Any) -> str:
    """The same prompt through the tokenizer's chat template: exemplars as earlier turns.

    A beginning-of-sequence token that the chat template writes and the tokenizer adds again is written once.
    """
    chosen = template(name)
    if not getattr(tokenizer, "chat_template", None):
        raise UserError("the tokenizer has no chat template; leave --chat out")
    turns: list[dict[str, str]] = []
    for e in _exemplars(chosen, shots):
        turns.append({"role": "user", "content": chosen.ask.replace("{question}", e["question"]).strip()})
        turns.append({"role": "assistant", "content": e["solution"]})
    turns.append({"role": "user", "content": chosen.ask.replace("{question}", problem.question).strip()})
    text = str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    first = tokenizer("x", add_special_tokens=True)["input_ids"][:1]
    adds = bool(tokenizer.bos_token) and first == [tokenizer.bos_token_id]
    return text.removeprefix(tokenizer.bos_token) if adds else text


def _exemplars(chosen: Template, shots: int) -> tuple[dict[str, str], ...]:
    if shots < 0 or shots > len(chosen.exemplars):
        raise UserError(
            f"template {chosen.name} has {len(chosen.exemplars)} exemplars, not {shots}; lower --shots"
        )
    return chosen.exemplars[:shots]


def default_prompt(lineage: Mapping[str, Any] | None) -> tuple[str, int]:
    """(template, shots) that a checkpoint's lineage asks for; a plain boxed question where there is none."""
    prompt = (lineage or {}).get("prompt") or {}
    asked = prompt if isinstance(prompt, dict) else {"template": None}
    name, shots = asked.get("template", "plain-boxed"), asked.get("shots", 0)
    if not isinstance(name, str) or not isinstance(shots, int):
        raise UserError(
            f"the checkpoint's lineage.json has no prompt that can be read ({prompt!r}); mend or remove it"
        )
    return name, shots
