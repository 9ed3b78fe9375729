"""How training asks: as evaluation does, at 0 shots, and what ends a response."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode

from evals.asking.asking import Asking
from evals.asking.prompts import FORM, end_of_turn, prompt_text
from evals.asking.templates import template
from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.grading.responses import reading_of
from evals.problems.files import SUFFIXES
from evals.problems.hub import BENCHMARKS
from evals.sampling.prompts_to_samples import settle
from trainer.config.schema import Questions

Kind = TypeVar("Kind", bound=Questions)


def asked(config: Kind, found: Checkpoint) -> Kind:
    """The configuration with every choice of asking made for this checkpoint: its lineage's, else a plain
    boxed question (in the synthetic world its own form), in the chat template where the tokenizer has one."""
    name = config.template
    if name is None and not (found.lineage or {}).get("prompt") and of_world(config.problems):
        name = "world"
    config = config.model_copy(update=splits_of(config))
    given = {f: getattr(config, f) for f in ("chat", "system", "chat_args", "prefix")}
    made = settle(found, Asking(template=name, shots=0, **given))
    update = {f: getattr(made, f) for f in ("template", *given)}
    return config.model_copy(update=update | {"chat_args": dict(made.chat_args)})


def of_world(spec: str) -> bool:
    """Whether a spec names the synthetic world."""
    return spec.partition("?")[0].partition(":")[0] == "world"


def splits_of(config: Questions) -> dict[str, str]:
    """`problems` and `eval_problems` with their splits named: a test split is not trained on unasked.

    UserError for a benchmark that has one split alone, which is what is measured on, unless it is named.
    """
    file = Path(config.problems).is_file()
    name, _, query = ("", "", "") if file else config.problems.partition("?")
    base, _, split = name.partition(":")
    more = f"?{query}" if query else ""
    problems, test = config.problems, "world:test"
    if of_world(name):
        problems = f"world:{split or 'train'}{more}"
    elif base in BENCHMARKS:
        splits = BENCHMARKS[base].splits
        if not split and len(splits) == 1:
            raise UserError(
                f"problems {base} has one split alone, for measuring; train on others, or say "
                f"problems={base}:{splits[0]} to train on it"
            )
        problems = f"{base}:train{more}" if not split and splits[0] == "test" else problems
        test = f"{base}:test" if "test" in splits and split != "test" else test
    elif _on_hub(name):
        named = dict(parse_qsl(query))
        problems = problems if "split" in named else f"{name}?{query}{'&' if query else ''}split=train"
        if named.get("split") != "test":
            test = f"{name}?{urlencode(named | {'split': 'test'})}"
    return {"problems": problems, "eval_problems": config.eval_problems or test}


def _on_hub(name: str) -> bool:
    """Whether `load_problems` takes a name for a data set of the hub, whose test split is its default."""
    local = name.endswith(SUFFIXES) or Path(name).exists() or name.startswith((".", "/", "~"))
    return name.count("/") == 1 and not local


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
