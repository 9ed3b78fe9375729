"""One GPU for each sampling process."""

from __future__ import annotations

import os


def one_gpu(part: int) -> None:
    """Let this process see one GPU only: number `part`, modulo their number, of those visible now.

    Call it before anything touches CUDA. With less than two GPUs nothing changes.
    """
    import torch

    count = torch.cuda.device_count()
    if count < 2:
        return
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = named.split(",") if named else [str(i) for i in range(count)]
    os.environ["CUDA_VISIBLE_DEVICES"] = names[part % count].strip()
