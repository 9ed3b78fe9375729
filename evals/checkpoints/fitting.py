"""What of a checkpoint's weights does not fit its architecture, and the likely cause, in one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evals.checkpoints.checkpoint import Checkpoint
from evals.checkpoints.stored import Stored
from evals.core.errors import UserError

FLOATS = ("F64", "F32", "F16", "BF16")
COUNTERS = ("position_ids", "num_batches_tracked", "token_type_ids", ".version")
LAYER = re.compile(r"\.(?:layers|h|blocks?|layer)\.(\d+)\.")


@dataclass(frozen=True, slots=True)
class Gaps:
    """Names in no file (missing), names not wanted (unexpected), and (name, stored, wanted shape) (other)."""

    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    other: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.other)

    @classmethod
    def between(cls, stored: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> Gaps:
        """Gaps between two tables of names and shapes."""
        return cls(
            tuple(sorted(wanted.keys() - stored.keys())),
            tuple(sorted(stored.keys() - wanted.keys())),
            tuple((n, stored[n], wanted[n]) for n in sorted(stored.keys() & wanted.keys())
                  if stored[n] != wanted[n]),
        )  # fmt: skip

    @classmethod
    def reported(cls, report: Mapping[str, Any], stored: Mapping[str, Stored]) -> Gaps:
        """Gaps of a loading report of transformers."""
        other = [(str(n), tuple(a), tuple(b)) for n, a, b in report.get("mismatched_keys") or ()]
        names = {n for n, _, _ in other}
        missing = sorted(set(report.get("missing_keys") or ()) - names)
        return cls(tuple(missing), tuple(sorted(report.get("unexpected_keys") or ())), tuple(sorted(other)))


def check_types(found: Checkpoint, stored: Mapping[str, Stored]) -> None:
    """UserError where weights are stored as bytes or integers and nothing says how they were quantised."""
    if "quantization_config" in found.config:
        return
    odd = [n for n, t in stored.items() if t.dtype not in FLOATS and not n.endswith(COUNTERS)]
    if odd:
        raise UserError(
            f"checkpoint {found.name} does not load: {_listed(odd)} hold {stored[odd[0]].dtype} and not "
            "floating-point numbers, and config.json does not say how they were quantised; give the original "
            "checkpoint"
        )


def refusal(found: Checkpoint, gaps: Gaps) -> UserError:
    """The sentence: what does not fit, why most likely, what to do."""
    parts = []
    if gaps.missing:
        parts.append(f"{_listed(gaps.missing)} missing")
    if gaps.unexpected:
        parts.append(f"{_listed(gaps.unexpected)} left over")
    if gaps.other:
        name, stored, wanted = gaps.other[0]
        more = f", and {len(gaps.other) - 1} more" if len(gaps.other) > 1 else ""
        parts.append(f"{name} has the shape {list(stored)} where {list(wanted)} is wanted{more}")
    what, cause = ", ".join(parts), _cause(gaps)
    return UserError(
        f"checkpoint {found.name} does not load: its weights do not fit its config.json ({what}); {cause}"
    )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(n[:80] for n in names[:2])
    return f"{shown} and {len(names) - 2} more" if len(names) > 2 else shown


def _cause(gaps: Gaps) -> str:
    """The likely cause and the fix."""
    left, lost = gaps.unexpected, gaps.missing
    if any("lora_" in n or ".base_layer." in n for n in left):
        return "an adapter was saved unmerged with its base: call merge_and_unload() in peft, and save that"
    if any(n.endswith((".qweight", ".qzeros", ".absmax", ".weight_scale", ".scales")) for n in left):
        return "the weights are quantised and config.json does not say how: give the original checkpoint"
    if any(0 in stored for _, stored, _ in gaps.other):
        return (
            "tensors are empty, as DeepSpeed ZeRO-3 leaves them: merge the shards with "
            "`python -m deepspeed.utils.zero_to_fp32`"
        )
    if any(re.search(r"(^|\.)(score|classifier|reward|v_head|value_head|regression)", n) for n in left):
        return (
            "it is a reward model or a classifier, without a head for language: give the policy's checkpoint"
        )
    if lost and all(n.endswith(("lm_head.weight", "embed_out.weight")) for n in lost) and not left:
        return (
            "the output head was not saved: set tie_word_embeddings to true where the model shares "
            "it with the "
            "embedding, else save the checkpoint again with it"
        )
    layers = [{int(m[1]) for n in names if (m := LAYER.search(n))} for names in (lost, left)]
    if any(layers) and not (layers[0] and layers[1]):
        which = _range(layers[0] or layers[1])
        return f"layers {which} are concerned: save it again, or correct num_hidden_layers"
    if gaps.other and not lost and not left and len(gaps.other) <= 2:
        return "the vocabulary was resized after config.json was written: save model and config together"
    if lost and left:
        return (
            "the names are those of another library or wrapper: save it with save_pretrained of transformers"
        )
    return (
        "config.json is of another model, or the saving was cut short: save it again with its own config.json"
    )


def _range(layers: set[int]) -> str:
    return str(min(layers)) if len(layers) == 1 else f"{min(layers)} to {max(layers)}"
