"""Decoding for this package's own OLMo2."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from evals.engines.decoders.protocol import predicting
from evals.engines.decoders.shared import SharedRows
from evals.models.olmo2 import Olmo2, rotary, rotate
from evals.models.ragged import ragged


class Olmo2Decoder:
    """Decoding for `Olmo2`, with one copy of a prompt's keys and values per group of rows."""

    one_length = False

    def __init__(self, model: Olmo2) -> None:
        self.model = model

    @property
    def device(self) -> torch.device:
        """Where the weights are now."""
        return self.model.lm_head.weight.device

    @property
    def vocab_size(self) -> int:
        """Logits of a position."""
        return self.model.shape.vocab_size

    def _cos_sin(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        cos, sin = rotary(positions, self.model.shape.head_dim, self.model.shape.rope_theta, dtype)
        return cos.unsqueeze(-2), sin.unsqueeze(-2)

    def prefill(self, prompts: Sequence[Sequence[int]], group: Tensor) -> Tensor:
        """See Decoder."""
        layout = ragged([len(p) for p in prompts]).to(self.device)
        flat = torch.tensor([i for p in prompts for i in p], device=self.device)
        lengths = torch.tensor([len(p) for p in prompts], device=self.device)
        index = torch.repeat_interleave(torch.arange(len(prompts), device=self.device), lengths)
        self.rows = SharedRows(lengths, group)
        x = self.model.model.embed_tokens(flat)
        cos, sin = self._cos_sin(layout.positions, x.dtype)
        for i, layer in enumerate(self.model.model.layers):
            attended, k, v = layer.self_attn(x, cos, sin, layout)
            x = layer.finish(x, attended)
            self.rows.store(i, k, v, index, layout.positions)
        self._fuse()
        self.rows.arrange()
        last = lengths.cumsum(0) - 1
        return self.model.lm_head(self.model.model.norm(x[last])).float()[group]

    def _fuse(self) -> None:
        """One matrix for queries, keys and values, one for gate and up: fewer, larger products."""
        self.fused = [
            (
                torch.cat((a.q_proj.weight, a.k_proj.weight, a.v_proj.weight)),
                torch.cat((layer.mlp.gate_proj.weight, layer.mlp.up_proj.weight)),
            )
            for layer in self.model.model.layers
            for a in (layer.self_attn,)
        ]

    def keep(self, rows: Tensor) -> None:
        """See Decoder."""
        self.rows.keep(rows)

    def step(self, tokens: Tensor) -> Tensor:
        """See Decoder."""
        shape, body = self.model.shape, self.model.model
        x = body.embed_tokens(tokens)
        cos, sin = self._cos_sin(self.rows.positions, x.dtype)
        kv_width, scale = shape.num_key_value_heads * shape.head_dim, shape.head_dim**-0.5
        for i, layer in enumerate(body.layers):
            qkv, gate_up = self.fused[i]
            q, k, v = F.linear(x, qkv).split((shape.hidden_size, kv_width, kv_width), dim=-1)
            q = rotate(layer.self_attn.q_norm(q).unflatten(-1, (-1, shape.head_dim)), cos, sin)
            k = rotate(layer.self_attn.k_norm(k).unflatten(-1, (-1, shape.head_dim)), cos, sin)
            own = self.rows.append(i, k, v.unflatten(-1, (-1, shape.head_dim)))
            attended = layer.self_attn.o_proj(self.rows.attend(i, q, own, scale).flatten(-2))
            x = x + layer.post_attention_layernorm(attended)
            gate, up = F.linear(x, gate_up).chunk(2, dim=-1)
            x = x + layer.post_feedforward_layernorm(layer.mlp.down_proj(F.silu(gate) * up))
        self.rows.advance()
        return self.model.lm_head(body.norm(x)).float()

    def hidden(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> Tensor:
        """See Decoder."""
        pairs = list(zip(prompts, responses, strict=True))
        flat = torch.tensor([i for pair in pairs for ids in pair for i in ids], device=self.device)
        lengths = [(len(p), len(r)) for p, r in pairs]
        x = self.model.model(flat, ragged([p + r for p, r in lengths]).to(self.device))
        return x[predicting(lengths).to(self.device)]

    def head(self, hidden: Tensor) -> Tensor:
        """See Decoder."""
        logits = self.model.lm_head(hidden.to(self.model.lm_head.weight.dtype))
        return logits if logits.dtype == torch.float64 else logits.float()
