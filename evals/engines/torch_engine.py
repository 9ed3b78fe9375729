"""The in-process engine: plain torch, ids in and ids out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from evals.checkpoints.tokenizer import encode
from evals.engines.decoders import Decoder, TransformersDecoder
from evals.engines.draw import draw, uniforms
from evals.records import Request, Sample, SamplingOptions

SCORE_TOKENS = 16_384


class TorchEngine:
    """Samples and scores with a model in this process. See `evals.engines.Engine` for the interface.

    rows: rows decoded together. One batch holds whole groups of equal prompts where they fit.
    """

    def __init__(
        self,
        decoder: Decoder,
        tokenizer: Any,
        *,
        eos_ids: tuple[int, ...],
        context: int,
        identity: dict[str, Any] | None = None,
        rows: int = 256,
    ) -> None:
        self.decoder, self.tokenizer = decoder, tokenizer
        self.eos_ids, self.context, self.rows = eos_ids, context, rows
        self.identity = identity or {}

    def encode(self, text: str) -> tuple[int, ...]:
        """See Engine."""
        return encode(self.tokenizer, text)

    def load_weights(self, weights: dict[str, torch.Tensor]) -> None:
        """Take new weights by their names; nothing is kept of the old ones."""
        model = self.decoder.model
        if "lm_head.weight" not in weights:
            weights = weights | {"lm_head.weight": weights["model.embed_tokens.weight"]}
        model.load_state_dict({k: v.to(model.lm_head.weight.dtype) for k, v in weights.items()})

    @torch.no_grad()
    def sample(self, requests: Sequence[Request], options: SamplingOptions) -> list[Sample]:
        """See Engine."""
        done: list[Sample | None] = [None] * len(requests)
        for batch in self._batches(requests):
            for index, sample in zip(batch, self._decode([requests[i] for i in batch], options), strict=True):
                done[index] = sample
        return [sample for sample in done if sample is not None]

    def _batches(self, requests: Sequence[Request]) -> Iterator[list[int]]:
        """Indices of requests, equal prompts adjacent, prompts of like length together."""
        order = sorted(
            range(len(requests)), key=lambda i: (len(requests[i].prompt_ids), requests[i].prompt_ids)
        )
        one_length = isinstance(self.decoder, TransformersDecoder)
        batch: list[int] = []
        for i in order:
            other = (
                one_length and batch and len(requests[batch[-1]].prompt_ids) != len(requests[i].prompt_ids)
            )
            if len(batch) == self.rows or other:
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def _decode(self, requests: Sequence[Request], options: SamplingOptions) -> list[Sample]:
        """One batch, from prefill to the last row's end; finished rows are dropped as they add up."""
        device = self.decoder.device
        prompts = list(dict.fromkeys(r.prompt_ids for r in requests))
        number = {ids: g for g, ids in enumerate(prompts)}
        logits = self.decoder.prefill(
            prompts, torch.tensor([number[r.prompt_ids] for r in requests], device=device)
        )
        seeds = np.array([r.seed for r in requests], dtype=np.uint64)
        rows = np.arange(len(requests))  # which request each decoded row is
        tokens: list[list[int]] = [[] for _ in requests]
        logprobs: list[list[float]] = [[] for _ in requests]
        reason: list[str | None] = [None] * len(requests)
        for position in range(options.max_tokens):
            uniform = torch.from_numpy(uniforms(seeds[rows], position)).to(device)
            drawn, logp = draw(logits, uniform, options)
            for row, token, value in zip(rows.tolist(), drawn.tolist(), logp.tolist(), strict=True):
                if reason[row] is None:
                    tokens[row].append(token)
                    logprobs[row].append(value)
                    if token in self.eos_ids or (options.stops and self._stopped(tokens[row], options.stops)):
                        reason[row] = "stop"
            alive = np.array([reason[row] is None for row in rows])
            if not alive.any() or position + 1 == options.max_tokens:
                break
            if alive.mean() < 0.9:
                kept = np.flatnonzero(alive)
                rows = rows[kept]
                index = torch.from_numpy(kept).to(device)
                self.decoder.keep(index)
                drawn = drawn[index]
            logits = self.decoder.step(drawn)
        return [
            Sample(self._text(ids, options.stops), tuple(ids), tuple(logps), why or "length")
            for ids, logps, why in zip(tokens, logprobs, reason, strict=True)
        ]

    def _stopped(self, ids: list[int], stops: tuple[str, ...]) -> bool:
        """Whether a stop text is complete; looks back far enough for any stop of one character a token."""
        tail = self.tokenizer.decode(ids[-(max(map(len, stops)) + 8) :], clean_up_tokenization_spaces=False)
        return any(stop in tail for stop in stops)

    def _text(self, ids: list[int], stops: tuple[str, ...]) -> str:
        """The response without its EOS, cut before the first stop text."""
        if ids and ids[-1] in self.eos_ids:
            ids = ids[:-1]
        text = self.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        cuts = [text.index(stop) for stop in stops if stop in text]
        return text[: min(cuts)] if cuts else text

    @torch.no_grad()
    def score(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """See Engine."""
        scores: list[list[float]] = [[] for _ in prompt_ids]
        for batch in self._score_batches(prompt_ids, response_ids):
            whole = [[*prompt_ids[i], *response_ids[i]] for i in batch]
            for i, ids, logits in zip(batch, whole, self.decoder.logits(whole), strict=True):
                start = len(prompt_ids[i])
                target = torch.tensor(ids[start:], device=logits.device)
                logp = logits[start - 1 : -1].log_softmax(-1).gather(-1, target[:, None])[:, 0]
                scores[i] = logp.tolist()
        return scores

    def _score_batches(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]]
    ) -> Iterator[list[int]]:
        batch: list[int] = []
        tokens = 0
        for i, (prompt, response) in enumerate(zip(prompt_ids, response_ids, strict=True)):
            if not prompt:
                raise ValueError("an empty prompt has no first-token probability")
            if not response:
                continue
            if batch and tokens + len(prompt) + len(response) > SCORE_TOKENS:
                yield batch
                batch, tokens = [], 0
            batch.append(i)
            tokens += len(prompt) + len(response)
        if batch:
            yield batch
