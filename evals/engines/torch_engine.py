"""The in-process engine: plain torch, ids in and ids out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch

from evals.checkpoints.tokenizer import encode
from evals.core.errors import UserError
from evals.engines.decoders import Decoder
from evals.engines.next_token import draw, uniforms
from evals.engines.texts import ended, text_of
from evals.records import Request, Sample, SamplingOptions

SCORE_TOKENS = 16_384
SCORE_LOGITS = 2**25  # of them at once: 128 MB in fp32


class TorchEngine:
    """Samples and scores with a model in this process. See `evals.engines.Engine` for the interface.

    rows: rows decoded together. One batch holds whole groups of equal prompts where they fit.
    chunk: samples that are drawn between two writes of a store. name: of the checkpoint, in errors.
    within: told in words, if it is set, how far the batch is that is being decoded.
    """

    within: Callable[[str], None] | None = None

    def __init__(
        self,
        decoder: Decoder,
        tokenizer: Any,
        *,
        eos_ids: tuple[int, ...],
        context: int,
        identity: dict[str, Any] | None = None,
        rows: int = 256,
        chunk: int | None = None,
        name: str = "the model",
        context_name: str = "the model's context",
    ) -> None:
        self.decoder, self.tokenizer, self.name = decoder, tokenizer, name
        self.eos_ids, self.context, self.rows = eos_ids, context, rows
        self.chunk = chunk or 4 * rows
        self.identity, self.context_name = identity or {}, context_name

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
        for request in requests:
            self.check_ids(request.prompt_ids, request.problem)
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
        batch: list[int] = []
        for i in order:
            other = batch and len(requests[batch[-1]].prompt_ids) != len(requests[i].prompt_ids)
            if len(batch) == self.rows or (other and self.decoder.one_length):
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
            if self.within:
                self.within(f"{len(rows)} in work, token {position + 1} of at most {options.max_tokens}")
            if len(bad := _not_finite(logits)):
                request = requests[rows[int(bad[0])]]
                self._refuse(request.problem, request.prompt_ids, position)
            uniform = torch.from_numpy(uniforms(seeds[rows], position)).to(device)
            drawn, logp = draw(logits, uniform, options)
            for row, token, value in zip(rows.tolist(), drawn.tolist(), logp.tolist(), strict=True):
                if reason[row] is None:
                    tokens[row].append(token)
                    logprobs[row].append(value)
                    if token in self.eos_ids or ended(self.tokenizer, tokens[row], options.stops):
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
            Sample(
                text_of(self.tokenizer, ids, self.eos_ids, options.stops),
                tuple(ids),
                tuple(logps),
                why or "length",
            )
            for ids, logps, why in zip(tokens, logprobs, reason, strict=True)
        ]

    def check_ids(self, ids: Sequence[int], problem: str = "") -> None:
        """UserError where an id lies beyond the model's embedding, as tokens that were added later may."""
        if max(ids, default=0) >= self.decoder.vocab_size:
            token = self.tokenizer.convert_ids_to_tokens(max(ids))
            where = f"problem {problem} asks with" if problem else "a text has"
            raise UserError(
                f"{where} the token {token!r} (id {max(ids)}), which {self.name} does not know: its "
                "embedding "
                f"has {self.decoder.vocab_size} rows; leave that token out, or give the tokenizer "
                "that the model "
                "was trained with"
            )

    def _refuse(self, problem: str, prompt_ids: Sequence[int], position: int) -> None:
        """Logits that are no numbers end the run: whatever were drawn from them would pass for a sample."""
        ending = self.tokenizer.decode(list(prompt_ids)[-12:]).strip()
        where = f"problem {problem}" if problem else f"the prompt that ends {ending!r}"
        raise UserError(
            f"checkpoint {self.name} gives NaN or infinite logits at token {position + 1} of its response to "
            f"{where}; its weights are damaged or overflow in this dtype: check them, or try --dtype float32"
        )

    def score(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]]
    ) -> list[list[float]]:
        """See Engine."""
        found: list[float] = []
        for logits, target in self.predictions(prompt_ids, response_ids):
            found += logits.log_softmax(-1).gather(-1, target[:, None])[:, 0].tolist()
        values = iter(found)
        return [[next(values) for _ in response] for response in response_ids]

    @torch.no_grad()
    def predictions(
        self, prompt_ids: Sequence[Sequence[int]], response_ids: Sequence[Sequence[int]]
    ) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Logits (M, V) that predict the tokens of the responses, and those (M,): in order, in chunks."""
        for ids in (*prompt_ids, *response_ids):
            self.check_ids(ids)
        size = max(1, SCORE_LOGITS // self.decoder.vocab_size)
        for batch in self._score_batches(prompt_ids, response_ids):
            prompts, responses = [prompt_ids[i] for i in batch], [response_ids[i] for i in batch]
            hidden = self.decoder.hidden(prompts, responses)
            target = torch.tensor([t for r in responses for t in r], device=hidden.device)
            places = [(p, at) for p, r in zip(prompts, responses, strict=True) for at in range(len(r))]
            for first in range(0, len(target), size):
                logits = self.decoder.head(hidden[first : first + size])
                if len(bad := _not_finite(logits)):
                    self._refuse("", *places[first + int(bad[0])])
                yield logits, target[first : first + size]

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


def _not_finite(logits: torch.Tensor) -> torch.Tensor:
    """Rows of logits (M, V) with NaN or infinity in them."""
    return (~logits.sum(dim=-1).isfinite()).nonzero()[:, 0]
