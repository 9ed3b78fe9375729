"""Checkpoints that training makes: Hugging Face folders with a lineage file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.models.olmo2 import Olmo2Shape
from trainer.config.schema import AdapterConfig, Questions
from trainer.data.asking import for_lineage
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.models.native import load_native, write_json
from trainer.models.trainable import Trainable
from trainer.models.wrapped import load_wrapped
from trainer.run.files import write_folder


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a checkpoint comes from: lineage.json.

    parent: weights fingerprint of the checkpoint it was trained from (None from scratch), parent_name its
    path as given, parent_tensors the fingerprint of its tensors, the same however they are saved. recipe:
    base, rl, sft, sft-gold, sft-rl, sft-gold-rl or parallel. step: of this stage. tokens: pre-training tokens
    seen. flops: training and sampling of this stage. data: fingerprint of the training data. prompt: template
    and shots that evaluation takes by default.
    """

    parent: str | None
    parent_name: str | None
    recipe: str
    step: int
    tokens: int
    flops: float
    seed: int
    data: str
    prompt: dict[str, Any]
    parent_tensors: str | None = None


def save_checkpoint(
    path: Path, model: Trainable, tokenizer: Any, lineage: Lineage, ends: Sequence[int] = ()
) -> None:
    """Write a folder in fp32 that transformers, vLLM and lm-eval read. All ranks call, one writes.

    ends: ids that ended a response in training, which its generation_config.json then names.
    """
    weights = shard.whole(model.state_dict())
    if distributed.rank() > 0:
        return

    def fill(folder: Path) -> None:
        model.save(folder, tokenizer, weights)
        if ends and (folder / "config.json").is_file():
            _name_ends(folder, ends)
        told = {k: v for k, v in asdict(lineage).items() if k != "parent_tensors" or v is not None}
        write_json(folder / "lineage.json", told)

    write_folder(path, fill)


def _name_ends(folder: Path, ends: Sequence[int]) -> None:
    """Other engines stop at what generation_config.json says, else config.json: name all ends there."""
    path, name = folder / "generation_config.json", "eos_token_id"
    own = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    config = json.loads((folder / "config.json").read_text("utf-8"))
    said = own.get(name, config.get(name))
    known = set(said if isinstance(said, list) else [] if said is None else [said])
    if not known.issuperset(ends):
        write_json(path, own | {name: sorted(known.union(ends))})


def load_parent(
    found: Checkpoint, adapter: AdapterConfig | None = None, seed: int = 0
) -> tuple[Trainable, Any]:
    """(model in fp32, tokenizer) of the checkpoint that an excursion starts from.

    OLMo2 is computed by this package, everything else, and every adapter, by transformers.
    """
    from evals.checkpoints.tokenizer import tokenizer_of

    tokenizer = tokenizer_of(found)
    native = adapter is None and Olmo2Shape.from_config(found.config) is not None
    model: Trainable = load_native(found) if native else load_wrapped(found, tokenizer, adapter, seed)
    if len(tokenizer) > model.vocabulary:
        raise UserError(
            f"the tokenizer of {found.name} has {len(tokenizer)} entries and the model "
            f"{model.vocabulary}; use the tokenizer that the model was trained with"
        )
    return model, tokenizer


def same_tokens(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether two tokenizers have the same entries under the same ids, whatever else their files say."""
    from evals.checkpoints.tokenizer import tokenizer_of

    return bool(tokenizer_of(one).get_vocab() == tokenizer_of(other).get_vocab())


def descend(found: Checkpoint, stage: str, step: int, flops: float, config: Questions, data: str) -> Lineage:
    """The lineage of a checkpoint trained from `found` by `stage` (rl, sft, sft-gold or parallel).

    RL after SFT has a name of its own: sft-rl, sft-gold-rl.
    """
    before = found.lineage or {}
    after_sft = stage == "rl" and before.get("recipe") in ("sft", "sft-gold")
    recipe = f"{before['recipe']}-rl" if after_sft else stage
    tokens = int(before.get("tokens") or 0)
    of_run = recipe, step, tokens, flops, config.seed, data, for_lineage(config)
    return Lineage(found.weights, found.name, *of_run, found.tensors)
