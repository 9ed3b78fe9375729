"""How training asks: as evaluation does, at 0 shots, and what ends a response."""

from __future__ import annotations

from typing import Any, TypeVar

from evals.asking.asking import Asking
from evals.asking.prompts import end_of_turn
from evals.asking.templates import template
from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.sampling.prompts_to_samples import settle
from trainer.config.schema import Questions

Kind = TypeVar("Kind", bound=Questions)


def asked(config: Kind, found: Checkpoint) -> Kind:
    """The configuration with every choice of asking made for this checkpoint: its lineage's, else a plain
    boxed question (in the synthetic world its own form), in the chat template where the tokenizer has one."""
    name = config.template
    if name is None and not (found.lineage or {}).get("prompt") and config.problems.startswith("world"):
        name = "world"
    open_one = Asking(
        template=name, shots=0, chat=config.chat, system=config.system, chat_args=config.chat_args
    )
    made = settle(found, open_one)
    return config.model_copy(
        update={
            "template": made.template,
            "chat": made.chat,
            "system": made.system,
            "chat_args": dict(made.chat_args),
        }
    )


def asking_of(config: Questions) -> Asking:
    """The settled asking of a configuration, at temperature 1 with nothing truncated."""
    name = config.template or "plain-boxed"
    chat = bool(config.chat)
    made = Asking(name, 0, chat, config.system, config.chat_args, stops=template(name).stops_of(0, chat))
    return made.plain()


def for_lineage(config: Questions) -> dict[str, Any]:
    """What lineage.json says of the prompt, so that evaluation asks the same."""
    chat = {"chat": True} if config.chat else {}
    more = {"system": config.system, "chat_args": dict(config.chat_args)}
    return {"template": config.template, "shots": 0} | chat | {k: v for k, v in more.items() if v}


def end_of_response(tokenizer: Any, asking: Asking) -> int:
    """The id that ends a response: in a chat the token that closes a turn, else the tokenizer's own.

    UserError where there is none.
    """
    if asking.chat and (end := end_of_turn(tokenizer, asking)) is not None:
        return end
    if tokenizer.eos_token_id is None:
        raise UserError(
            "the tokenizer has no end-of-sequence token; set eos_token in its tokenizer_config.json"
        )
    return int(tokenizer.eos_token_id)
