"""What a checkpoint's settings say: its context, the tokens that end a response, the size of its vocabulary.

Composite models (text and images) say it in a part of their config.json, in `text_config`.
"""

from __future__ import annotations

from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.fingerprint import EMBEDDINGS
from evals.checkpoints.forms import read_object
from evals.core.errors import UserError

CONTEXT = (
    "max_position_embeddings",
    "n_positions",
    "max_sequence_length",
    "seq_length",
    "max_seq_len",
    "n_ctx",
)
TEXT = ("text_config", "llm_config", "language_config")
SWITCHED = ("longrope", "su")  # types of positions whose factors switch at the original context
UNKNOWN = 10**9  # what tokenizers say who know no length is far beyond


def settings(config: dict[str, Any]) -> list[dict[str, Any]]:
    """A config.json and the part of it that is about text, the part first."""
    return [*(part for name in TEXT if isinstance(part := config.get(name), dict)), config]


def context_of(found: Checkpoint, tokenizer: Any) -> int:
    """Longest prompt plus response in tokens: of the config, the tokenizer or the architecture."""
    said = [part.get(name) for part in settings(found.config) for name in CONTEXT]
    longest = next((v for v in said if v is not None), tokenizer.model_max_length)
    if isinstance(longest, int | float) and longest > UNKNOWN:
        longest = _usual(found) or longest
    if not isinstance(longest, int | float) or not longest >= 2:
        raise UserError(
            f"checkpoint {found.name} is damaged: its context of {longest!r} tokens is none; fix config.json"
        )
    if longest > UNKNOWN:
        raise UserError(
            f"checkpoint {found.name} does not say its context; set model_max_length in its "
            "tokenizer_config.json"
        )
    return int(min([longest, *_switches(found)]))


def _usual(found: Checkpoint) -> Any:
    """What the architecture has; config.json of composite models leaves it out (Gemma 3)."""
    from evals.checkpoints.loading import architecture

    try:
        text = architecture(found)[1].get_text_config()
    except UserError:
        return None
    return next((v for name in CONTEXT if (v := getattr(text, name, None)) is not None), None)


def context_name(found: Checkpoint) -> str:
    """What limits prompt and response, in the words of a refusal."""
    if not _switches(found):
        return "the model's context"
    return "the model's original_max_position_embeddings (beyond it its longrope factors change)"


def _switches(found: Checkpoint) -> list[int]:
    """Positions at which the model changes the factors of all positions of a forward, other rows' too."""
    limits = []
    for part in settings(found.config):
        ropes = [r for key in ("rope_parameters", "rope_scaling") if isinstance(r := part.get(key), dict)]
        ropes += [
            r for rope in ropes for r in rope.values() if isinstance(r, dict)
        ]  # one for each kind of layer
        for rope in ropes:
            if rope.get("rope_type", rope.get("type")) in SWITCHED:
                key = "original_max_position_embeddings"
                limits += [v for v in (part.get(key), rope.get(key)) if isinstance(v, int) and v >= 2]
    return limits


def eos_ids(found: Checkpoint, tokenizer: Any) -> tuple[int, ...]:
    """Ids that end a response: of the generation config, the config and the tokenizer."""
    generation = read_object(found.path / "generation_config.json", found.name) or {}
    said = [generation.get("eos_token_id"), *(part.get("eos_token_id") for part in settings(found.config))]
    ids: set[int] = set()
    for value in (*said, tokenizer.eos_token_id):
        listed = value if isinstance(value, list) else [] if value is None else [value]
        if wrong := [v for v in listed if not isinstance(v, int)]:
            raise UserError(
                f"checkpoint {found.name} is damaged: eos_token_id {wrong[0]!r} is no number; fix its config"
            )
        ids |= set(listed)
    if not ids:
        raise UserError(
            f"the tokenizer of {found.name} has no end-of-sequence token; set eos_token in its config"
        )
    return tuple(sorted(ids))


def vocabulary_of(found: Checkpoint) -> int | None:
    """Rows of the embedding as it is stored; None where its name is not known."""
    for name, tensor in found.stored().items():
        if name.endswith(EMBEDDINGS) and len(tensor.shape) == 2:
            return tensor.shape[0]
    return None


def check_vocabulary(found: Checkpoint, tokenizer: Any) -> None:
    """UserError where the tokenizer is not the one that the model was trained with.

    Tokens that were added to a tokenizer may lie beyond the embedding, as in Gemma 3: those are refused in
    prompts. An embedding may be padded, but not to more than twice its tokenizer.
    """
    rows = vocabulary_of(found)
    if rows is None:
        return
    entries, whole = int(tokenizer.vocab_size), len(tokenizer)
    if entries > rows or 2 * whole < rows:
        raise UserError(
            f"the tokenizer of {found.name} has {whole} entries and its embedding {rows} rows; give "
            "the tokenizer "
            "that the model was trained with (--tokenizer)"
        )
    if all(i >= rows for i in eos_ids(found, tokenizer)):
        raise UserError(
            f"the end-of-sequence token of {found.name} lies beyond the {rows} rows of its embedding; "
            "give the "
            "tokenizer that the model was trained with (--tokenizer), or set eos_token_id in its config"
        )
