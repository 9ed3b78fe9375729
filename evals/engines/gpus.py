"""GPUs of its own for each sampling process."""

from __future__ import annotations

import os


def one_gpu(part: int, width: int = 1) -> None:
    """Let this process see `width` GPUs only: those of number `part`, modulo their number, visible now.

    Call it before anything touches CUDA. With less than two GPUs nothing changes.
    """
    import torch

    count = torch.cuda.device_count()
    if count < 2:
        return
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named else [str(i) for i in range(count)]
    mine = [names[(part * width + i) % count].strip() for i in range(min(width, count))]
    os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(mine)
