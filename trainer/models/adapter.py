"""LoRA (arXiv 2106.09685) through peft: injected into a model, saved as an adapter, or merged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evals.checkpoints.checkpoint import Checkpoint
from evals.core.errors import UserError
from evals.core.keys import derive_seed
from trainer.config.schema import AdapterConfig

NAME = "default"  # peft's, in the names of weights


def inject(inner: Any, adapter: AdapterConfig, seed: int) -> None:
    """Put the adapter into the model in place and freeze the rest. Its weights are keyed by `seed`.

    A is random and B zero, so the model's function is at first unchanged.
    """
    try:
        from peft import inject_adapter_in_model
    except ImportError as error:
        raise UserError("adapter needs peft: pip install 'excursions[peft]'") from error
    names, table = [name for name, _ in inner.named_modules()], inner.get_input_embeddings().weight
    fit = _names(inner, table)
    given = () if isinstance(adapter.targets, str) else adapter.targets
    wrong = [t for t in given if not any(n == t or n.endswith(f".{t}") for n in names)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("adapter", seed) % 2**63)
        try:
            if not wrong:
                inject_adapter_in_model(_config(adapter), inner)
        except ValueError:
            wrong = [str(adapter.targets)]
    if wrong:
        raise UserError(f"adapter.targets: {wrong[0]!r} fits no layer of this model; give {fit}")
    for name, layer in _layers(inner).items():
        if layer.weight is table or isinstance(layer.get_base_layer(), torch.nn.Embedding):
            raise UserError(
                f"adapter.targets: {name} is an embedding, or a head tied to it, which takes no adapter; "
                f"give {fit}"
            )
    for name, parameter in inner.named_parameters():
        parameter.requires_grad_(".lora_" in name)


def _names(inner: Any, table: Tensor) -> str:
    """What may be targets, in words: the linear layers, but no head that is the embedding `table`."""
    from transformers.pytorch_utils import Conv1D

    found = [(n, m) for n, m in inner.named_modules() if isinstance(m, torch.nn.Linear | Conv1D)]
    names = {n.rpartition(".")[2] for n, m in found if m.weight is not table}
    return f"all-linear, or names among {', '.join(sorted(names))}"


def _config(adapter: AdapterConfig, base: str | None = None) -> Any:
    from peft import LoraConfig

    targets = adapter.targets if isinstance(adapter.targets, str) else list(adapter.targets)
    own: dict[str, Any] = {"r": adapter.rank, "lora_alpha": adapter.alpha, "target_modules": targets}
    fixed: dict[str, Any] = {"lora_dropout": 0.0, "bias": "none", "task_type": "CAUSAL_LM"}
    return LoraConfig(**own, **fixed, base_model_name_or_path=base, inference_mode=base is not None)


@contextmanager
def without(inner: Any) -> Iterator[None]:
    """The model as it was before the adapter."""
    layers = _layers(inner).values()
    for layer in layers:
        layer._disable_adapters = True
    try:
        yield
    finally:
        for layer in layers:
            layer._disable_adapters = False


def _layers(inner: Any) -> dict[str, Any]:
    from peft.tuners.lora import LoraLayer

    return {name: module for name, module in inner.named_modules() if isinstance(module, LoraLayer)}


def merged(inner: Any, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a plain model of the same function: W + scale · BA, under the names without adapter."""
    out = {k.replace(".base_layer.", "."): v for k, v in state.items() if ".lora_" not in k}
    for name, layer in _layers(inner).items():
        down, up = (state[f"{name}.lora_{side}.{NAME}.weight"] for side in "AB")
        delta = layer.scaling[NAME] * (up @ down)
        out[f"{name}.weight"] = out[f"{name}.weight"] + (delta.T if layer.fan_in_fan_out else delta)
    return out


def save(folder: Path, state: dict[str, Tensor], adapter: AdapterConfig, found: Checkpoint) -> None:
    """Write the adapter as peft reads it, with the checkpoint that it stands on named."""
    from safetensors.torch import save_file

    own = {
        f"base_model.model.{name.replace(f'.{NAME}.', '.')}": value.contiguous()
        for name, value in state.items()
        if ".lora_" in name
    }
    save_file(own, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    local = Path(found.name).expanduser().is_dir()
    _config(adapter, str(found.path.resolve()) if local else found.name).save_pretrained(folder)
