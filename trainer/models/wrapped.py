"""Any causal language model of transformers, trained: a flat stream, or rows padded right.

Where the architecture takes an attention function of ours, and was seen to give its own logits with it, it
computes the stream as it is: no padding, and a prompt once for all its responses. Else rows are padded right,
with a mask. Its own forward pass computes the logits, at counted positions alone, so what an architecture
does after its head (soft-capping, scaling) is done here too. Never in training mode: with dropout the policy
would be another one than that which sampled.
"""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evals.checkpoints.checkpoint import TOKENIZER_FILES, Checkpoint
from evals.checkpoints.config import context_of
from evals.checkpoints.loading import load_causal, quiet, sound
from evals.core.errors import UserError
from evals.engines.decoders import Decoder
from evals.engines.decoders.proof import decoder_for
from evals.models.ragged import Ragged
from trainer.config.schema import AdapterConfig
from trainer.models import adapter as lora
from trainer.models.experts import active
from trainer.models.native import write_json
from trainer.models.trainable import Costs, Trainable

BESIDE = (*TOKENIZER_FILES, "chat_template.jinja", "added_tokens.json", "tokenizer.model")


class WrappedModel(Trainable):
    """An `AutoModelForCausalLM` in fp32, `inner`, loaded from `found`; an adapter is trained alone.

    What its methods do is said in Trainable.
    """

    def __init__(self, inner: Any, found: Checkpoint, context: int, adapter: AdapterConfig | None) -> None:
        super().__init__()
        self.inner = inner.eval()
        self.found, self.context, self.adapter = found, context, adapter
        output = inner.get_output_embeddings()
        self.vocabulary = int(output.weight.shape[0])
        self.tied = output.weight is inner.get_input_embeddings().weight
        self.costs = _costs(inner)
        self.packed: Any = None

    def prove(self) -> None:
        """See Trainable: a stream is computed as it is where that is seen to be the model itself."""
        from evals.engines.decoders.stream import StreamDecoder

        with suppress(UserError):  # what cannot be sampled from here can be trained on demonstrations
            found = self.decoder()
            self.packed = found if isinstance(found, StreamDecoder) else None
        self.shares_prompts = self.packed is not None

    def forward(self, ids: Tensor, layout: Ragged | None = None, at: Tensor | None = None) -> Tensor:
        if layout is None or at is None:
            raise ValueError("a stream is computed with its layout, at the positions that count")
        index, real, place = (None, None, None) if self.packed else rectangle(layout)
        output = self.inner.get_output_embeddings()

        def narrow(_: nn.Module, args: tuple[Tensor, ...]) -> tuple[Tensor]:
            x = args[0] if place is None else args[0].flatten(0, 1)[place[at]][None]
            return (x.to(output.weight.dtype),)

        handle = output.register_forward_pre_hook(narrow)
        try:
            if real is None:
                logits: Tensor = self.packed.logits(ids, layout, at)
            else:
                rows = {"input_ids": ids[index], "attention_mask": real.long()}
                logits = self.inner(**rows, use_cache=False).logits[0]
        finally:
            handle.remove()
        return logits if logits.dtype in (torch.float32, torch.float64) else logits.float()

    def recomputing(self) -> AbstractContextManager[None]:
        return self.packed.ours() if self.packed is not None else nullcontext()

    def base(self) -> Trainable:
        """The model without its adapter, over the same weights."""
        base = _Base(self.inner, self.found, self.context, self.adapter)
        base.packed = self.packed
        return base

    def blocks(self) -> list[nn.Module]:
        many = self.inner.config.get_text_config().num_hidden_layers
        lists = (m for m in self.inner.modules() if isinstance(m, nn.ModuleList) and len(m) == many)
        return list(next(lists))

    def head(self) -> nn.Module | None:
        return None if self.tied else self.inner.get_output_embeddings()

    def decoder(self) -> Decoder:
        return self.packed or decoder_for(self.inner, self.found.name)

    def twin(self) -> Trainable:
        from transformers import AutoModelForCausalLM

        with torch.device(self.device):
            inner = AutoModelForCausalLM.from_config(self.inner.config)
            if self.adapter:
                lora.inject(inner, self.adapter, 0)
        return WrappedModel(inner, self.found, self.context, self.adapter)

    def learnt(self) -> dict[str, Tensor]:
        if self.adapter is None:
            return self.state_dict()
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def save_weights(self, folder: Path, weights: dict[str, Tensor]) -> None:
        """See Trainable; an adapter is merged."""
        from transformers import AutoModelForCausalLM

        state = {name.removeprefix("inner."): value for name, value in weights.items()}
        if self.adapter:
            state = lora.merged(self.inner, state)
        if self.tied:
            output = self.inner.get_output_embeddings()
            name = next(name for name, module in self.inner.named_modules() if module is output)
            state = {k: v for k, v in state.items() if not k.endswith(f"{name}.weight")}
        with torch.device("meta"):  # without weights, it knows under what names they are saved
            shell = AutoModelForCausalLM.from_config(self.inner.config)
        with quiet():
            shell.save_pretrained(folder, state_dict=state, max_shard_size="1000GB")

    def save(self, folder: Path, tokenizer: Any, weights: dict[str, Tensor]) -> None:
        """See Trainable: the parent's configuration and tokenizer; or the adapter alone."""
        if self.adapter and not self.adapter.merge:
            state = {name.removeprefix("inner."): value for name, value in weights.items()}
            lora.save(folder, state, self.adapter, self.found)
        else:
            self.save_weights(folder, weights)
            kind = str(next(iter(weights.values())).dtype).removeprefix("torch.")
            config = {k: v for k, v in self.found.config.items() if k != "torch_dtype"}
            write_json(folder / "config.json", config | {"dtype": kind})
            (folder / "generation_config.json").unlink(missing_ok=True)
            _copy(self.found.path, folder, ("generation_config.json",))
        _copy(self.found.tokenizer_path or self.found.path, folder, BESIDE)


