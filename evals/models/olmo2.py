"""The OLMo2 architecture as one plain module, with the parameter names of transformers' Olmo2ForCausalLM.

Source: OLMo 2 (arXiv 2501.00656): RMS norms after attention and MLP, RMS norm of the full query and key
projections, rotary positions, SwiGLU. Used for training and sampling; the parity with transformers is a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evals.models.ragged import Ragged


@dataclass(frozen=True, slots=True)
class Olmo2Shape:
    """The fields of an Olmo2Config that decide the function."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    max_position_embeddings: int
    rms_norm_eps: float
    rope_theta: float
    tie_word_embeddings: bool

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Olmo2Shape | None:
        """The shape that a config.json describes, or None where this module cannot represent it."""
        if (
            config.get("model_type") != "olmo2"
            or config.get("attention_bias")
            or config.get("hidden_act") != "silu"
        ):
            return None
        rope = config.get("rope_scaling") or config.get("rope_parameters") or {}
        if rope.get("rope_type", rope.get("type", "default")) != "default":  # `type` in older ones
            return None
        heads = config["num_attention_heads"]
        if config.get("head_dim", config["hidden_size"] // heads) * heads != config["hidden_size"]:
            return None
        return cls(
            vocab_size=config["vocab_size"],
            hidden_size=config["hidden_size"],
            intermediate_size=config["intermediate_size"],
            num_hidden_layers=config["num_hidden_layers"],
            num_attention_heads=heads,
            num_key_value_heads=config.get("num_key_value_heads") or heads,
            max_position_embeddings=config["max_position_embeddings"],
            rms_norm_eps=config["rms_norm_eps"],
            rope_theta=float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0),
            tie_word_embeddings=bool(config.get("tie_word_embeddings")),
        )

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.hidden_size // self.num_attention_heads


class _Norm(torch.autograd.Function):
    """RMS norm with its derivative written out: half the time of the composed operations on a CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        normed, scale = _normed(x, weight, eps)
        ctx.save_for_backward(x, weight, scale)
        return normed

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None]:
        (grad,) = grads
        x, weight, scale = ctx.saved_tensors
        product = x * grad
        along = (product @ weight)[..., None]
        of_x = (grad * weight).mul_(scale)
        of_x.addcmul_(x, along.mul_(scale**3).div_(-x.shape[-1]))
        return of_x, product.flatten(0, -2).T @ scale.flatten(), None


def _normed(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    scale = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
    return (x * scale).mul_(weight), scale


class RMSNorm(nn.Module):
    """y = w · x / sqrt(mean(x²) + eps), computed in fp32 at least."""

    def __init__(self, width: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """x: (…, width) -> (…, width), in x's dtype."""
        wide = x if x.dtype in (torch.float32, torch.float64) else x.float()
        weight = self.weight.to(wide.dtype)
        if x.device.type == "cpu":
            if not torch.is_grad_enabled():
                return _normed(wide, weight, self.eps)[0].to(x.dtype)
            normed: Tensor = _Norm.apply(wide, weight, self.eps)
            return normed.to(x.dtype)
        return F.rms_norm(wide, (x.shape[-1],), weight, self.eps).to(x.dtype)


