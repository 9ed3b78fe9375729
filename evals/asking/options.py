"""The options of every command that asks a checkpoint, declared once; given once, or once per checkpoint."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from evals.asking.asking import Asking, asking_file, asking_from
from evals.core.errors import UserError

OPTIONS: dict[str, tuple[type, str]] = {
    "template": (
        str,
        "prompt template: a built-in one or a TOML file (default: the lineage's; else see evals prompt)",
    ),
    "shots": (int, "exemplars (default: the lineage's; else a benchmark's usual ones for a base model)"),
    "chat": (str, "through the tokenizer's chat template: on, off, auto (auto: where there is one)"),
    "system": (str, "system prompt of a chat"),
    "chat_args": (str, "arguments of the chat template, as in enable_thinking=false,name=x"),
    "prefix": (str, "text with which every response begins, such as '<think>'"),
    "temperature": (float, "0 is greedy (default {temperature:g})"),
    "top_p": (float, "1 = off (default {top_p:g})"),
    "top_k": (int, "0 = off (default {top_k})"),
    "min_p": (float, "least share of the likeliest token's probability (0 = off, default {min_p:g})"),
    "max_tokens": (int, "longest response (default {max_tokens})"),
}
PYTHON = {"True": "true", "False": "false", "None": "null"}
STOP = (
    "text that ends a response, as the end of a chat's turn does; repeat ('': none, default: the template's)"
)


def parameters(many: bool, usual: Asking | None = None) -> list[inspect.Parameter]:
    """Command parameters for all options of an asking; lists where they may be given once per checkpoint.

    usual: the asking of which the command's defaults are.
    """
    base = usual or Asking()
    told = {name: getattr(base, name) for name in OPTIONS}
    made = [
        _parameter(name, list[kind] if many else kind, text.format(**told))  # type: ignore[valid-type]
        for name, (kind, text) in OPTIONS.items()
    ]
    made.append(_parameter("stop", list[str], STOP))
    files = {"ask_a": "TOML file that asks the first checkpoint", "ask_b": "TOML file that asks the others"}
    for name, text in files.items() if many else [("ask", "TOML file with all of this")]:
        made.append(_parameter(name, Path, text))
    return made


def _parameter(name: str, kind: Any, text: str) -> inspect.Parameter:
    flag = "--" + name.replace("_", "-")
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, typer.Option(flag, help=text)],
    )


def askings(values: Mapping[str, Any], count: int, usual: Asking | None = None) -> tuple[Asking, ...]:
    """The asking of each of `count` checkpoints, from the values of `parameters(many=True)`.

    One asking where all are asked alike. Options go before files, files before `usual`. UserError where an
    option is given neither once nor once per checkpoint.
    """
    given = {name: list(values.get(name) or ()) for name in OPTIONS}
    for name, several in given.items():
        if len(several) > 1 and len(several) != count:
            flag = "--" + name.replace("_", "-")
            raise UserError(
                f"{flag} was given {len(several)} times for {count} checkpoints; give one, or one each"
            )
    files = [values.get("ask_a"), *[values.get("ask_b")] * (count - 1)]
    if not any(files) and all(len(v) < 2 for v in given.values()):
        return (_asking({k: v[0] for k, v in given.items() if v}, values.get("stop"), None, usual),)
    out = []
    for i in range(count):
        own = {name: v[min(i, len(v) - 1)] for name, v in given.items() if v}
        out.append(_asking(own, values.get("stop"), files[i], usual))
    return tuple(out)


def _asking(
    given: Mapping[str, Any], stop: Sequence[str] | None, file: Path | None, usual: Asking | None
) -> Asking:
    base = asking_file(file, usual) if file else (usual or Asking())
    entry = dict(given)
    if "chat" in entry:
        base = replace(base, chat=_chat(entry.pop("chat")))
    if "chat_args" in entry:
        entry["chat_args"] = _chat_args(entry["chat_args"])
    if stop is not None:
        entry["stops"] = list(stop)
    return asking_from(entry, base, "the options")


def _chat(word: str) -> bool | None:
    words = {"on": True, "off": False, "auto": None}
    if word not in words:
        raise UserError(f"--chat {word!r} is not known; choose one of {', '.join(words)}")
    return words[word]


def _chat_args(text: str) -> dict[str, Any]:
    """`a=1,b=false,c=x` with values as JSON, or as Python writes them, where they are that."""
    found = {}
    for pair in text.split(","):
        key, equals, value = pair.partition("=")
        if not (equals and key.strip().isidentifier()):
            raise UserError(f"--chat-args {text!r} is not NAME=VALUE,…, as in enable_thinking=false")
        try:
            found[key.strip()] = json.loads(PYTHON.get(value.strip(), value))
        except ValueError:
            found[key.strip()] = value
    return found


def with_asking(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command that asks one checkpoint all options of its parameter `asking`."""
    hints = get_type_hints(function, include_extras=True)
    own = [
        p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for p in inspect.signature(function).parameters.values()
        if p.name != "asking"
    ]
    shared = parameters(many=False)

    def command(**values: Any) -> None:
        taken = {p.name: values.pop(p.name) for p in shared}
        given = {name: taken[name] for name in OPTIONS if taken[name] is not None}
        function(**values, asking=_asking(given, taken["stop"], taken["ask"], None))

    return described(command, function, [*own[:3], *shared, *own[3:]])


def described(
    command: Callable[..., None], function: Callable[..., None], signature: Sequence[inspect.Parameter]
) -> Callable[..., None]:
    """A command that presents itself with the name and help of `function` and these parameters."""
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__annotations__ = {p.name: p.annotation for p in signature}
    command.__signature__ = inspect.Signature(signature)  # type: ignore[attr-defined]
    return command
