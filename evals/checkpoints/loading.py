"""Loading the weights of a checkpoint into a model."""

from __future__ import annotations

from typing import Any

from evals.checkpoints.checkpoint import Checkpoint


def load_olmo2(found: Checkpoint) -> Any:
    """The `Olmo2` module of a checkpoint in fp32; ValueError where its config is of another architecture."""
    from safetensors.torch import load_file

    from evals.engines.olmo2 import Olmo2, Olmo2Shape

    shape = Olmo2Shape.from_config(found.config)
    if shape is None:
        raise ValueError(f"{found.name} is not an Olmo2ForCausalLM that this package represents")
    state: dict[str, Any] = {}
    for file in sorted(found.path.glob("*.safetensors")):
        state |= load_file(file)
    model = Olmo2(shape)
    if shape.tie_word_embeddings:
        state.setdefault("lm_head.weight", state["model.embed_tokens.weight"])
    model.load_state_dict({k: v.float() for k, v in state.items()})
    return model
