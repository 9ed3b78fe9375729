"""Which decoder a model of transformers gets: the fastest that agrees with the model itself.

"The model itself" is its forward without a cache, one text at a time: no padding, no state, nothing of ours.
An architecture whose cache does not do what its forward does is refused instead of sampled wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from evals.core.errors import UserError
from evals.engines.decoders.protocol import Decoder

STEPS = 3
EXACT, ROUGH = 1e-3, 0.2  # gap allowed by the spread of the logits: the largest in fp32, the usual in half


@torch.no_grad()
def decoder_for(model: Any, name: str, text: Sequence[int] | None = None) -> Decoder:
    """A decoder for the model of a checkpoint, proven on token ids of some text (a dozen or more).

    text: default: neighbours in the vocabulary. UserError where no decoder is proven.
    """
    from evals.engines.decoders.padded import PaddedDecoder
    from evals.engines.decoders.stream import StreamDecoder

    vocabulary = int(model.get_output_embeddings().weight.shape[0])
    text = text or range(vocabulary // 3, vocabulary // 3 + min(32, vocabulary // 2))
    for build in (StreamDecoder, PaddedDecoder, partial(PaddedDecoder, one_length=True)):
        try:
            decoder: Decoder = build(model)
            if agrees(decoder, text):
                return decoder
        except (torch.OutOfMemoryError, MemoryError):
            raise
        except Exception as error:  # a cache that lacks a method, an argument that is not known: the next one
            if "allocate memory" in str(error):
                raise
    kind = model.config.model_type
    raise UserError(
        f"sampling {name} in this process is not proven equal to transformers (its architecture {kind} keeps "
        "a state of its own kind); use --engine vllm, or a server that runs it with --engine server"
    )


def agrees(decoder: Decoder, text: Sequence[int]) -> bool:
    """Whether prefill, steps, dropped rows and scoring give the logits of the model's plain forward."""
    half = max(2, len(text) // 2)
    prompts = [list(text[:half]), list(text[-half:])] if decoder.one_length else _unlike(text)
    group = [0, 0, *range(1, len(prompts))]
    rows = [list(prompts[g]) for g in group]
    logits = decoder.prefill(prompts, torch.tensor(group, device=decoder.device))
    for step in range(STEPS):
        tokens = [int(text[(3 * row + step) % len(text)]) for row in range(len(rows))]
        wanted = torch.stack([plain(decoder.model, ids)[-1] for ids in rows])
        if not _near(logits, wanted, decoder.model):
            return False
        rows = [[*ids, token] for ids, token in zip(rows, tokens, strict=True)]
        logits = decoder.step(torch.tensor(tokens, device=decoder.device))
        if step == 0:
            decoder.keep(torch.arange(len(rows) - 1, device=decoder.device))
            rows, logits = rows[:-1], logits[:-1]
    whole = [(prompts[0], list(text[:3])), (prompts[0], list(text[1:5])), (prompts[1], list(text[2:4]))]
    scored = decoder.head(decoder.hidden([p for p, _ in whole], [r for _, r in whole]))
    wanted = torch.cat([plain(decoder.model, [*p, *r])[len(p) - 1 : -1] for p, r in whole])
    return _near(scored, wanted, decoder.model)


def _unlike(text: Sequence[int]) -> list[list[int]]:
    """Prompts of different lengths, in the order of batches: by length."""
    n = len(text)
    return [list(text[: max(2, n // 3)]), list(text[: max(3, n // 2)]), list(text)]


def plain(model: Any, ids: Sequence[int]) -> Tensor:
    """Logits (T, V) in fp32 of the model's forward on one sequence."""
    logits: Tensor = model(torch.tensor([list(ids)], device=model.device), use_cache=False).logits[0]
    return logits.float()


def _near(found: Tensor, wanted: Tensor, model: Any) -> bool:
    spread = wanted.std(dim=-1).clamp(min=1e-6)
    if model.dtype == torch.float32:
        return bool(((found - wanted).abs().amax(dim=-1) <= EXACT * spread).all())
    return bool(((found - wanted).std(dim=-1) <= ROUGH * spread).all())
