"""Checkpoints: plain Hugging Face folders with a lineage file; and the state that training resumes from."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from evals.checkpoints import open_checkpoint
from evals.engines.olmo2 import Olmo2, Olmo2Shape
from evals.engines.open import load_olmo2
from evals.errors import UserError
from trainer.config import ModelConfig
from trainer.files import write_file, write_folder


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a checkpoint comes from: lineage.json.

    parent: weights fingerprint of the checkpoint it was trained from (None from scratch), parent_name its
    path as given. recipe: base, rl, sft, sft-gold, sft-rl, sft-gold-rl or parallel. tokens: pre-training
    tokens seen. flops: training and sampling of this stage. data: fingerprint of the training data.
    prompt: template and shots that evaluation takes by default.
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


def new_model(config: ModelConfig, vocab_size: int, seed: int) -> Olmo2:
    """An OLMo2 from scratch: normal weights of standard deviation `init_std`, norms at one, keyed by seed."""
    shape = Olmo2Shape(
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


def save_checkpoint(
    path: Path, model: Olmo2, tokenizer: Any, lineage: Lineage, dtype: torch.dtype | None = None
) -> None:
    """Write an Olmo2ForCausalLM folder that transformers, vLLM and lm-eval read as it is."""
    from safetensors.torch import save_file

    def fill(folder: Path) -> None:
        state = {k: v.detach().to(dtype or v.dtype).contiguous().cpu() for k, v in model.state_dict().items()}
        if model.shape.tie_word_embeddings:
            state.pop("lm_head.weight")
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        tokenizer.save_pretrained(folder)
        kind = str(dtype or model.lm_head.weight.dtype).removeprefix("torch.")
        _write(folder / "config.json", _config(model.shape, tokenizer, kind))
        _write(
            folder / "generation_config.json",
            {
                "eos_token_id": tokenizer.eos_token_id,
                "pad_token_id": tokenizer.pad_token_id,
                "do_sample": True,
            },
        )
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


def load_parent(name: str) -> tuple[Olmo2, Any, Any]:
    """(model in fp32, tokenizer, Checkpoint) of the checkpoint that an excursion starts from."""
    from evals.tokenizer import load_tokenizer

    found = open_checkpoint(name)
    try:
        model = load_olmo2(found)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"checkpoint {name} cannot be trained here: {reason}; give an OLMo2 checkpoint"
        ) from error
    tokenizer = load_tokenizer(found.path)
    if len(tokenizer) > model.shape.vocab_size:
        raise UserError(
            f"the tokenizer of {name} has {len(tokenizer)} entries and the model {model.shape.vocab_size}; "
            "use the tokenizer that the model was trained with"
        )
    return model, tokenizer, found


def save_state(folder: Path, step: int, state: dict[str, Any], keep: int = 1) -> None:
    """Write state/step-N.pt and then remove all but the newest `keep`."""
    import io

    stream = io.BytesIO()
    torch.save(state, stream)
    write_file(folder / f"step-{step:06d}.pt", stream.getvalue())
    for old in sorted(folder.glob("step-*.pt"))[:-keep]:
        old.unlink()


def load_state(folder: Path) -> dict[str, Any] | None:
    """The newest state, or None where there is none."""
    files = sorted(folder.glob("step-*.pt"))
    return torch.load(files[-1], weights_only=True) if files else None


def drop_state(folder: Path) -> None:
    """Remove the state of a finished run."""
    shutil.rmtree(folder, ignore_errors=True)
