"""Small random models of many architectures of transformers, one line each."""

from __future__ import annotations

from typing import Any

import torch

VOCAB = 97
PLAIN: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
NARROW: dict[str, Any] = {"sliding_window": 8}  # shorter than the prompts of the tests
MIXED: dict[str, Any] = NARROW | {"layer_types": ["sliding_attention", "full_attention"]}
LATE: dict[str, Any] = {"sliding_window": 36}  # longer than the text on which decoders are proven
MOE: dict[str, Any] = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}

# config class -> settings; the decoder that it is to get
STREAM = {
    "Llama": {},
    "Qwen2": {},
    "Qwen3": {"head_dim": 16},
    "Gemma3Text": MIXED | {"head_dim": 8, "query_pre_attn_scalar": 20},
    "Gemma3": {},  # composite, see `model`
    "Mistral": NARROW | {"head_dim": 8},
    "Starcoder2": LATE,
    "GPTNeoX": {},
    "Olmo2": {},
    "Olmo3": MIXED,
    "Phi": {"partial_rotary_factor": 0.5},
    "Phi3": NARROW,
    "Mixtral": {"num_local_experts": 4},
    "Qwen3Moe": MOE | {"head_dim": 8},
    "Cohere2": MIXED | {"logit_scale": 0.25, "head_dim": 8},
    "Granite": {"logits_scaling": 3.0, "attention_multiplier": 0.3},
    "OPT": {"ffn_dim": 48, "word_embed_proj_dim": 16},
    "GPT2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256},
}
PADDED = {
    "Gemma2": MIXED | {"head_dim": 8, "final_logit_softcapping": 5.0},
    # a window that stands in the mask alone, of which an attention function is not told
    "Qwen2Moe": MOE | LATE | {"use_sliding_window": True, "max_window_layers": 2},
    "Phimoe": LATE | {"num_local_experts": 4},
    "Bloom": {"n_layer": 2, "n_head": 4},
    "GPTJ": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "rotary_dim": 4},
}
HYBRID = {
    "Mamba": {"state_size": 8, "num_hidden_layers": 2},
    "Mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 2, "state_size": 8, "chunk_size": 16},
    "Lfm2": {"layer_types": ["conv", "full_attention"]},
    "Qwen3Next": MOE
    | {
        "head_dim": 16, "linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8,
        "linear_value_head_dim": 8, "layer_types": ["linear_attention", "full_attention"],
        "shared_expert_intermediate_size": 24,
    },
    "Jamba": {
        "num_experts": 2, "attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False,
        "mamba_d_state": 8, "mamba_dt_rank": 4,
    },
    "FalconH1": {
        "mamba_d_ssm": 32, "mamba_n_heads": 4, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8,
        "mamba_chunk_size": 16, "head_dim": 8,
    },
    "Bamba": {
        "mamba_n_heads": 8, "mamba_d_head": 8, "mamba_n_groups": 1, "mamba_d_state": 8,
        "mamba_chunk_size": 16, "attn_layer_indices": [1],
    },
    "RecurrentGemma": {"attention_window_size": 8, "lru_width": 32, "head_dim": 8, "num_hidden_layers": 3},
    "Rwkv": {"attention_hidden_size": 32, "context_length": 256},
}  # fmt: skip


def model(name: str) -> Any:
    """A random model of an architecture, in fp32, wide enough that its logits differ."""
    import transformers

    settings: dict[str, Any] = (STREAM | PADDED | HYBRID)[name]
    torch.manual_seed(7)
    if name == "Gemma3":
        vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "image_size": 28}
        vision |= {"num_attention_heads": 2, "patch_size": 14}
        images = {"mm_tokens_per_image": 4, "image_token_index": 90, "boi_token_index": 91}
        text = PLAIN | MIXED | {"head_dim": 8}
        config = transformers.Gemma3Config(text_config=text, vision_config=vision, **images)
        made = transformers.AutoModelForImageTextToText.from_config(config)
    else:
        config = getattr(transformers, f"{name}Config")(**(PLAIN | settings))
        made = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:
                weight.mul_(3.0)
    return made.float().eval()
