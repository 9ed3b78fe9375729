"""`evals doctor`: what is installed, what works here, and how fast this machine is."""

from __future__ import annotations

import os
import platform
import shutil
import time
from importlib import metadata, util
from pathlib import Path

PACKAGES = ("excursions", "numpy", "scipy", "pandas", "pyarrow", "sympy", "datasets", "torch", "transformers",
            "vllm", "peft", "openai", "lm_eval", "ray", "math_verify")  # fmt: skip
VARIABLES = ("EXCURSIONS_DATA", "HF_HOME", "HF_HUB_OFFLINE", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
SIZES = {"135M": 135e6, "1B": 1e9}  # parameters of the models whose cost is estimated

Rows = list[tuple[str, str]]


def doctor(*, measure: bool = True) -> dict[str, Rows]:
    """Sections of (what, finding): system, packages, devices, engines, and the cost of a run.

    measure: time a matrix product for half a second. The first thing to paste into a bug report.
    """
    sections = {"system": _system(), "packages": _packages(), "devices": _devices(), "engines": _engines()}
    if measure and util.find_spec("torch"):
        sections["cost, an estimate from one matrix product"] = _cost()
    return sections


def _system() -> Rows:
    free = shutil.disk_usage(Path.cwd()).free
    rows = [
        ("python", f"{platform.python_version()}, {platform.system()} {platform.machine()}"),
        ("cores", str(os.cpu_count())),
        ("memory", _memory()),
        ("free disk here", f"{free / 1e9:,.0f} GB"),
    ]
    return rows + [(name, os.environ[name]) for name in VARIABLES if name in os.environ]


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:,.0f} GB"
    except (AttributeError, ValueError, OSError):
        return "not known"


def _packages() -> Rows:
    rows = []
    for name in PACKAGES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    return rows


def _devices() -> Rows:
    if not util.find_spec("torch"):
        return [("torch", "not installed: statistics, the verifier, readers and reports work without it")]
    import torch

    rows = [("cpu", f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")]
    for i in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(i)
        rows.append((f"cuda:{i}", f"{about.name}, {about.total_memory / 1e9:,.0f} GB"))
    return rows


def _engines() -> Rows:
    needed = {"torch": ("torch", "torch"), "vllm": ("vllm", "vllm"), "server": ("openai", "server")}
    return [
        (name, "ready" if util.find_spec(module) else f"pip install 'excursions[{extra}]'")
        for name, (module, extra) in needed.items()
    ]


def _cost() -> Rows:
    rate = _product_rate()
    rows = [("matrix products", f"{rate / 1e9:,.0f} GFLOP/s")]
    for name, parameters in SIZES.items():
        seconds = 2 * parameters * 100 * 32 * 300 / rate
        text = (
            f"at least {seconds / 3600:,.1f} h for 100 problems x 32 samples x 300 tokens of one checkpoint"
        )
        rows.append((f"sampling a {name} model", text))
    return rows


def _product_rate(seconds: float = 0.5, size: int = 1024) -> float:
    """Floating-point operations a second of fp32 matrix products on the device that sampling takes."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    a = torch.ones(size, size, device=device)
    (a @ a).sum().item()
    began, products = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        (a @ a).sum().item()
        products += 1
    return 2 * size**3 * products / (time.perf_counter() - began)
