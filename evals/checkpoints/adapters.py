"""PEFT adapters: a folder beside its base model, merged into the base's weights in memory."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.checkpoints.fingerprint import fingerprints
from evals.checkpoints.forms import read_object
from evals.checkpoints.stored import Stored, stored_tensors
from evals.core.errors import UserError, first_line
from evals.core.keys import content_hash

FILES = ("adapter_model.safetensors", "adapter_model.bin")
ASIDE = ("base_model_name_or_path", "revision", "inference_mode", "peft_version", "auto_mapping")
MERGED = ("LORA", "ADALORA", "LOHA", "LOKR", "OFT", "BOFT", "IA3", "HRA", "VERA", "RANDLORA", "FOURIERFT")
SURVIVES = 0.5  # least share of an update, along itself, that must be left after rounding
RESIZED = re.compile(
    r"size mismatch for \S*(?:embed|wte|lm_head)\S*: copying a param with shape "
    r"torch\.Size\(\[(\d+), \d+\]\) from checkpoint, the shape in current model is torch\.Size\(\[(\d+),"
)
LOW_RANK = re.compile(r"\.lora_(embedding_)?[AB](\.\w+)?(\.weight)?$")


@dataclass(frozen=True, slots=True)
class Adapter:
    """An adapter found and checked.

    folder: of adapter_config.json. base, revision: the model that it changes, as named there. weights: the
    fingerprint of its files. tensors: of what it does to the weights, or None where it does nothing (a
    low-rank update whose second matrix is zero, as before training).
    """

    folder: Path
    base: str
    revision: str | None
    weights: str
    tensors: str | None


def read_adapter(path: Path, name: str) -> Adapter:
    """The adapter in a folder; UserError where it names no base, has no weights, or cannot be merged."""
    config = read_object(path / "adapter_config.json", name) or {}
    base, kind = config.get("base_model_name_or_path"), config.get("peft_type")
    if not isinstance(base, str) or not base:
        raise UserError(
            f"adapter {name} names no base model; set base_model_name_or_path in its adapter_config.json"
        )
    if kind not in MERGED:
        raise UserError(
            f"adapter {name} is of the kind {kind!r}, which cannot be merged into the weights of its base; "
            "give a LoRA adapter, or a whole checkpoint"
        )
    file = next((path / f for f in FILES if (path / f).is_file()), None)
    if file is None:
        raise UserError(f"adapter {name} is half-written: it has no {FILES[0]}; save it again")
    stored = stored_tensors([file], name)
    weights, tensors, _ = fingerprints([path / "adapter_config.json"], [file], stored)
    how = {k: v for k, v in config.items() if k not in ASIDE}
    effect = None if _without_effect(stored) else content_hash("adapter", tensors, how)
    revision = config.get("revision")
    return Adapter(path, base, revision if isinstance(revision, str) else None, weights, effect)


def _without_effect(stored: Mapping[str, Stored]) -> bool:
    """Whether all of it are low-rank pairs with zeros for the second matrix."""
    for name, tensor in stored.items():
        if not LOW_RANK.search(name) or tensor.value is not None:
            return False
        if "B" in name.rpartition("lora_")[2]:
            with tensor.file.open("rb") as stream:
                stream.seek(tensor.start)
                if stream.read(tensor.size).strip(b"\0"):
                    return False
    return bool(stored)


def merge_into(model: Any, adapter: Adapter, name: str, dtype: Any) -> Any:
    """The model in fp32 with the adapter in its weights, which are then rounded to `dtype`.

    UserError where that rounding would undo most of a small update: the base would be measured under the
    adapter's name.
    """
    before = {weight: p.data for weight, p in model.named_parameters()}
    model = merge(model, adapter, name)
    kept = whole = 0.0
    for weight, p in model.named_parameters():
        rounded, old = p.data.to(dtype), before.get(weight)
        if old is not None and old.shape == p.shape and old.data_ptr() != p.data_ptr():
            update = p.data - old
            kept += float(((rounded.float() - old) * update).sum())
            whole += float(update.square().sum())
        p.data = rounded
    if whole and kept < SURVIVES * whole:
        kind = str(dtype).removeprefix("torch.")
        raise UserError(
            f"only {max(0.0, kept / whole):.0%} of the update of adapter {name} survives rounding to {kind}; "
            "give --dtype float32, or save the merged model in float32"
        )
    model.config.dtype = dtype
    return model


def merge(model: Any, adapter: Adapter, name: str) -> Any:
    """The model with the adapter in its weights, through peft; UserError where the two do not fit."""
    try:
        from peft import PeftModel
    except ImportError as error:
        raise UserError(
            f"{name} is an adapter, and peft cannot be imported ({error}); install excursions[peft], or give "
            "the merged checkpoint"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            joined = PeftModel.from_pretrained(model, str(adapter.folder))
            report = joined.load_adapter(str(adapter.folder), adapter_name="default")
            lost = [k for k in report.missing_keys if "vblora" not in k] + list(report.unexpected_keys)
            if not lost:
                _untie(joined.get_base_model())
                return joined.merge_and_unload(safe_merge=True).eval()
    except Exception as error:  # peft and torch raise many kinds
        if rows := RESIZED.search(str(error)):
            raise UserError(
                f"adapter {name} was trained on a resized vocabulary, of {rows[1]} rows where its base "
                f"{adapter.base} has {rows[2]}; resize the base as it was for training, merge there "
                "(merge_and_unload() in peft), and give the checkpoint that is saved whole"
            ) from error
        lost = [first_line(error)]
    raise UserError(
        f"adapter {name} does not fit its base {adapter.base} ({lost[0]}); give the base that it was "
        "trained on"
    )


def _untie(model: Any) -> None:
    """Give an output head that is tied to the embedding weights of its own, where one of them is updated.

    The one tensor of both would take the update of either, as neither did in training.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer
    from torch.nn import Parameter

    ends = model.get_input_embeddings(), model.get_output_embeddings()
    if not any(isinstance(end, BaseTunerLayer) for end in ends):
        return
    embedding, head = (end.get_base_layer() if isinstance(end, BaseTunerLayer) else end for end in ends)
    if head.weight is embedding.weight:
        head.weight = Parameter(head.weight.detach().clone(), requires_grad=head.weight.requires_grad)