def rotary(positions: Tensor, head_dim: int, theta: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """cos and sin of the rotary angles: positions (…) -> two tensors (…, head_dim)."""
    exact = torch.promote_types(dtype, torch.float32)
    steps = torch.arange(0, head_dim, 2, dtype=torch.float32, device=positions.device) / head_dim
    angles = positions[..., None].to(exact) * (1.0 / theta ** steps.to(exact))
    angles = torch.cat((angles, angles), dim=-1)
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotary embedding of x (…, heads, head_dim) by cos, sin (…, 1, head_dim)."""
    if x.device.type == "cpu" and x.dtype == cos.dtype:
        if not torch.is_grad_enabled():
            return _turned(x, cos, sin, back=False)
        rotated: Tensor = _Rotate.apply(x, cos, sin)
        return rotated
    half = x.shape[-1] // 2
    turned = torch.cat((-x[..., half:], x[..., :half]), dim=-1)
    return (x * cos + turned * sin).to(x.dtype)


class _Rotate(torch.autograd.Function):
    """The rotation with its derivative, which is the rotation back: the same sums, fewer copies."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turned(x, cos, sin, back=False)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        return _turned(grads[0], *ctx.saved_tensors, back=True), None, None


def _turned(x: Tensor, cos: Tensor, sin: Tensor, *, back: bool) -> Tensor:
    half = x.shape[-1] // 2
    other = x.roll(half, -1).mul_(sin)
    (other[..., half:] if back else other[..., :half]).neg_()
    return (x * cos).add_(other)


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Causal attention of q (B, T, heads, head_dim) and k, v (B, T, kv_heads, head_dim) -> shape of q."""
    out = F.scaled_dot_product_attention(
        q.transpose(1, 2),
        k.transpose(1, 2),
        v.transpose(1, 2),
        is_causal=True,
        enable_gqa=q.shape[-2] != k.shape[-2],
    )
    return out.transpose(1, 2)


class Attention(nn.Module):
    """Grouped-query self-attention with normed queries and keys."""

    def __init__(self, shape: Olmo2Shape) -> None:
        super().__init__()
        width, kv = shape.hidden_size, shape.num_key_value_heads * shape.head_dim
        self.head_dim = shape.head_dim
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, kv, bias=False)
        self.v_proj = nn.Linear(width, kv, bias=False)
        self.o_proj = nn.Linear(width, width, bias=False)
        self.q_norm = RMSNorm(width, shape.rms_norm_eps)
        self.k_norm = RMSNorm(kv, shape.rms_norm_eps)

    def project(self, x: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x (…, width) -> rotated queries, rotated keys, values, each (…, heads, head_dim)."""
        q = self.q_norm(self.q_proj(x)).unflatten(-1, (-1, self.head_dim))
        k = self.k_norm(self.k_proj(x)).unflatten(-1, (-1, self.head_dim))
        v = self.v_proj(x).unflatten(-1, (-1, self.head_dim))
        return rotate(q, cos, sin), rotate(k, cos, sin), v

    def forward(
        self, x: Tensor, cos: Tensor, sin: Tensor, layout: Ragged | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """x (B, T, width), or a stream (N, width) -> output like x, keys, values (…, kv_heads, head_dim)."""
        q, k, v = self.project(x, cos, sin)
        if layout is None:
            return self.o_proj(causal_attention(q, k, v).flatten(-2)), k, v
        rectangles = zip(layout.cut(q), layout.cut(k), layout.cut(v), strict=True)
        rows = [causal_attention(*rectangle) for rectangle in rectangles]
        return self.o_proj(layout.join(rows).flatten(-2)), k, v


class MLP(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: Olmo2Shape) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.up_proj = nn.Linear(shape.hidden_size, shape.intermediate_size, bias=False)
        self.down_proj = nn.Linear(shape.intermediate_size, shape.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """x (…, width) -> (…, width)."""
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    """One layer: the norms stand after attention and after the MLP."""

    def __init__(self, shape: Olmo2Shape) -> None:
        super().__init__()
        self.self_attn = Attention(shape)
        self.post_attention_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.mlp = MLP(shape)
        self.post_feedforward_layernorm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor, layout: Ragged | None = None) -> Tensor:
        """The residual stream after this layer."""
        return self.finish(x, self.self_attn(x, cos, sin, layout)[0])

    def finish(self, x: Tensor, attended: Tensor) -> Tensor:
        """The residual stream after attention output and MLP."""
        x = x + self.post_attention_layernorm(attended)
        return x + self.post_feedforward_layernorm(self.mlp(x))


class Olmo2Body(nn.Module):
    """Embedding, layers, final norm."""

    def __init__(self, shape: Olmo2Shape) -> None:
        super().__init__()
        # not initialised: to draw numbers for a tensor without data makes torch import its compiler, 2.5 s
        table = torch.empty(shape.vocab_size, shape.hidden_size)
        self.embed_tokens = nn.Embedding.from_pretrained(table, freeze=False)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.num_hidden_layers))
        self.norm = RMSNorm(shape.hidden_size, shape.rms_norm_eps)
        self.head_dim, self.theta = shape.head_dim, shape.rope_theta

    def forward(self, ids: Tensor, layout: Ragged | None = None) -> Tensor:
        """Final hidden states (…, width)."""
        x = self.embed_tokens(ids)
        positions = torch.arange(ids.shape[-1], device=ids.device) if layout is None else layout.positions
        cos, sin = rotary(positions, self.head_dim, self.theta, x.dtype)
        cos, sin = cos.unsqueeze(-2), sin.unsqueeze(-2)
        for layer in self.layers:
            x = layer(x, cos, sin, layout)
        return self.norm(x)


class Olmo2(nn.Module):
    """OLMo2 for causal language modelling."""

    def __init__(self, shape: Olmo2Shape) -> None:
        super().__init__()
        self.shape = shape
        self.model = Olmo2Body(shape)
        self.lm_head = nn.Linear(shape.hidden_size, shape.vocab_size, bias=False)
        if shape.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, ids: Tensor, layout: Ragged | None = None, at: Tensor | None = None) -> Tensor:
        """Logits (…, vocab) in fp32 at least, of ids (B, T), or of a flat stream (N,) with its layout.

        at: (T,) positions of the stream whose logits are wanted (default: all).
        """
        x = self.model(ids, layout)
        logits = self.lm_head((x if at is None else x[at]).to(self.lm_head.weight.dtype))
        return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()
