"""From a problem to what a checkpoint reads: the text of its prompt, in a chat template or not, and ids."""

from __future__ import annotations

import difflib
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from evals.asking.rendering import TooLong, has_powers, in_time
from evals.asking.templates import template
from evals.checkpoints.tokenizer import encode, special_ids
from evals.core.errors import UserError, first_line
from evals.core.keys import derive_seed
from evals.records import Problem

if TYPE_CHECKING:
    from evals.asking.asking import Asking

MARK = "\u2042"  # stands for a response in a turn
FORM = Problem("", "{question}", "")  # stands for every problem where the form of a prompt is meant
TODAY = datetime(2024, 7, 26)  # the day that chat templates are told, whenever a run starts
Turn = dict[str, str]


def render(problem: Problem, name: str, shots: int) -> str:
    """The prompt of a problem in plain text: `shots` exemplars, then the question."""
    chosen = template(name)
    parts = [
        chosen.ask.replace("{question}", e["question"]) + chosen.answer.replace("{solution}", e["solution"])
        for e in chosen.first(shots)
    ]
    return chosen.between.join([*parts, chosen.ask.replace("{question}", problem.question)])


def turns_of(problem: Problem, name: str, shots: int, system: str | None = None) -> list[Turn]:
    """The same prompt as turns of a chat: exemplars as earlier ones."""
    chosen = template(name)
    turns: list[Turn] = [{"role": "system", "content": system}] if system else []
    for e in chosen.first(shots):
        turns.append({"role": "user", "content": chosen.ask.replace("{question}", e["question"]).strip()})
        turns.append({"role": "assistant", "content": e["solution"]})
    turns.append({"role": "user", "content": chosen.ask.replace("{question}", problem.question).strip()})
    return turns


def chat_text(turns: Sequence[Turn], tokenizer: Any, arguments: Mapping[str, Any] | None = None) -> str:
    """Turns through the tokenizer's chat template, with the opening of a response.

    What a template takes from the clock or at random is the same in every run: it is told the day TODAY, and
    its random choices are keyed by the turns. UserError where there is no template, or it raises.
    """
    if not getattr(tokenizer, "chat_template", None):
        raise UserError("the tokenizer has no chat template; leave --chat out, or give --chat off")
    if any(has_powers(text) for text in _texts(tokenizer.chat_template)):
        raise UserError("the tokenizer's chat template raises to powers, which is not run; give --chat off")
    state = random.getstate()
    random.seed(derive_seed("chat template", list(turns)))
    options = {"add_generation_prompt": True, "strftime_now": TODAY.strftime, **(arguments or {})}
    try:
        return in_time(lambda: str(tokenizer.apply_chat_template(list(turns), tokenize=False, **options)))
    except TooLong:
        raise UserError("the tokenizer's chat template does not come to an end; give --chat off") from None
    except Exception as error:  # whatever code a stranger's template is
        told = "without a system prompt" if turns[0]["role"] == "system" else "in plain text with --chat off"
        raise UserError(f"the tokenizer's chat template fails ({first_line(error)}); ask {told}") from error
    finally:
        random.setstate(state)


def end_of_turn(tokenizer: Any, asking: Asking) -> int | None:
    """The id with which a chat template closes a response; None where it closes it with no special token."""
    turns = turns_of(FORM, asking.template or "", 0, asking.system)
    both = [*turns, {"role": "assistant", "content": MARK}]
    closed = chat_text(both, tokenizer, {**asking.chat_args, "add_generation_prompt": False})
    after = encode(tokenizer, closed.rpartition(MARK)[2], special=False)
    return after[0] if after and after[0] in special_ids(tokenizer) else None


def check_arguments(given: Mapping[str, Any], asking: Asking, tokenizer: Any) -> None:
    """UserError for an argument that a chat template does not use, and for a truth value that is a text.

    A template tells nobody of a name that it does not know, and takes the text "False" for true. given: the
    user's arguments of a settled asking.
    """
    words = {
        w for text in _texts(getattr(tokenizer, "chat_template", None)) for w in re.findall(r"\w+", text)
    }
    for name, value in given.items():
        if isinstance(value, str) and value.strip().lower() in ("true", "false"):
            raise UserError(
                f"the argument {name} of the chat template is the text {value!r}, which a template takes for "
                "true; give true or false without quotes"
            )
        without = replace(asking, chat_args={k: v for k, v in asking.chat_args.items() if k != name})
        if name in words or prompt_text(FORM, without, tokenizer) != prompt_text(FORM, asking, tokenizer):
            continue
        near = difflib.get_close_matches(name, words, 1)
        hint = f"did you mean {near[0]!r}?" if near else "leave it out"
        raise UserError(f"the chat template does not use the argument {name!r}; {hint}")


def check_turns(asking: Asking, tokenizer: Any) -> None:
    """UserError where no prompt can be made, or a chat template leaves out a part of what is asked.

    Some leave out system prompts and earlier turns without a word, those for texts with images the question:
    they look for parts of a turn where its text stands.
    """
    whole = prompt_text(FORM, asking, tokenizer)
    if not asking.chat:
        return
    if prompt_text(replace(FORM, question="{other}"), asking, tokenizer) == whole:
        raise UserError(
            "the chat template leaves the question out, as one does that wants turns in parts; ask in plain "
            "text with --chat off, or give a tokenizer whose template takes text"
        )
    if asking.system and prompt_text(FORM, replace(asking, system=None), tokenizer) == whole:
        raise UserError("the chat template leaves the system prompt out; ask without --system")
    if asking.shots and prompt_text(FORM, replace(asking, shots=0), tokenizer) == whole:
        raise UserError("the chat template leaves the examples out, which are earlier turns; give --shots 0")


def _texts(templates: Any) -> list[str]:
    """The template, or the several named ones, of a tokenizer."""
    several = templates.values() if isinstance(templates, Mapping) else [templates]
    return [text for text in several if isinstance(text, str)]


def prompt_text(problem: Problem, asking: Asking, tokenizer: Any) -> str:
    """The prompt of a problem as settled by the asking, with the prefix of the response."""
    name, shots = asking.template or "", asking.shots or 0
    if asking.chat:
        turns = turns_of(problem, name, shots, asking.system)
        return chat_text(turns, tokenizer, asking.chat_args) + asking.prefix
    return render(problem, name, shots) + asking.prefix


def prompt_ids(problem: Problem, asking: Asking, engine: Any) -> tuple[int, ...]:
    """Token ids of a prompt as an engine reads it."""
    if asking.chat:
        return ids_of(problem, asking, getattr(engine, "tokenizer", None))
    return tuple(engine.encode(prompt_text(problem, asking, None)))


def ids_of(problem: Problem, asking: Asking, tokenizer: Any) -> tuple[int, ...]:
    """Token ids of a prompt. A chat template writes its special tokens itself: none is added to them."""
    return encode(tokenizer, prompt_text(problem, asking, tokenizer), special=not asking.chat)
