"""Incremental decoding of a batch of rows: prefill prompts, step one token, keep some rows.

`Olmo2Decoder` stores the keys and values of a prompt once for all rows that share it;
`TransformersDecoder` serves every other architecture through its own cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from evals.engines.olmo2 import Olmo2, rotary, rotate
from evals.engines.ragged import ragged


class Decoder(Protocol):
    """What the sampling loop needs of a model. Rows sharing a prompt are adjacent."""

    model: Any

    @property
    def device(self) -> torch.device:
        """Where the weights are now."""

    def prefill(self, prompts: Sequence[Sequence[int]], group: Tensor) -> Tensor:
        """Take prompts; row r continues prompts[group[r]]. Returns next-token logits (R, V) in fp32."""

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token per row; returns next-token logits (R, V) in fp32."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in this order."""

    def logits(self, sequences: Sequence[Sequence[int]]) -> list[Tensor]:
        """Logits (len, V) in fp32 at every position of each sequence."""


class Olmo2Decoder:
    """Decoding for `Olmo2`, with one copy of a prompt's keys and values per group of rows."""

    def __init__(self, model: Olmo2) -> None:
        self.model = model

    @property
    def device(self) -> torch.device:
        """Where the weights are now."""
        return self.model.lm_head.weight.device

    def _cos_sin(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        cos, sin = rotary(positions, self.model.shape.head_dim, self.model.shape.rope_theta, dtype)
        return cos.unsqueeze(-2), sin.unsqueeze(-2)

    def prefill(self, prompts: Sequence[Sequence[int]], group: Tensor) -> Tensor:
        """See Decoder."""
        shape, lengths = self.model.shape, [len(p) for p in prompts]
        layout = ragged(lengths).to(self.device)
        flat = torch.tensor([i for p in prompts for i in p], device=self.device)
        self.lengths = torch.tensor(lengths, device=self.device)
        index = torch.repeat_interleave(torch.arange(len(prompts), device=self.device), self.lengths)
        x = self.model.model.embed_tokens(flat)
        cos, sin = self._cos_sin(layout.positions, x.dtype)
        self.prompt: list[tuple[Tensor, Tensor]] = []
        for layer in self.model.model.layers:
            attended, k, v = layer.self_attn(x, cos, sin, layout)
            x = layer.finish(x, attended)
            self.prompt.append((self._pad(k, index, layout.positions), self._pad(v, index, layout.positions)))
        heads, width = shape.num_key_value_heads, shape.head_dim
        self.own = [(k.new_empty(len(group), heads, 0, width),) * 2 for k, _ in self.prompt]
        self.used, self.group = 0, group
        self._fuse()
        self._arrange()
        last = self.lengths.cumsum(0) - 1
        return self.model.lm_head(self.model.model.norm(x[last])).float()[group]

    def _pad(self, flat: Tensor, index: Tensor, positions: Tensor) -> Tensor:
        """Stream (N, heads, D) -> (P, heads, longest, D)."""
        longest = int(self.lengths.max())
        padded = flat.new_zeros(len(self.lengths), longest, *flat.shape[1:])
        padded[index, positions] = flat
        return padded.transpose(1, 2).contiguous()

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

    def _arrange(self) -> None:
        """Slots of the rows in a rectangle (groups, widest group), and the mask of prompt padding."""
        present, compact = torch.unique_consecutive(self.group, return_inverse=True)
        if len(present) < len(self.lengths):
            self.prompt = [(k[present], v[present]) for k, v in self.prompt]
            self.lengths, self.group = self.lengths[present], compact
            longest = int(self.lengths.max())
            self.prompt = [(k[:, :, :longest], v[:, :, :longest]) for k, v in self.prompt]
        count = torch.bincount(self.group)
        first = count.cumsum(0) - count
        self.widest = int(count.max())
        self.slot = (
            self.group * self.widest + torch.arange(len(self.group), device=self.device) - first[self.group]
        )
        self.full = len(self.slot) == len(present) * self.widest
        columns = torch.arange(self.prompt[0][0].shape[2], device=self.device)
        beyond = (columns >= self.lengths[:, None])[:, None, None, :]
        self.hidden = torch.zeros_like(beyond, dtype=self.prompt[0][0].dtype).masked_fill_(beyond, -torch.inf)

    def keep(self, rows: Tensor) -> None:
        """See Decoder."""
        self.group = self.group[rows]
        self.own = [(k[rows], v[rows]) for k, v in self.own]
        self._arrange()

    def _attend(self, q: Tensor, prompt: tuple[Tensor, Tensor], own: tuple[Tensor, Tensor]) -> Tensor:
        """One query per row (R, heads, D) over its prompt and its own tokens -> (R, heads · D).

        Softmax of two parts: each is summed by itself, then both are weighed by their totals.
        """
        rows, heads, width = q.shape
        groups, kv = len(self.lengths), self.model.shape.num_key_value_heads
        share = heads // kv
        q = q * width**-0.5
        spread = self._to_slots(q).view(groups, self.widest, kv, share, width).transpose(1, 2).flatten(2, 3)
        scores = (spread @ prompt[0].transpose(-1, -2)).add_(self.hidden)
        top = scores.amax(dim=-1, keepdim=True)
        weights = scores.sub_(top).exp_()
        part = torch.cat((weights @ prompt[1], weights.sum(dim=-1, keepdim=True), top), dim=-1)
        of_prompt = self._to_rows(part, share)
        scores = q.view(rows, kv, share, width) @ own[0].transpose(-1, -2)
        both = torch.maximum(scores.amax(dim=-1, keepdim=True), of_prompt[..., -1:])
        weights = scores.sub_(both).exp_()
        factor = (of_prompt[..., -1:] - both).exp_()
        total = weights.sum(dim=-1, keepdim=True).addcmul_(of_prompt[..., -2:-1], factor)
        out = (weights @ own[1]).addcmul_(of_prompt[..., :width], factor).div_(total)
        return out.reshape(rows, heads * width)

    def _to_slots(self, q: Tensor) -> Tensor:
        """(R, heads, D) -> (groups · widest, heads, D), zeros where a group has fewer rows."""
        if self.full:
            return q
        spread = q.new_zeros(len(self.lengths) * self.widest, *q.shape[1:])
        spread[self.slot] = q
        return spread

    def _to_rows(self, spread: Tensor, share: int) -> Tensor:
        """(groups, kv, widest · share, X) -> (R, kv, share, X)."""
        split = spread.unflatten(2, (self.widest, share)).transpose(1, 2).flatten(0, 1)
        return split if self.full else split[self.slot]

    def step(self, tokens: Tensor) -> Tensor:
        """See Decoder."""
        shape, body = self.model.shape, self.model.model
        x = body.embed_tokens(tokens)
        cos, sin = self._cos_sin(self.lengths[self.group] + self.used, x.dtype)
        kv_width = shape.num_key_value_heads * shape.head_dim
        for i, layer in enumerate(body.layers):
            qkv, gate_up = self.fused[i]
            q, k, v = F.linear(x, qkv).split((shape.hidden_size, kv_width, kv_width), dim=-1)
            q = rotate(layer.self_attn.q_norm(q).unflatten(-1, (-1, shape.head_dim)), cos, sin)
            k = rotate(layer.self_attn.k_norm(k).unflatten(-1, (-1, shape.head_dim)), cos, sin)
            own = self._append(i, k, v.unflatten(-1, (-1, shape.head_dim)))
            attended = layer.self_attn.o_proj(self._attend(q, self.prompt[i], own))
            x = x + layer.post_attention_layernorm(attended)
            gate, up = F.linear(x, gate_up).chunk(2, dim=-1)
            x = x + layer.post_feedforward_layernorm(layer.mlp.down_proj(F.silu(gate) * up))
        self.used += 1
        return self.model.lm_head(body.norm(x)).float()

    def _append(self, i: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Own keys and values (R, kv, used + 1, D) with this token's; the buffers grow by halves."""
        keys, values = self.own[i]
        if self.used == keys.shape[2]:
            room = max(16, keys.shape[2] // 2)
            keys, values = F.pad(keys, (0, 0, 0, room)), F.pad(values, (0, 0, 0, room))
            self.own[i] = (keys, values)
        keys[:, :, self.used], values[:, :, self.used] = k, v
        return keys[:, :, : self.used + 1], values[:, :, : self.used + 1]

    def logits(self, sequences: Sequence[Sequence[int]]) -> list[Tensor]:
        """See Decoder."""
        lengths = [len(s) for s in sequences]
        flat = torch.tensor([i for s in sequences for i in s], device=self.device)
        return list(self.model(flat, ragged(lengths).to(self.device)).split(lengths))


class TransformersDecoder:
    """Decoding for any causal model of transformers: prompts of one length at a time."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @property
    def device(self) -> torch.device:
        """Where the weights are now."""
        return self.model.device

    def prefill(self, prompts: Sequence[Sequence[int]], group: Tensor) -> Tensor:
        """See Decoder; the prompts must have equal lengths."""
        if len({len(p) for p in prompts}) != 1:
            raise ValueError("prompts of different lengths in one batch")
        out = self.model(torch.tensor([list(p) for p in prompts], device=self.device), use_cache=True)
        self.cache = out.past_key_values
        self.cache.batch_select_indices(group)
        return out.logits[:, -1].float()[group]

    def step(self, tokens: Tensor) -> Tensor:
        """See Decoder."""
        out = self.model(tokens[:, None], past_key_values=self.cache, use_cache=True)
        self.cache = out.past_key_values
        return out.logits[:, -1].float()

    def keep(self, rows: Tensor) -> None:
        """See Decoder."""
        self.cache.batch_select_indices(rows)

    def logits(self, sequences: Sequence[Sequence[int]]) -> list[Tensor]:
        """See Decoder."""
        return [self.model(torch.tensor([list(s)], device=self.device)).logits[0].float() for s in sequences]
