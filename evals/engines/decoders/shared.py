"""Rows that share prompts: one copy of a prompt's keys and values, and attention of one query per row."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

Pair = tuple[Tensor, Tensor]  # keys and values
SPARE = 16  # places for the next tokens that are kept with the rows


class SharedRows:
    """The cache of a batch: row r continues prompt group[r]; all rows have the same number of own tokens.

    lengths: (P,) of the prompts. group: (R,), ascending. wide: softmax in fp32 whatever the layers' dtype.
    """

    def __init__(self, lengths: Tensor, group: Tensor, *, wide: bool = False) -> None:
        self.lengths, self.group, self.wide = lengths, group, wide
        self.longest = int(lengths.max())
        self.prompt: list[Pair] = []  # per layer (P, kv heads, longest, D)
        self.own: list[Pair] = []  # per layer (R, kv heads, room, D)
        self.used = 0

    def store(self, layer: int, keys: Tensor, values: Tensor, index: Tensor, positions: Tensor) -> None:
        """Keep a stream (N, kv heads, D) of prompt tokens: token n is at positions[n] of prompt index[n]."""
        while len(self.prompt) <= layer:
            self.prompt.append((self._room(keys), self._room(values)))
            self.own.append((self._none(keys), self._none(values)))
        for whole, flat in zip(self.prompt[layer], (keys, values), strict=True):
            whole.transpose(1, 2)[index, positions] = flat

    def _room(self, flat: Tensor) -> Tensor:
        return flat.new_zeros(len(self.lengths), flat.shape[1], self.longest, flat.shape[2])

    def _none(self, flat: Tensor) -> Tensor:
        return flat.new_empty(len(self.group), flat.shape[1], 0, flat.shape[2])

    def arrange(self) -> None:
        """Slots of the rows in a rectangle (groups, widest group), and the mask of prompt padding."""
        present, compact = torch.unique_consecutive(self.group, return_inverse=True)
        if len(present) < len(self.lengths):
            self.prompt = [(k[present], v[present]) for k, v in self.prompt]
            self.lengths, self.group = self.lengths[present], compact
            self.longest = int(self.lengths.max())
            self.prompt = [(k[:, :, : self.longest], v[:, :, : self.longest]) for k, v in self.prompt]
        count = torch.bincount(self.group)
        first = count.cumsum(0) - count
        device = self.group.device
        self.widest = int(count.max())
        self.slot = self.group * self.widest + torch.arange(len(self.group), device=device)
        self.slot = self.slot - first[self.group]
        self.full = len(self.slot) == len(present) * self.widest
        self.columns = torch.arange(self.prompt[0][0].shape[2], device=device)
        self.shortest = int(self.lengths.min())
        self._masks: dict[int | None, tuple[int, Tensor]] = {}

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only, in this order."""
        self.group = self.group[rows]
        self.own = [(self._kept(k, rows), self._kept(v, rows)) for k, v in self.own]
        self.arrange()

    def _kept(self, own: Tensor, rows: Tensor) -> Tensor:
        return own[:, :, : self.used + SPARE].index_select(0, rows)  # half the time of own[rows] on a CPU

    @property
    def positions(self) -> Tensor:
        """(R,) position of each row's next token."""
        return self.lengths[self.group] + self.used

    def append(self, layer: int, keys: Tensor, values: Tensor) -> Pair:
        """Own keys and values (R, kv heads, used + 1, D) with this token's (R, kv heads, D).

        The buffers grow by halves. `advance` ends the token.
        """
        whole = self.own[layer]
        if self.used == whole[0].shape[2]:
            room = max(SPARE, self.used // 2)
            whole = (F.pad(whole[0], (0, 0, 0, room)), F.pad(whole[1], (0, 0, 0, room)))
            self.own[layer] = whole
        whole[0][:, :, self.used], whole[1][:, :, self.used] = keys, values
        return whole[0][:, :, : self.used + 1], whole[1][:, :, : self.used + 1]

    def advance(self) -> None:
        """All layers have the token."""
        self.used += 1
        self._masks = {window: mask for window, mask in self._masks.items() if window is None}

    def _mask(self, window: int | None) -> tuple[int, Tensor]:
        """First prompt column that any row sees, and 0 or -inf (groups, 1, 1, columns from there)."""
        if window not in self._masks:
            dtype = torch.float32 if self.wide else self.prompt[0][0].dtype
            first = 0 if window is None else self.shortest + self.used - window + 1
            first = min(max(first, 0), len(self.columns) - 1)
            columns = self.columns[first:]
            unseen = columns >= self.lengths[:, None]
            if window is not None:
                unseen |= columns <= self.lengths[:, None] + self.used - window
            unseen = unseen[:, None, None, :]
            mask = torch.zeros_like(unseen, dtype=dtype).masked_fill_(unseen, -torch.inf)
            self._masks[window] = first, mask
        return self._masks[window]

    def attend(self, layer: int, q: Tensor, own: Pair, scale: float, window: int | None = None) -> Tensor:
        """One query per row (R, heads, D) over its prompt and its own tokens -> (R, heads, value D).

        Softmax of two parts: each is summed by itself, then both are weighed by their totals.
        window: only so many latest positions are seen, the query's own among them.
        """
        (rows, heads, width), (keys, values) = q.shape, self.prompt[layer]
        groups, kv = len(self.lengths), keys.shape[1]
        share, dtype = heads // kv, torch.float32 if self.wide else q.dtype
        q = q * scale
        first, hidden = self._mask(window)
        spread = self._to_slots(q).view(groups, self.widest, kv, share, width).transpose(1, 2).flatten(2, 3)
        scores = (spread @ keys[:, :, first:].transpose(-1, -2)).to(dtype).add_(hidden)
        top = scores.amax(dim=-1, keepdim=True)
        if window is not None:  # a row may see nothing of its prompt any more
            top = top.clamp_(min=torch.finfo(dtype).min)
        weights = scores.sub_(top).exp_()
        seen = (weights.to(q.dtype) @ values[:, :, first:]).to(dtype)
        of_prompt = self._to_rows(torch.cat((seen, weights.sum(dim=-1, keepdim=True), top), dim=-1), share)
        start = 0 if window is None else max(0, self.used + 1 - window)
        scores = (q.view(rows, kv, share, width) @ own[0][:, :, start:].transpose(-1, -2)).to(dtype)
        both = torch.maximum(scores.amax(dim=-1, keepdim=True), of_prompt[..., -1:])
        weights = scores.sub_(both).exp_()
        factor = (of_prompt[..., -1:] - both).exp_()
        total = weights.sum(dim=-1, keepdim=True).addcmul_(of_prompt[..., -2:-1], factor)
        out = (weights.to(q.dtype) @ own[1][:, :, start:]).to(dtype)
        out = out.addcmul_(of_prompt[..., :-2], factor).div_(total)
        return out.to(q.dtype).reshape(rows, heads, -1)

    def _to_slots(self, q: Tensor) -> Tensor:
        """(R, heads, D) -> (groups · widest, heads, D), zeros where a group has fewer rows."""
        if self.full:
            return q
        spread = q.new_zeros(len(self.lengths) * self.widest, *q.shape[1:])
        return spread.index_copy_(0, self.slot, q)

    def _to_rows(self, spread: Tensor, share: int) -> Tensor:
        """(groups, kv, widest · share, X) -> (R, kv, share, X)."""
        split = spread.unflatten(2, (self.widest, share)).transpose(1, 2).flatten(0, 1)
        return split if self.full else split.index_select(0, self.slot)
