"""How training asks: as evaluation does, at 0 shots, and what ends a response."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from evals.asking.asking import Asking
from evals.asking.prompts import FORM, end_of_turn, prompt_text
from evals.asking.templates import template
from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.grading.responses import reading_of
from evals.problems.hub import BENCHMARKS
from evals.sampling.prompts_to_samples import settle
from trainer.config.schema import Questions

Kind = TypeVar("Kind", bound=Questions)


def asked(config: Kind, found: Checkpoint) -> Kind:
    """The configuration with every choice of asking made for this checkpoint: its lineage's, else a plain
    boxed question (in the synthetic world its own form), in the chat template where the tokenizer has one."""
    name = config.template
    if name is None and not (found.lineage or {}).get("prompt") and config.problems.startswith("world"):
        name = "world"
    config = config.model_copy(update=splits_of(config))
    given = {f: getattr(config, f) for f in ("chat", "system", "chat_args", "prefix")}
    made = settle(found, Asking(template=name, shots=0, **given))
    update = {f: getattr(made, f) for f in ("template", *given)}
    return config.model_copy(update=update | {"chat_args": dict(made.chat_args)})


def splits_of(config: Questions) -> dict[str, str]:
    """`problems` and `eval_problems` with their splits named: a benchmark's test split is not trained on.

    UserError for a benchmark that has no train split.
    """
    name, _, query = config.problems.partition("?")
    splits = BENCHMARKS[name].splits if name in BENCHMARKS and not Path(config.problems).is_file() else ()
    if splits[:1] != ("test",):
        return {"eval_problems": config.eval_problems or "world:test"}
    if "train" not in splits:
        raise UserError(
            f"problems {name} has a test split alone; train on others, or say problems={name}:test to train "
            "on it"
        )
    spec = f"{name}:train" + (f"?{query}" if query else "")
    return {"problems": spec, "eval_problems": config.eval_problems or f"{name}:test"}


def asking_of(config: Questions) -> Asking:
    """The settled asking of a configuration, at temperature 1 with nothing truncated."""
    name = config.template or "plain-boxed"
    chat = bool(config.chat)
    stops = template(name).stops_of(0, chat)
    return Asking(name, 0, chat, config.system, config.chat_args, config.prefix, stops).plain()


def opened(asking: Asking, tokenizer: Any) -> str:
    """What the prompt has said of a response already: the prefix, or a tag of thinking that it leaves open.

    It is graded with the response, as in evaluation.
    """
    prompt = prompt_text(FORM, asking, tokenizer)
    return reading_of({"prompt_form": "", "chat": True, "prefix": asking.prefix, "prompt": prompt}).before


def for_lineage(config: Questions) -> dict[str, Any]:
    """What lineage.json says of the prompt, so that evaluation asks the same."""
    chat = {"chat": True} if config.chat else {}
    more = {"system": config.system, "chat_args": dict(config.chat_args), "prefix": config.prefix}
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
