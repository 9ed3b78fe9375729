"""What a checkpoint is asked and how it decodes, as one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from evals.asking.templates import template
from evals.core.bounds import check_fields, read_toml
from evals.core.errors import UserError
from evals.records import SamplingOptions, check_decoding

USUAL = ("plain-boxed", 0)


@dataclass(frozen=True, slots=True)
class Asking:
    """One way of asking. None leaves a choice to the checkpoint, see `settled`.

    template: name of a built-in one, or a TOML file. shots: exemplars. chat: through the tokenizer's chat
    template, with the system prompt and the template's arguments. prefix: text with which every response
    begins. stops: texts that end a response, in a chat beside the end of its turn; None takes the
    template's, () none. The rest decodes, as in `SamplingOptions`.
    """

    template: str | None = None
    shots: int | None = None
    chat: bool | None = None
    system: str | None = None
    chat_args: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = ""
    stops: tuple[str, ...] | None = None
    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 0
    min_p: float = 0.0
    max_tokens: int = 1024

    @property
    def options(self) -> SamplingOptions:
        """How an engine decodes; stops as they stand, so settle first."""
        stops = self.stops or ()
        return SamplingOptions(self.temperature, self.top_p, self.top_k, self.max_tokens, stops, self.min_p)

    def plain(self) -> Asking:
        """The same at temperature 1 with nothing truncated: samples of the model itself."""
        return replace(self, temperature=1.0, top_p=1.0, top_k=0, min_p=0.0)

    def told(self) -> str:
        """In words what was asked, for a settled asking."""
        form = "its chat template" if self.chat else "plain text"
        more = ", with a system prompt" if self.system else ""
        return f"{self.template}, {self.shots} shots, {form}{more}"


def settled(
    asking: Asking,
    lineage: Mapping[str, Any] | None,
    has_chat: bool,
    worked: tuple[str, int] | None = None,
) -> Asking:
    """The asking with every choice made for one checkpoint.

    template and shots come from the lineage (what training used). Without it a plain boxed question is asked
    in a chat; in plain text, where a base model knows no instruction, the benchmark's `worked` examples
    (template, shots) come first, and they are meant where shots are asked for without a template. chat: as
    the lineage says, else on where the tokenizer has a chat template (`has_chat`). UserError for exemplars, a
    template or a lineage that are not there, and for chat without a chat template.
    """
    usual = asked_in_training(lineage)
    chat = asking.chat if asking.chat is not None else usual.chat
    if chat is None:
        chat = has_chat
    if chat and not has_chat:
        raise UserError("the tokenizer has no chat template; leave --chat out, or give --chat off")
    if not chat and (asking.system or asking.chat_args):
        raise UserError("a system prompt and arguments of a chat template need a chat; give --chat on")
    default, many = usual.template or USUAL[0], usual.shots or USUAL[1]
    if worked and not usual.template and not asking.template:
        many = asking.shots if asking.shots is not None else many if chat else worked[1]
        default = worked[0] if many else default
    name = asking.template or default
    shots = asking.shots if asking.shots is not None else many
    chosen = template(name)
    chosen.first(shots)
    stops = chosen.stops_of(shots, chat) if asking.stops is None else asking.stops
    system = asking.system if asking.system is not None else (usual.system if chat else None)
    chat_args = {**usual.chat_args, **asking.chat_args} if chat else {}
    return replace(
        asking, template=name, shots=shots, chat=chat, stops=stops, system=system or None,
        chat_args=chat_args, prefix=asking.prefix or usual.prefix,
    )  # fmt: skip


def decoding(asking: Asking) -> str:
    """In words how an asking decodes."""
    if asking.temperature == 0:
        return f"greedy, at most {asking.max_tokens:,} tokens"
    cut = [f"{n} {v:g}" for n, v, off in (("top-p", asking.top_p, 1), ("top-k", asking.top_k, 0),
                                          ("min-p", asking.min_p, 0)) if v != off]  # fmt: skip
    return ", ".join([f"temperature {asking.temperature:g}", *cut, f"at most {asking.max_tokens:,} tokens"])


def asked_in_training(lineage: Mapping[str, Any] | None) -> Asking:
    """What a checkpoint's lineage says of its prompts; training that says nothing of a chat used none."""
    prompt = (lineage or {}).get("prompt") or {}
    known = {k: v for k, v in prompt.items() if k in LINEAGE} if isinstance(prompt, dict) else {"template": 0}
    try:
        asked = asking_from(known)
    except UserError:
        raise UserError(
            f"the checkpoint's lineage.json has no prompt that can be read ({prompt!r}); correct or remove it"
        ) from None
    return replace(asked, chat=bool(asked.chat)) if prompt else asked


LINEAGE = ("template", "shots", "chat", "system", "chat_args", "prefix")
KINDS: dict[str, tuple[type, ...]] = {
    "template": (str,), "shots": (int,), "chat": (bool,), "system": (str,), "chat_args": (dict,),
    "prefix": (str,), "stops": (list, tuple), "temperature": (float, int), "top_p": (float, int),
    "top_k": (int,), "min_p": (float, int), "max_tokens": (int,),
}  # fmt: skip


def asking_from(entry: Mapping[str, Any], base: Asking | None = None, where: str = "asking") -> Asking:
    """An asking from plain values, such as those of a TOML file, over `base`; UserError names a wrong one."""
    check_fields(entry, tuple(f.name for f in fields(Asking)), where)
    for name, value in entry.items():
        if not isinstance(value, KINDS[name]) or (isinstance(value, bool) and name != "chat"):
            raise UserError(f"{where}: {name} cannot be {value!r}; give {_kind(name)}")
    values = dict(entry)
    if "stops" in values:
        values["stops"] = tuple(str(s) for s in values["stops"] if s)
    for name in ("temperature", "top_p", "min_p"):
        if name in values:
            values[name] = float(values[name])
    return _in_range(replace(base or Asking(), **values), where)


def asking_file(path: Path, base: Asking | None = None) -> Asking:
    """An asking from a TOML file whose keys are the fields of `Asking`."""
    return asking_from(read_toml(path, "asking"), base, f"asking {path}")


def asking_of(cell: Mapping[str, Any]) -> Asking:
    """The asking of which a cell's description speaks (`evals.sampling.cell`)."""
    known = {f.name for f in fields(Asking)}
    return asking_from({k: v for k, v in cell.items() if k in known and v is not None})


def _kind(name: str) -> str:
    kinds = {str: "a text", int: "a whole number", bool: "true or false", dict: "a table", list: "a list",
             float: "a number"}  # fmt: skip
    return kinds[KINDS[name][0]]


def _in_range(asking: Asking, where: str) -> Asking:
    check_decoding(asking.temperature, asking.top_p, asking.top_k, asking.min_p, where)
    for name, least in (("max_tokens", 1), ("shots", 0)):
        value = getattr(asking, name)
        if value is not None and value < least:
            raise UserError(f"{where}: {name} is {value}; it must be at least {least}")
    return asking
