"""Sharded training (FSDP2): weights, gradients and moments spread over ranks, fp32 masters, bf16 layers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from trainer.config.schema import Compute
from trainer.models.trainable import Trainable

SHORT = 256  # tokens of a pass


def needs_group(compute: Compute) -> bool:
    """Whether a run with these settings is sharded, be it over a group of one."""
    return compute.shard or compute.precision == "bfloat16"


def place(model: Trainable, compute: Compute, device: torch.device) -> Trainable:
    """The model on its device, sharded where the settings ask for it.

    Gradients are summed over ranks in fp32, not averaged: losses are divided by global counts already.
    The head stays in fp32, so that logits are fp32 sums; the layers run in `compute.precision`.
    """
    model = model.to(device)
    model.prove()
    if compute.recompute or (compute.recompute is None and model.adapter):
        for layer in model.blocks():
            recompute(layer, model.recomputing)
    if not needs_group(compute):
        return model
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard

    mesh = init_device_mesh(device.type, (torch.distributed.get_world_size(),))
    kind = getattr(torch, compute.precision)
    layers = MixedPrecisionPolicy(param_dtype=kind, reduce_dtype=torch.float32, cast_forward_inputs=False)
    head = MixedPrecisionPolicy(reduce_dtype=torch.float32, cast_forward_inputs=False)
    for layer in model.blocks():
        fully_shard(layer, mesh=mesh, mp_policy=layers)
    if (output := model.head()) is not None:
        fully_shard(output, mesh=mesh, mp_policy=head)
    fully_shard(model, mesh=mesh, mp_policy=layers)
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.set_gradient_divide_factor(1.0)
            module.set_force_sum_reduction_for_comms(True)
    return model


def fitted(compute: Compute, model: Trainable) -> Compute:
    """The settings for a model: not every one computes a prompt once for all its rollouts; an adapter on a
    CPU is trained in short passes, which are most of its memory and no slower there."""
    update: dict[str, Any] = {"share_prompts": compute.share_prompts and model.shares_prompts}
    if model.adapter and model.device.type == "cpu" and "tokens_per_pass" not in compute.model_fields_set:
        update["tokens_per_pass"] = SHORT
    return compute.model_copy(update=update)


def recompute(layer: nn.Module, within: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
    """From now on the layer keeps its inputs alone for the backward pass (arXiv 1604.06174).

    within: what holds while it is computed once more.
    """
    from torch.utils.checkpoint import checkpoint

    forward = layer.forward

    @wraps(forward)
    def again(*args: Any, **named: Any) -> Any:
        if not torch.is_grad_enabled():
            return forward(*args, **named)
        how: dict[str, Any] = {"use_reentrant": False, "preserve_rng_state": False}
        return checkpoint(forward, *args, context_fn=lambda: (nullcontext(), within()), **how, **named)

    layer.forward = again


def settle(model: nn.Module) -> None:
    """Shard the weights again after a forward pass without a backward pass, which leaves the root's whole.

    Until then `model.parameters()` would be the whole ones, whose memory goes away.
    """
    from torch.distributed.fsdp import FSDPModule

    if isinstance(model, FSDPModule):
        model.reshard()


def gathered(value: Tensor) -> Tensor:
    """A tensor whole, on its device; every rank must call where it is sharded."""
    return (value.full_tensor() if isinstance(value, DTensor) else value).detach()


def local(value: Tensor) -> Tensor:
    """This rank's part of a tensor, in the same memory and without gradient."""
    return (value.to_local() if isinstance(value, DTensor) else value).detach()


def whole(value: Any) -> Any:
    """All tensors of a nested state whole, on the CPU; every rank must call where they are sharded."""
    if isinstance(value, Tensor):
        return gathered(value).cpu()
    if isinstance(value, dict):
        return {k: whole(v) for k, v in value.items()}
    return [whole(v) for v in value] if isinstance(value, list) else value


def restore(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load whole weights into a model that may be sharded."""
    with torch.no_grad():
        for name, own in model.state_dict().items():
            if name in weights:
                own.copy_(_like(weights[name], own))


def restore_optimizer(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Load a whole optimizer state; moments are spread as their weights are."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    spread = {
        number: {k: _like(v, weights[number]) if v.ndim else v for k, v in moments.items()}
        for number, moments in state["state"].items()
    }
    optimizer.load_state_dict({**state, "state": spread})


def _like(value: Tensor, own: Tensor) -> Tensor:
    if not isinstance(own, DTensor):
        return value
    return distribute_tensor(value.to(own.device), own.device_mesh, own.placements)
