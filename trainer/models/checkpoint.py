"""Checkpoints: plain Hugging Face folders with a lineage file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.loading import load_olmo2
from evals.core.errors import UserError
from evals.engines.olmo2 import Olmo2, Olmo2Shape
from trainer.config.load import ModelConfig, Questions
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.run.files import write_folder


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a checkpoint comes from: lineage.json.

    parent: weights fingerprint of the checkpoint it was trained from (None from scratch), parent_name its
    path as given. recipe: base, rl, sft, sft-gold, sft-rl, sft-gold-rl or parallel. step: of this stage.
    tokens: pre-training tokens seen. flops: training and sampling of this stage. data: fingerprint of the
    training data. prompt: template and shots that evaluation takes by default.
    """

    parent: str | None
    parent_name: str | None
    recipe: str
    step: int
    tokens: int
    flops: float
    seed: int
    data: str
    prompt: dict[str, Any]


def shape_of(config: ModelConfig, vocab_size: int) -> Olmo2Shape:
    """The shape that a configuration asks for."""
    return Olmo2Shape(
        vocab_size=vocab_size,
        hidden_size=config.hidden_size,
        intermediate_size=config.intermediate_size,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        num_key_value_heads=config.kv_heads or config.heads,
        max_position_embeddings=config.context,
        rms_norm_eps=1e-6,
        rope_theta=config.rope_theta,
        tie_word_embeddings=config.tie_embeddings,
    )


def new_model(config: ModelConfig, vocab_size: int, seed: int) -> Olmo2:
    """An OLMo2 from scratch: normal weights of standard deviation `init_std`, norms at one, keyed by seed."""
    shape = shape_of(config, vocab_size)
    if shape.hidden_size % shape.num_attention_heads or shape.num_attention_heads % shape.num_key_value_heads:
        raise UserError(
            "model.hidden_size must be a multiple of model.heads, and model.heads of model.kv_heads"
        )
    model = Olmo2(shape)
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            nn.init.normal_(parameter, std=config.init_std, generator=generator)
    return model


def save_checkpoint(path: Path, model: Olmo2, tokenizer: Any, lineage: Lineage) -> None:
    """Write an Olmo2ForCausalLM folder in fp32 that transformers, vLLM and lm-eval read as it is.

    All ranks call; the first writes.
    """
    from safetensors.torch import save

    state = shard.whole(model.state_dict())
    if model.shape.tie_word_embeddings:
        state.pop("lm_head.weight")
    if distributed.rank() > 0:
        return

    def fill(folder: Path) -> None:
        kind = str(next(iter(state.values())).dtype).removeprefix("torch.")
        weights = save({k: v.contiguous() for k, v in state.items()}, metadata={"format": "pt"})
        (folder / "model.safetensors").write_bytes(weights)
        tokenizer.save_pretrained(folder)
        ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
        _write(folder / "config.json", _config(model.shape, tokenizer, kind))
        _write(folder / "generation_config.json", ends | {"do_sample": True})
        _write(folder / "lineage.json", asdict(lineage))

    write_folder(path, fill)


def _write(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2, sort_keys=True) + "\n", "utf-8")


def _config(shape: Olmo2Shape, tokenizer: Any, dtype: str) -> dict[str, Any]:
    """config.json; rope_theta stands both where transformers 5 and where other engines look."""
    return {
        "architectures": ["Olmo2ForCausalLM"],
        "model_type": "olmo2",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "bos_token_id": None,
        "dtype": dtype,
        "eos_token_id": tokenizer.eos_token_id,
        "hidden_act": "silu",
        "hidden_size": shape.hidden_size,
        "initializer_range": 0.02,
        "intermediate_size": shape.intermediate_size,
        "max_position_embeddings": shape.max_position_embeddings,
        "num_attention_heads": shape.num_attention_heads,
        "num_hidden_layers": shape.num_hidden_layers,
        "num_key_value_heads": shape.num_key_value_heads,
        "pad_token_id": tokenizer.pad_token_id,
        "rms_norm_eps": shape.rms_norm_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rope_theta},
        "rope_theta": shape.rope_theta,
        "tie_word_embeddings": shape.tie_word_embeddings,
        "use_cache": True,
        "vocab_size": shape.vocab_size,
    }


def load_parent(found: Checkpoint) -> tuple[Olmo2, Any]:
    """(model in fp32, tokenizer) of the checkpoint that an excursion starts from."""
    from evals.checkpoints.tokenizer import load_tokenizer

    try:
        model = load_olmo2(found)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"checkpoint {found.name} cannot be trained here: {reason}; give an OLMo2 checkpoint"
        ) from error
    tokenizer = load_tokenizer(found.path)
    if len(tokenizer) > model.shape.vocab_size:
        raise UserError(
            f"the tokenizer of {found.name} has {len(tokenizer)} entries and the model "
            f"{model.shape.vocab_size}; use the tokenizer that the model was trained with"
        )
    return model, tokenizer


def descend(found: Checkpoint, stage: str, step: int, flops: float, config: Questions, data: str) -> Lineage:
    """The lineage of a checkpoint trained from `found` by `stage` (rl, sft, sft-gold or parallel).

    RL after SFT has a name of its own: sft-rl, sft-gold-rl.
    """
    before = found.lineage or {}
    after_sft = stage == "rl" and before.get("recipe") in ("sft", "sft-gold")
    recipe = f"{before['recipe']}-rl" if after_sft else stage
    tokens = int(before.get("tokens") or 0)
    prompt = {"template": config.template, "shots": 0}
    return Lineage(found.weights, found.name, recipe, step, tokens, flops, config.seed, data, prompt)
