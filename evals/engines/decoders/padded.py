"""Decoding for models of transformers that take no attention function of ours: through their own cache.

Prompts are padded on the left, with mask and positions, as in transformers' `generate`; a prompt is computed
once for all rows that continue it. Where a model cannot do with padding, prompts of one length at a time.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from evals.engines.decoders.heads import WithHead, last_hidden
from evals.engines.decoders.protocol import predicting

CACHES = ("past_key_values", "cache_params", "state")  # what the models call theirs


class PaddedDecoder(WithHead):
    """See Decoder. one_length: no padding is ever used."""

    def __init__(self, model: Any, *, one_length: bool = False) -> None:
        self.model, self.one_length = model, one_length
        takes = inspect.signature(model.forward).parameters
        self.cache_name = next(name for name in CACHES if name in takes)
        self.takes_positions = "position_ids" in takes
        self.takes_mask = "attention_mask" in takes

    def prefill(self, prompts: Sequence[Sequence[int]], group: Tensor) -> Tensor:
        """See Decoder."""
        lengths = [len(p) for p in prompts]
        longest = max(lengths)
        if self.one_length and min(lengths) < longest:
            raise ValueError("prompts of different lengths in one batch")
        ids = torch.tensor([[0] * (longest - len(p)) + list(p) for p in prompts], device=self.device)
        ends = torch.tensor(lengths, device=self.device)
        columns = torch.arange(longest, device=self.device)
        mask = (columns >= longest - ends[:, None]).long()
        positions = (columns - (longest - ends[:, None])).clamp(min=0)
        logits = self._forward(ids, mask, positions, None)
        self.cache.reorder_cache(group)
        self.mask, self.positions = mask[group], ends[group]
        return logits[group]

    def _forward(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: Any) -> Tensor:
        inputs: dict[str, Any] = {"input_ids": ids, "use_cache": True, "logits_to_keep": 1}
        if cache is not None:
            inputs[self.cache_name] = cache
        if self.takes_mask and not self.one_length:
            inputs["attention_mask"] = mask
        if self.takes_positions:
            inputs["position_ids"] = positions
        out = self.model(**inputs)
        self.cache = out[self.cache_name]
        return out.logits[:, -1].float()

    def step(self, tokens: Tensor) -> Tensor:
        """See Decoder."""
        self.mask = torch.cat((self.mask, self.mask.new_ones(len(tokens), 1)), dim=1)
        logits = self._forward(tokens[:, None], self.mask, self.positions[:, None], self.cache)
        self.positions = self.positions + 1
        return logits

    def keep(self, rows: Tensor) -> None:
        """See Decoder."""
        self.cache.reorder_cache(rows)
        self.mask, self.positions = self.mask[rows], self.positions[rows]

    def hidden(self, prompts: Sequence[Sequence[int]], responses: Sequence[Sequence[int]]) -> Tensor:
        """See Decoder. One sequence at a time: nothing then depends on padding."""
        found = []
        for prompt, response in zip(prompts, responses, strict=True):
            ids = torch.tensor([[*prompt, *response]], device=self.device)
            x = last_hidden(self.model, input_ids=ids, use_cache=False)
            found.append(x[0, predicting([(len(prompt), len(response))]).to(self.device)])
        return torch.cat(found)
