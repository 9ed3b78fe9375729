"""Threads of the in-process engine."""

from __future__ import annotations

import os


def one_thread() -> None:
    """Small models on a CPU are fastest with one thread a process; a user's own OMP_NUM_THREADS stands."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ and not torch.cuda.is_available():
        torch.set_num_threads(1)
