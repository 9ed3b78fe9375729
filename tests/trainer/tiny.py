"""Tiny models of other architectures, with random weights, as transformers makes and saves them."""

from pathlib import Path
from typing import Any

import torch

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 512,
}
FAMILIES = ("llama", "qwen2", "qwen3", "gemma3", "gpt_neox", "olmo2")


def tiny(family: str, vocabulary: int = 64) -> Any:
    """A causal language model of transformers: tied, windowed, soft-capped, biased, parallel blocks."""
    import transformers as hf

    sizes = SIZES | {
        "vocab_size": vocabulary,
        "initializer_range": 0.2,
        "eos_token_id": 0,
        "bos_token_id": None,
    }
    grouped = sizes | {"num_key_value_heads": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        if family == "llama":
            return hf.LlamaForCausalLM(hf.LlamaConfig(**grouped, tie_word_embeddings=True))
        if family == "qwen2":
            return hf.Qwen2ForCausalLM(hf.Qwen2Config(**grouped))
        if family == "qwen3":
            return hf.Qwen3ForCausalLM(hf.Qwen3Config(**grouped, head_dim=16))
        if family == "gemma3":
            window = {"sliding_window": 4, "final_logit_softcapping": 2.0, "head_dim": 8}
            return hf.Gemma3ForCausalLM(hf.Gemma3TextConfig(**grouped, **window))
        if family == "olmo2":
            return hf.Olmo2ForCausalLM(hf.Olmo2Config(**grouped, pad_token_id=1))
        return hf.GPTNeoXForCausalLM(hf.GPTNeoXConfig(**sizes, hidden_dropout=0.3, attention_dropout=0.3))


def saved(family: str, tokenizer: Any, folder: Path) -> Path:
    """A checkpoint folder of a tiny model with a tokenizer."""
    tiny(family, len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
