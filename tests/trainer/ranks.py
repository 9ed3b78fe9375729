"""What the processes of a group do in tests: every loop, plain and sharded, and a batch with an idle rank."""

from pathlib import Path

import torch

from evals.checkpoints.checkpoint import open_checkpoint
from tests.trainer.loops import PARALLEL, PRETRAIN, RL, SFT, rewarded
from tests.trainer.tiny import wrapper
from trainer import parallel, pretrain, rl, sft
from trainer.algorithms.loss import add_gradient
from trainer.config.schema import AdapterConfig, Compute
from trainer.data import corpus as data
from trainer.distributed import fsdp as shard
from trainer.distributed import ranks as distributed
from trainer.models.native import new_model
from trainer.run.folder import claim

KINDS = {"plain": Compute(), "sharded": Compute(shard=True)}


def run_all(parent: Path, llama: Path, out: Path) -> None:
    """All loops into out/KIND/NAME, and gradients of an uneven batch into out/KIND/gradient-MODEL.pt.

    The last two are of a model of transformers, whole and by LoRA.
    """
    found, other = open_checkpoint(str(parent)), open_checkpoint(str(llama))
    for kind, compute in KINDS.items():
        if shard.needs_group(compute) and not torch.distributed.is_initialized():
            continue
        config = PRETRAIN.model_copy(update={"compute": compute})
        whole, adapted = {"compute": compute}, {"compute": compute, "adapter": AdapterConfig(rank=2)}
        for name, loop, how in (
            ("pretrain", pretrain._loop, config),
            ("sft", sft._loop, SFT.model_copy(update={"compute": compute})),
            ("rl", rl._loop, RL.model_copy(update={"compute": compute})),
            ("parallel", parallel._loop, _both(compute)),
            ("llama", rl._loop, RL.model_copy(update=whole)),
            ("lora", sft._loop, SFT.model_copy(update=adapted)),
        ):
            folder = out / kind / name
            if distributed.rank() == 0:
                claim(folder, how)
                if name == "pretrain":
                    data.prepare(folder / "data", how)
            distributed.barrier()
            with rewarded():
                start = other if name in ("llama", "lora") else found
                loop(*(() if name == "pretrain" else (start,)), how, folder, True)
        for name, model in (("native", new_model(config.model, 64, 3)), ("wrapped", wrapper("llama"))):
            _uneven(model, compute, out / kind / f"gradient-{name}.pt")


def _both(compute: Compute):
    return PARALLEL.model_copy(
        update={
            "rl": PARALLEL.rl.model_copy(update={"compute": compute}),
            "sft": PARALLEL.sft.model_copy(update={"compute": compute}),
        }
    )


def _uneven(model, compute: Compute, file: Path) -> None:
    """Fault 25: of one sequence in a batch, the second rank has nothing to do."""
    model = shard.place(model, compute, distributed.device())
    loss = add_gradient(model, [[1, 2, 3, 4, 5, 6]], [3], 64)
    gradients = {name: shard.gathered(p.grad) for name, p in model.named_parameters()}
    if distributed.rank() == 0:
        torch.save({"loss": loss, "gradients": gradients}, file)
