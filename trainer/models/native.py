"""OLMo2 as this package computes it: packed streams, shared prompts, made from scratch or loaded."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.loading import load_olmo2
from evals.core.errors import UserError
from evals.engines.decoders import Decoder, Olmo2Decoder
from evals.models.olmo2 import Olmo2, Olmo2Shape
from trainer.config.schema import ModelConfig
from trainer.models.trainable import Costs, Trainable


class NativeModel(Olmo2, Trainable):
    """`Olmo2`, trained. What its methods do is said in Trainable."""

    shares_prompts = True

    def __init__(self, shape: Olmo2Shape) -> None:
        super().__init__(shape)
        self.context, self.vocabulary = shape.max_position_embeddings, shape.vocab_size
        self.costs = costs_of(shape)

    def blocks(self) -> list[nn.Module]:
        return list(self.model.layers)

    def head(self) -> nn.Module | None:
        return None if self.shape.tie_word_embeddings else self.lm_head

    def decoder(self) -> Decoder:
        return Olmo2Decoder(self)

    def twin(self) -> Trainable:
        with torch.device(self.device):
            return NativeModel(self.shape)

    def save_weights(self, folder: Path, weights: dict[str, Tensor]) -> None:
        from safetensors.torch import save

        tied = {"lm_head.weight"} if self.shape.tie_word_embeddings else set()
        kept = {k: v.contiguous() for k, v in weights.items() if k not in tied}
        (folder / "model.safetensors").write_bytes(save(kept, metadata={"format": "pt"}))

    def save(self, folder: Path, tokenizer: Any, weights: dict[str, Tensor]) -> None:
        """See Trainable; an Olmo2ForCausalLM folder."""
        self.save_weights(folder, weights)
        tokenizer.save_pretrained(folder)
        kind = str(next(iter(weights.values())).dtype).removeprefix("torch.")
        ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
        write_json(folder / "config.json", _config(self.shape, tokenizer, kind))
        write_json(folder / "generation_config.json", ends | {"do_sample": True})


def write_json(path: Path, data: dict[str, Any]) -> None:
    """A file of a checkpoint that is written as a whole folder."""
    path.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", "utf-8")


def costs_of(shape: Olmo2Shape) -> Costs:
    """What a token costs in this shape."""
    kv = shape.num_key_value_heads * shape.head_dim
    attention = 2 * shape.hidden_size**2 + 2 * shape.hidden_size * kv
    matrices = shape.num_hidden_layers * (attention + 3 * shape.hidden_size * shape.intermediate_size)
    width = shape.num_hidden_layers * shape.hidden_size
    return Costs(matrices, width, shape.hidden_size * shape.vocab_size)


def shape_of(config: ModelConfig, vocab_size: int) -> Olmo2Shape:
    """The shape that a configuration asks for; UserError where there is none."""
    widths = vocab_size, config.hidden_size, config.intermediate_size, config.layers
    heads = config.heads, config.kv_heads or config.heads
    if config.hidden_size % (2 * heads[0]) or heads[0] % heads[1]:  # a head rotates its numbers in pairs
        raise UserError(
            "model.hidden_size must be a multiple of twice model.heads, and model.heads of model.kv_heads"
        )
    return Olmo2Shape(*widths, *heads, config.context, 1e-6, config.rope_theta, config.tie_embeddings)


def new_model(config: ModelConfig, vocab_size: int, seed: int) -> NativeModel:
    """An OLMo2 from scratch: normal weights of standard deviation `init_std`, norms at one, keyed by seed."""
    shape = shape_of(config, vocab_size)
    model = NativeModel(shape)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            nn.init.normal_(parameter, std=config.init_std, generator=generator)
    return model


def load_native(found: Checkpoint) -> NativeModel:
    """The model of an OLMo2 checkpoint, in fp32."""
    loaded = load_olmo2(found)
    with torch.device("meta"):
        model = NativeModel(loaded.shape)
    model.load_state_dict(loaded.state_dict(), assign=True)
    if model.shape.tie_word_embeddings:
        model.lm_head.weight = model.model.embed_tokens.weight
    return model


def _config(shape: Olmo2Shape, tokenizer: Any, dtype: str) -> dict[str, Any]:
    """config.json; rope_theta stands both where transformers 5 and where other engines look."""
    return asdict(shape) | {
        "architectures": ["Olmo2ForCausalLM"],
        "model_type": "olmo2",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": None,
        "dtype": dtype,
        "eos_token_id": tokenizer.eos_token_id,
        "hidden_act": "silu",
        "initializer_range": 0.02,
        "pad_token_id": tokenizer.pad_token_id,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
        "use_cache": True,
    }
