"""What a user may tell vLLM of how to run a model, as KEY=VALUE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from evals.core.bounds import check_fields
from evals.core.errors import UserError


@dataclass(frozen=True, slots=True)
class VllmOptions:
    """Options of `vllm.LLM`; of them only quantization changes what is drawn (rounding aside).

    tensor_parallel_size: GPUs that share the model. gpu_memory_utilization: share of a GPU's memory (default:
    vLLM's).
    max_model_len: longest prompt and response (default: what prompts and responses need). quantization: fp8,
    awq, … (default: as the checkpoint was saved).
    """

    tensor_parallel_size: int = 1
    gpu_memory_utilization: float | None = None
    max_model_len: int | None = None
    quantization: str | None = None


def vllm_options(given: Sequence[str]) -> VllmOptions:
    """Options from texts KEY=VALUE. UserError for a key that is not known and a value that is none."""
    known = {f.name: f.type for f in fields(VllmOptions)}
    values: dict[str, Any] = {}
    for text in given:
        key, _, value = text.partition("=")
        check_fields({key: value}, tuple(known), "--vllm")
        values[key] = _value(key, str(known[key]), value)
    return VllmOptions(**values)


def _value(key: str, kind: str, text: str) -> Any:
    try:
        if kind.startswith("int"):
            number: float = int(text)
        elif kind.startswith("float"):
            number = float(text)
        else:
            return text or None
    except ValueError:
        number = -1
    if not 0 < number <= (1 if kind.startswith("float") else 2**31):
        wanted = "a share above 0, at most 1" if kind.startswith("float") else "a whole number from 1"
        raise UserError(f"--vllm {key}={text} cannot be; give {wanted}")
    return number
