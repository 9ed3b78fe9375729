"""What the configuration of a checkpoint says: its context and the tokens that end a response."""

from __future__ import annotations

from typing import Any

from evals.checkpoints.checkpoint import Checkpoint, read_object
from evals.core.errors import UserError

CONTEXT = ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length")  # in a config


def context_of(found: Checkpoint, tokenizer: Any) -> int:
    """Longest prompt plus response in tokens: of the config, else of the tokenizer."""
    said = [found.config.get(name) for name in CONTEXT]
    longest = next((v for v in said if v is not None), tokenizer.model_max_length)
    if not isinstance(longest, int | float) or not 2 <= longest <= 1e30:
        raise UserError(
            f"checkpoint {found.name} is damaged: its context of {longest!r} tokens is none; fix config.json"
        )
    return int(longest)


def eos_ids(found: Checkpoint, tokenizer: Any) -> tuple[int, ...]:
    """Ids that end a response: of the generation config, the config and the tokenizer."""
    generation = read_object(found.path / "generation_config.json", found.name) or {}
    ids: set[int] = set()
    for value in (generation.get("eos_token_id"), found.config.get("eos_token_id"), tokenizer.eos_token_id):
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
