"""Memory of freed tensors stays in the process, where the C library is glibc; rows are as many as fit."""

from __future__ import annotations

import ctypes
import platform
import subprocess
import sys

import pytest

from evals.engines import threads

SCRIPT = """
import ctypes, resource, sys
import torch
from evals.engines.threads import TRIM_THRESHOLD, keep_freed_memory
ctypes.CDLL(None).mallopt(TRIM_THRESHOLD, 1 << 17)  # glibc's own, which it raises as it likes
if sys.argv[1] == "kept":
    keep_freed_memory()
for turn in range(10):
    if turn == 2:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [torch.ones(1 << 18) for _ in range(40)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", SCRIPT, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told to keep memory")
def test_freed_tensors_are_not_mapped_again() -> None:
    pages = 8 * 40 * 256  # of eight turns, 4 KiB each
    assert faults("kept") < pages / 20 < pages / 2 < faults("not")


@pytest.mark.parametrize("error", [OSError, AttributeError, TypeError])
def test_another_c_library_is_left_alone(monkeypatch, error) -> None:
    def none(name: object) -> object:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", none)
    threads.keep_freed_memory()


def test_a_users_own_settings_stand(monkeypatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.trim_threshold=0")
    monkeypatch.setattr(ctypes, "CDLL", None)  # to call it would fail
    threads.keep_freed_memory()


def test_training_and_the_torch_engine_keep_it(monkeypatch, tmp_path) -> None:
    from evals.engines.open import open_engine
    from tests.evals.tiny import checkpoint
    from trainer.distributed import launch

    called: list[str] = []
    monkeypatch.setattr(launch, "keep_freed_memory", lambda: called.append("training"))
    monkeypatch.setattr(threads, "keep_freed_memory", lambda: called.append("sampling"))
    launch.on_cpu(1)
    open_engine(str(checkpoint(tmp_path)))
    assert called == ["training", "sampling"]


@pytest.mark.parametrize(
    ("parameters", "vocabulary", "rows"),
    [(135_000_000, 49_152, 128), (270_000_000, 262_144, 32), (494_000_000, 151_936, 55), (10**9, 49_152, 32)],
)
def test_rows_on_a_cpu_fit_its_caches_and_logits(parameters, vocabulary, rows):
    from evals.engines.open import rows_on_a_cpu

    assert rows_on_a_cpu(parameters, vocabulary) == rows
