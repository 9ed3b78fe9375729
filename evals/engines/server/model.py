"""What a server says of a model, as a checkpoint; and its prompts where its tokenizer is not here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import TOKENIZER_FILES, Checkpoint, lineage_of
from evals.core.errors import UserError, first_line
from evals.core.keys import content_hash

UNSEEN = "unseen:"  # begins the fingerprint of weights that nobody here has seen
CHAT = "chat:"  # begins a prompt that is turns of a chat, for the server's own template


def server_checkpoint(name: str, server: str | None) -> Checkpoint:
    """A model that a server offers.

    name: the server's name of it; or a folder with its tokenizer, after which the server may call it, or not
    where it offers one model alone. With a tokenizer prompts are made here, as the folder's lineage.json has
    it, and sent as token ids; without,
    they are sent as text, or as turns of a chat. UserError where no server answers, or it lacks the model.
    """
    if not server:
        raise UserError("--engine server needs --server URL, as in --server http://localhost:8000/v1")
    offered = _offered(client(server), server)
    folder = Path(name).expanduser()
    local = folder.is_dir() and any((folder / f).is_file() for f in TOKENIZER_FILES)
    called = [m for m in offered if m.id in (name, folder.name)] or (offered if len(offered) == 1 else [])
    if not called or (not local and called[0].id != name):
        known = ", ".join(sorted(m.id for m in offered)[:8]) or "none"
        raise UserError(f"the server {server} offers no model {name}; it offers {known}")
    said = {key: getattr(called[0], key, None) for key in ("id", "root", "owned_by")}
    tokens = content_hash("server tokenizer", said)
    if local:
        files = [folder / f for f in TOKENIZER_FILES if (folder / f).is_file()]
        tokens = content_hash("tokenizer", [(f.name, f.read_text("utf-8")) for f in files])
    config = {"served_as": called[0].id, "owned_by": said["owned_by"] or "unknown"}
    if longest := getattr(called[0], "max_model_len", None):
        config["context"] = longest
    weights = UNSEEN + content_hash("server", said)[:24]
    lineage = lineage_of(folder, name) if local else None
    return Checkpoint(
        name=name, path=folder, config=config, weights=weights, tokenizer=tokens, lineage=lineage
    )


def client(server: str) -> Any:
    """The `openai` client of a server; the key is that of OPENAI_API_KEY, if any."""
    import os

    try:
        import openai
    except ImportError as error:
        raise UserError("--engine server needs the openai client; install excursions[server]") from error
    base = server.rstrip("/")
    base = base if base.endswith("/v1") else f"{base}/v1"
    key = os.environ.get("OPENAI_API_KEY") or "none"
    return openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=600.0)


def _offered(asked: Any, server: str) -> list[Any]:
    import openai

    try:
        return list(asked.with_options(timeout=10.0).models.list())
    except openai.APIConnectionError as error:
        raise UserError(
            f"no server answers at {server} ({first_line(error)}); start it, or correct --server"
        ) from error
    except (openai.APIError, ValueError) as error:
        raise UserError(
            f"{server} does not list its models as the OpenAI protocol has it ({first_line(error)}); "
            "correct --server (its path often ends with /v1) or OPENAI_API_KEY"
        ) from error


def tokenizer_for(checkpoint: Checkpoint) -> Any:
    """The tokenizer of a checkpoint; of one behind a server, a stand-in where there is none here."""
    if not checkpoint.weights.startswith(UNSEEN) or checkpoint.path.is_dir():
        from evals.checkpoints.tokenizer import tokenizer_of

        return tokenizer_of(checkpoint)
    return Untokenized()


class Untokenized:
    """Stands for the tokenizer of a server: the ids of a text are its bytes, a chat is its turns as JSON."""

    chat_template = "the server's own"
    eos_token_id = -1
    model_max_length = 10**9

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        """Bytes; what the server sets before them is the server's."""
        return {"input_ids": list(text.encode())}

    def decode(self, ids: Sequence[int], **_: Any) -> str:
        """The text of bytes."""
        return bytes(ids).decode("utf-8", "replace")

    def apply_chat_template(self, turns: Sequence[dict[str, str]], **how: Any) -> str:
        """Turns and the user's arguments of the template."""
        own = ("tokenize", "add_generation_prompt", "strftime_now")
        arguments = {k: v for k, v in how.items() if k not in own}
        return CHAT + json.dumps({"turns": list(turns), "arguments": arguments}, ensure_ascii=False)


def asked_of(ids: Sequence[int]) -> dict[str, Any]:
    """What is sent for bytes that `Untokenized` made: {"prompt": text} or {"messages": …, "arguments": …}."""
    text = bytes(ids).decode()
    if not text.startswith(CHAT):
        return {"prompt": text}
    said, end = json.JSONDecoder().raw_decode(text, len(CHAT))
    if text[end:]:
        raise UserError(
            "a prefix of the response needs the model's own chat template: give --ckpt a folder with its "
            "tokenizer, or leave the prefix out"
        )
    return {"messages": said["turns"], "arguments": said["arguments"]}
