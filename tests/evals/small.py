"""Checkpoints of many architectures with random weights: two layers, width 32, fewer than 300 tokens."""

from functools import cache
from pathlib import Path
from typing import Any

from evals.checkpoints.tokenizer import train_tokenizer

WIDTH = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
    "num_key_value_heads": 1, "max_position_embeddings": 256,
}  # fmt: skip
GEMMA = WIDTH | {"head_dim": 16, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}
IMAGES = {
    "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1,
    "image_size": 16, "patch_size": 8,
}  # fmt: skip
BOTH = {"text_config": GEMMA, "vision_config": IMAGES, "mm_tokens_per_image": 4}
EXPERTS = WIDTH | {"num_local_experts": 4, "num_experts_per_tok": 2}
CAPPED = GEMMA | {"query_pre_attn_scalar": 16, "attn_logit_softcapping": 0.5}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {  # name: its config class, what it is given
    "llama": ("LlamaConfig", WIDTH),
    "qwen2": ("Qwen2Config", WIDTH),
    "qwen3": ("Qwen3Config", WIDTH | {"head_dim": 16}),
    "gemma3": ("Gemma3TextConfig", GEMMA),
    "gemma3-composite": ("Gemma3Config", BOTH),
    "mistral": ("MistralConfig", WIDTH | {"sliding_window": 8, "head_dim": 16}),
    "gpt-neox": ("GPTNeoXConfig", {k: v for k, v in WIDTH.items() if k != "num_key_value_heads"}),
    "olmo2": ("Olmo2Config", WIDTH),
    "olmo3": ("Olmo3Config", WIDTH | {"sliding_window": 8, "layer_types": GEMMA["layer_types"]}),
    "phi": ("PhiConfig", WIDTH | {"num_key_value_heads": 2}),
    "mixtral": ("MixtralConfig", EXPERTS),
}  # fmt: skip


@cache
def tokenizer() -> Any:
    """A tokenizer of 280 entries."""
    return train_tokenizer(["the sum of two numbers is a number, 12 + 30 = 42"] * 3, 280)


def model(family: str = "llama", seed: int = 0, **changes: Any) -> Any:
    """A model of transformers with random weights; `changes` of its config."""
    import torch
    import transformers

    kind, settings = FAMILIES[family]
    entries, end = len(tokenizer()), tokenizer().eos_token_id
    common = {"vocab_size": entries, "eos_token_id": end, "bos_token_id": None, "pad_token_id": None}
    if "text_config" in settings:
        settings = settings | {"text_config": settings["text_config"] | common | changes, "eos_token_id": end}
        config = getattr(transformers, kind)(**settings)
    else:
        config = getattr(transformers, kind)(**settings | common | changes)
    torch.manual_seed(seed)
    made = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():  # initial weights are so small that every token is as likely
        for weight in made.parameters():
            weight.mul_(3.0) if weight.ndim > 1 else weight.add_(0.2 * torch.randn_like(weight))
    return made


def saved(path: Path, family: str = "llama", seed: int = 0, **changes: Any) -> Path:
    """A checkpoint folder of a small model, with its tokenizer."""
    model(family, seed, **changes).save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path
