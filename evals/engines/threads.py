"""Threads and memory of a process that runs a model on a CPU."""

from __future__ import annotations

import ctypes
import os

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of glibc's mallopt
OWN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def one_thread() -> None:
    """Small models on a CPU are fastest with one thread a process; a user's own OMP_NUM_THREADS stands."""
    import torch

    if "OMP_NUM_THREADS" not in os.environ and not torch.cuda.is_available():
        torch.set_num_threads(1)


def keep_freed_memory() -> None:
    """On a CPU, give the memory of freed tensors to the next ones instead of the system, by glibc.

    Every token and step frees and takes the same tensors; without their page faults they take 5 to 12% less
    time. Other C libraries and a user's own settings are left as they are.
    """
    if any(name in os.environ for name in OWN):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(MMAP_THRESHOLD, 1 << 25)  # the largest that glibc takes
    mallopt(TRIM_THRESHOLD, 1 << 28)