class _Base(WrappedModel):
    """A model with its adapter switched off, over the same weights."""

    def forward(self, ids: Tensor, layout: Ragged | None = None, at: Tensor | None = None) -> Tensor:
        with lora.without(self.inner):
            return super().forward(ids, layout, at)


def rectangle(layout: Ragged) -> tuple[Tensor, Tensor, Tensor]:
    """All rows of a layout as one rectangle, padded on the right with each row's first token.

    Returns indices into the stream (rows, longest), which of them are real, and the place (N,) of each token
    of the stream in the flattened rectangle. One pass a stream: processes that share weights make as many.
    """
    longest = max(rows.shape[1] for rows in layout.rows)
    columns = torch.arange(longest, device=layout.positions.device)
    padded, places, before = [], [], 0
    for rows in layout.rows:
        count, length = rows.shape
        padded.append(torch.cat((rows, rows[:, :1].expand(count, longest - length)), dim=1))
        number = torch.arange(before, before + count, device=columns.device)[:, None]
        places.append((number * longest + columns[:length]).flatten())
        before += count
    index = torch.cat(padded)
    return index, layout.positions[index] == columns, torch.cat(places)[layout.inverse]


def load_wrapped(
    found: Checkpoint, tokenizer: Any, adapter: AdapterConfig | None = None, seed: int = 0
) -> WrappedModel:
    """The model of a checkpoint in fp32, with a fresh adapter keyed by `seed` where one is asked for."""
    if "quantization_config" in found.config:
        raise UserError(f"checkpoint {found.name} is quantised and cannot be trained; give its full weights")
    if adapter and found.adapter is not None:
        raise UserError(
            f"{found.name} is an adapter already; train another on a model into which it was merged"
        )
    with sound(found):
        inner = load_causal(found, torch.float32).requires_grad_(True)
    if inner.get_output_embeddings() is None:
        raise UserError(f"checkpoint {found.name} has no output matrix; give a causal language model")
    if adapter:
        lora.inject(inner, adapter, seed)
    return WrappedModel(inner, found, context_of(found, tokenizer), adapter)


def _costs(inner: Any) -> Costs:
    config, output = inner.config.get_text_config(), inner.get_output_embeddings().weight
    tables = {id(output), *(id(m.weight) for m in inner.modules() if isinstance(m, nn.Embedding))}
    own = [(name, p) for name, p in inner.named_parameters() if p.ndim >= 2 and id(p) not in tables]
    matrices = active(config, [(name, tuple(p.shape)) for name, p in own])
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    return Costs(matrices, config.num_hidden_layers * width, output.numel())


def _copy(source: Path, target: Path, names: tuple[str, ...]) -> None:
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
