"""Tiny models of other architectures, with random weights, as transformers makes and saves them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from evals.models.olmo2 import rotary
from evals.models.ragged import ragged
from trainer.models.native import new_model
from trainer.models.wrapped import WrappedModel

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


KINDS = ("native", "wrapped", "padded")


def trainable(kind: str, shape: Any, monkeypatch: Any) -> Any:
    """A 2-layer model in float64, vocabulary 64, as each of the ways in which the trainer computes one.

    native: OLMo2 by this package. wrapped: OLMo2 of transformers, a stream without padding. padded: Llama of
    transformers, in rows padded right, as an architecture is computed for which no stream is proven.
    """
    if kind == "native":
        return new_model(shape, 64, seed=1).double()
    exact(monkeypatch)
    family = {"wrapped": "olmo2", "padded": "llama"}[kind]
    model = wrapper(family).double()
    if kind == "wrapped":
        model.prove()
        assert model.shares_prompts
    return model


def wrapper(family: str) -> Any:
    """A tiny model of transformers, to be trained; of no checkpoint, with a vocabulary of 64."""
    found: Any = SimpleNamespace(name=family)
    return WrappedModel(tiny(family), found, 512, None)


def exact(monkeypatch: Any) -> None:
    """transformers rounds to fp32 in two places of OLMo2 and Llama; make float64 mean it."""
    from transformers.models.llama import modeling_llama as llama
    from transformers.models.olmo2 import modeling_olmo2 as olmo2

    def norm(self, x):
        return self.weight * x * (x.square().mean(-1, keepdim=True) + self.variance_epsilon).rsqrt()

    def angles(self, x, position_ids):
        theta = self.config.rope_parameters["rope_theta"]
        return rotary(position_ids, x.shape[-1] // 4, theta, x.dtype)

    for part in (olmo2.Olmo2RMSNorm, llama.LlamaRMSNorm):
        monkeypatch.setattr(part, "forward", norm)
    for part in (olmo2.Olmo2RotaryEmbedding, llama.LlamaRotaryEmbedding):
        monkeypatch.setattr(part, "forward", angles)


def plain(model: Any, ids: Any) -> torch.Tensor:
    """Logits (N, V) of one sequence by the architecture's plain forward pass, without stream or padding."""
    whole = torch.tensor([list(ids)])
    return model.inner(whole).logits[0] if isinstance(model, WrappedModel) else model(whole)[0]


def streamed(model: Any, ids: Any, layout: Any = None) -> torch.Tensor:
    """Logits (N, V) at all positions of a stream, by default of one sequence."""
    return model(torch.tensor(ids), layout or ragged([len(ids)]), torch.arange(len(ids)))


def head(model: Any) -> torch.nn.Parameter:
    """The weights of the output matrix."""
    return (model.inner if isinstance(model, WrappedModel) else model).get_parameter("lm_head.weight")
